import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { httpsServer } from '../base/https-server.ts';
import { noteSecret, type SecretKind } from './secret-search/record.ts';

/** A third-party authorization server. */
export interface OAuthServer {
  readonly url: string;
  readonly ca: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The code that the person types. */
  readonly userCode: string;
  /** Answers to the next polls with a device code; once empty, the person has signed in. */
  readonly polls: ('authorization_pending' | 'slow_down' | 'access_denied' | 'expired_token')[];
  /** Requested seconds between two polls. */
  interval: number;
  /** The form of every request to the token endpoint. */
  readonly posts: URLSearchParams[];
  /** Issued access tokens, refresh tokens and device codes. */
  readonly secrets: string[];
  close(): Promise<void>;
}

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';
const person = { preferred_username: 'carol@fabrikam.example', sub: 'carol', oid: 'carol', tid: 'fabrikam' };

/**
 * Client credentials (RFC 6749 section 4.4), device code (RFC 8628) and refresh (RFC 6749 section 6) as in the RFCs,
 * found through OpenID Connect Discovery 1.0. Has nothing specific to Microsoft, except that every path begins with a
 * tenant, here called a realm, and that `…/devicecode` is next to `…/token`: Microsoft's library requires it.
 */
export async function startOAuthServer(): Promise<OAuthServer> {
  const state = {
    clientId: randomUUID(),
    clientSecret: `secret/${randomUUID()}&+`,
    userCode: 'WDJB-MJHT',
    polls: [] as OAuthServer['polls'][number][],
    interval: 0.01,
    posts: [] as URLSearchParams[],
    secrets: [] as string[],
  };
  noteSecret('client secret', state.clientSecret);
  const issued = (kind: SecretKind) => {
    const secret = `${kind.replace(' ', '-')}.${randomUUID()}`;
    state.secrets.push(secret);
    noteSecret(kind, secret);
    return secret;
  };
  let deviceCode = '';
  const refreshTokens = new Set<string>();

  const forPerson = (scope: string | null) => {
    const refreshToken = issued('refresh token');
    refreshTokens.add(refreshToken);
    return {
      access_token: issued('token'),
      token_type: 'Bearer',
      expires_in: 3600,
      scope: (scope ?? '')
        .split(' ')
        .filter((name) => name !== 'offline_access')
        .join(' '),
      refresh_token: refreshToken,
      id_token: idToken(state.clientId),
    };
  };

  const token = (form: URLSearchParams): readonly [number, object] => {
    if (form.get('client_id') !== state.clientId) return [401, { error: 'invalid_client' }];
    switch (form.get('grant_type')) {
      case 'client_credentials':
        if (form.get('client_secret') !== state.clientSecret) return [401, { error: 'invalid_client' }];
        return [200, { access_token: issued('token'), token_type: 'Bearer', expires_in: 3600 }];
      case deviceGrant: {
        if (form.get('device_code') !== deviceCode) return [400, { error: 'invalid_grant' }];
        const error = state.polls.shift();
        return error === undefined ? [200, forPerson(form.get('scope'))] : [400, { error }];
      }
      case 'refresh_token':
        if (!refreshTokens.has(form.get('refresh_token') ?? '')) return [400, { error: 'invalid_grant' }];
        return [200, forPerson(form.get('scope'))];
      default:
        return [400, { error: 'unsupported_grant_type' }];
    }
  };

  const server = await httpsServer(async (request, response) => {
    const base = `https://${request.headers.host}`;
    const [, realm = '', path = ''] = /^\/([^/]+)(\/[^?]*)/.exec(request.url ?? '') ?? [];
    if (path.endsWith('/.well-known/openid-configuration')) return send(response, 200, discovery(`${base}/${realm}`));
    if (request.method !== 'POST') return send(response, 404, {});
    if (!/^application\/x-www-form-urlencoded\b/.test(request.headers['content-type'] ?? '')) {
      return send(response, 400, { error: 'invalid_request' });
    }
    const form = new URLSearchParams(await bodyOf(request));
    if (path === '/oauth/token') {
      state.posts.push(form);
      return send(response, ...token(form));
    }
    if (path !== '/oauth/devicecode') return send(response, 404, {});
    if (form.get('client_id') !== state.clientId) return send(response, 401, { error: 'invalid_client' });
    deviceCode = issued('device code');
    return send(response, 200, {
      device_code: deviceCode,
      user_code: state.userCode,
      verification_uri: `${base}/device`,
      expires_in: 1800,
      interval: state.interval,
    });
  });
  return Object.assign(state, { url: server.url, ca: server.ca, close: server.close });
}

function discovery(base: string) {
  return {
    issuer: base,
    authorization_endpoint: `${base}/oauth/authorize`,
    token_endpoint: `${base}/oauth/token`,
    device_authorization_endpoint: `${base}/oauth/devicecode`,
    jwks_uri: `${base}/oauth/keys`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  };
}

function idToken(audience: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part({ aud: audience, exp: 4_000_000_000, ...person })}.c2ln`;
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
