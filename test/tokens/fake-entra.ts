import { constants, createHash, createPublicKey, randomUUID, verify, X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { httpsServer } from '../base/https-server.ts';
import { noteSecret } from '../support/secret-search/record.ts';
import { entraErrorAnswer } from './entra/error-answer.ts';
import { FakeEntraPeople } from './fake-entra-people.ts';

export { entraErrorAnswer } from './entra/error-answer.ts';

/**
 * Microsoft Entra ID as its documents describe it: "OpenID Connect on the Microsoft identity platform" (the
 * openid-configuration), "OAuth 2.0 client credentials flow" (the request, its answer, the error answer), "Certificate
 * credentials" (the assertion), "Error codes" (numbers and texts).
 */
export interface FakeEntra {
  readonly authority: string;
  readonly ca: string;
  readonly port: number;
  /** `GET /path` and `POST /path` of every request. */
  readonly requests: string[];
  /** The form of every token request. */
  readonly posts: URLSearchParams[];
  /** The access tokens given out. */
  readonly tokens: string[];
  /** Replaces the usual answer to the next token requests, one each. */
  readonly next: ((response: ServerResponse, form: URLSearchParams) => void)[];
  /** Lifetime of tokens, in seconds. */
  lifetime: number;
  /** The flows for a person. */
  readonly people: FakeEntraPeople;
  /** The form of every request for a device code. */
  readonly deviceCodePosts: URLSearchParams[];
  close(): Promise<void>;
}

export const tenant = 'contoso.onmicrosoft.com';
export const clientId = '11111111-2222-3333-4444-555555555555';
export const secret = 'Xy8Q~s3cret/with+signs&100%';
export const expiredSecret = 'Old8Q~expired.secret';

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
) {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify(body));
}

export async function startFakeEntra(certificates: readonly string[] = []): Promise<FakeEntra> {
  const state = {
    requests: [] as string[],
    posts: [] as URLSearchParams[],
    tokens: [] as string[],
    next: [] as FakeEntra['next'],
    lifetime: 3599,
    people: new FakeEntraPeople(),
    deviceCodePosts: [] as URLSearchParams[],
  };
  const newToken = () => {
    const token = `token-${state.tokens.length + 1}-${randomUUID()}`;
    state.tokens.push(token);
    noteSecret('token', token);
    return token;
  };
  const server = await httpsServer(async (request, response) => {
    const base = `https://${request.headers.host}`;
    const url = new URL(request.url ?? '/', base);
    state.requests.push(`${request.method} ${url.pathname}`);
    const name = url.pathname.split('/')[1] ?? '';
    if (url.pathname.endsWith('/v2.0/.well-known/openid-configuration')) return discovery(response, base, name);
    if (request.method === 'POST' && url.pathname.endsWith('/oauth2/v2.0/devicecode')) {
      const form = new URLSearchParams(await bodyOf(request));
      state.deviceCodePosts.push(form);
      return sendJson(response, ...state.people.deviceCode(form));
    }
    if (request.method !== 'POST' || !url.pathname.endsWith('/oauth2/v2.0/token')) return response.writeHead(404).end();
    const form = new URLSearchParams(await bodyOf(request));
    state.posts.push(form);
    noteSecret('client secret', form.get('client_secret') ?? '');
    const instead = state.next.shift();
    if (instead) return instead(response, form);
    if (form.get('grant_type') !== 'client_credentials') {
      return sendJson(response, ...state.people.token(form, newToken, state.lifetime));
    }
    const refusal = refusalOf(form, `${base}${url.pathname}`, certificates);
    if (refusal) return sendJson(response, refusal[0], refusal[1]);
    const { lifetime } = state;
    return sendJson(response, 200, {
      token_type: 'Bearer',
      expires_in: lifetime,
      ext_expires_in: lifetime,
      access_token: newToken(),
    });
  });
  return Object.assign(state, {
    authority: server.url,
    ca: server.ca,
    port: server.port,
    close: server.close,
  });
}

function discovery(response: ServerResponse, base: string, name: string) {
  if (name !== tenant && name !== 'organizations') {
    const text = `Tenant '${name}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.`;
    return sendJson(response, 400, entraErrorAnswer(90002, 'invalid_tenant', text));
  }
  return sendJson(response, 200, {
    issuer: `${base}/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/v2.0`,
    authorization_endpoint: `${base}/${name}/oauth2/v2.0/authorize`,
    token_endpoint: `${base}/${name}/oauth2/v2.0/token`,
    device_authorization_endpoint: `${base}/${name}/oauth2/v2.0/devicecode`,
    end_session_endpoint: `${base}/${name}/oauth2/v2.0/logout`,
    jwks_uri: `${base}/${name}/discovery/v2.0/keys`,
  });
}

function refusalOf(form: URLSearchParams, endpoint: string, certificates: readonly string[]) {
  const app = form.get('client_id');
  if (app !== clientId) {
    const text = `Application with identifier '${app}' was not found in the directory 'Contoso'. This can happen if the application has not been installed by the administrator of the tenant.`;
    return [400, entraErrorAnswer(700016, 'unauthorized_client', text)] as const;
  }
  if (!form.get('scope')?.endsWith('/.default')) {
    const text = `The provided value for scope ${form.get('scope')} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).`;
    return [400, entraErrorAnswer(1002012, 'invalid_scope', text)] as const;
  }
  const assertion = form.get('client_assertion');
  if (assertion !== null) {
    const fault = assertionFault(assertion, form, endpoint, certificates);
    return fault && ([401, entraErrorAnswer(700027, 'invalid_client', fault)] as const);
  }
  if (form.get('client_secret') === expiredSecret) {
    const text = `The provided client secret keys for app '${app}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.`;
    return [401, entraErrorAnswer(7000222, 'invalid_client', text)] as const;
  }
  if (form.get('client_secret') !== secret) {
    const text = `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${app}'.`;
    return [401, entraErrorAnswer(7000215, 'invalid_client', text)] as const;
  }
  return undefined;
}

/** What is wrong with a client assertion: "Microsoft identity platform application authentication certificate credentials". */
function assertionFault(jwt: string, form: URLSearchParams, endpoint: string, certificates: readonly string[]) {
  const fault = (why: string) =>
    `The certificate with identifier used to sign the client assertion is not registered on application. [Reason - ${why}]`;
  if (form.get('client_assertion_type') !== 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    return fault('type');
  const [head = '', payload = '', signature = ''] = jwt.split('.');
  const header = JSON.parse(Buffer.from(head, 'base64url').toString());
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  if (header.alg !== 'PS256' || header.typ !== 'JWT') return fault(`alg ${header.alg}`);
  const pem = certificates.find((each) => {
    const der = new X509Certificate(each).raw;
    return createHash('sha256').update(der).digest('base64url') === header['x5t#S256'];
  });
  if (pem === undefined) return fault('The key was not found');
  const key = { key: createPublicKey(pem), padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  if (!verify('sha256', Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, 'base64url'))) {
    return fault('The signature is wrong');
  }
  const seconds = Date.now() / 1000;
  if (claims.aud !== endpoint) return fault(`aud ${claims.aud}`);
  if (claims.iss !== clientId || claims.sub !== clientId || !claims.jti) return fault('iss, sub or jti');
  if (!(claims.nbf <= seconds + 60 && claims.exp > seconds && claims.exp <= seconds + 3600)) return fault('nbf or exp');
  return undefined;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
