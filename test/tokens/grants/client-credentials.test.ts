import { Writable } from 'node:stream';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { BridgeError } from '../../../src/base/errors.ts';
import { createHttpClient, type HttpClient } from '../../../src/base/http/client.ts';
import { type Log, loggableError, openLog } from '../../../src/base/log.ts';
import {
  type ClientCredential,
  type ClientCredentialsOptions,
  clientCredentialsGrant,
} from '../../../src/tokens/grants/client-credentials.ts';
import { type GrantTokenSourceOptions, tokenSourceOf } from '../../../src/tokens/token-source.ts';
import { connectProxy } from '../../base/https-server.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  clientId,
  entraErrorAnswer,
  expiredSecret,
  type FakeEntra,
  secret,
  sendJson,
  startFakeEntra,
  tenant,
} from '../fake-entra.ts';
import { rsaCertificate } from '../rsa-certificate.ts';

const scopes = {
  graph: ['https://graph.microsoft.com/.default'],
  exchange: ['https://outlook.office365.com/.default'],
};
const certificate = await rsaCertificate();

let entra: FakeEntra;
let http: HttpClient;
let log: Log;
let lines: string;

beforeEach(async () => {
  entra = await startFakeEntra([certificate.cert]);
  http = createHttpClient({ ca: entra.ca, env: {} });
  lines = '';
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines += chunk;
      done();
    },
  });
  log = openLog({ level: 'trace', format: 'json', destination });
});

afterEach(async () => {
  await http.close();
  await entra.close();
});

const withSecret = (value: string): ClientCredential => ({ kind: 'secret', secret: () => value });

type SourceOptions = ClientCredentialsOptions & Omit<GrantTokenSourceOptions, 'grant'>;

function source(changes: Partial<SourceOptions> = {}) {
  const options: SourceOptions = {
    name: 'contoso',
    tenantId: tenant,
    clientId,
    credential: withSecret(secret),
    authority: entra.authority,
    scopes,
    http,
    clock: systemClock,
    log,
    ...changes,
  };
  return tokenSourceOf({ ...options, grant: clientCredentialsGrant(options) });
}

/** The failure of a token request, checked to contain no secret in any form. */
async function failure(asking: Promise<unknown>, ...alsoSecret: string[]): Promise<BridgeError> {
  const error = await asking.then(
    () => expect.fail('it succeeded'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(BridgeError);
  const shown = [String(error), inspect(error, { depth: 9 }), JSON.stringify(loggableError(error)), lines].join('\n');
  for (const hidden of [secret, encodeURIComponent(secret), expiredSecret, ...alsoSecret, ...entra.tokens]) {
    expect(shown).not.toContain(hidden);
  }
  return error as BridgeError;
}

describe('a client secret', () => {
  test('gets a token for Graph and one for Exchange', async () => {
    const tokens = source();
    const graph = await tokens.getToken('graph');
    const exchange = await tokens.getToken('exchange');
    expect([graph.value, exchange.value]).toEqual(entra.tokens);
    expect(entra.posts.map((form) => form.get('scope'))).toEqual([scopes.graph[0], scopes.exchange[0]]);
    expect(entra.posts[0]!.get('grant_type')).toBe('client_credentials');
    for (const hidden of [...entra.tokens, secret]) expect(lines).not.toContain(hidden);
  });

  test('asks the authority alone: its openid-configuration and its token endpoint', async () => {
    await source().getToken('graph');
    expect(entra.requests).toEqual([
      `GET /${tenant}/v2.0/.well-known/openid-configuration`,
      `POST /${tenant}/oauth2/v2.0/token`,
    ]);
  });

  test('is sent once for 50 who want a token at the same time', async () => {
    const tokens = source();
    const all = await Promise.all(Array.from({ length: 50 }, () => tokens.getToken('graph')));
    expect(new Set(all.map((token) => token.value)).size).toBe(1);
    expect(entra.posts).toHaveLength(1);
  });

  test('is read anew for each request, so that a replaced one is taken up', async () => {
    let value = 'wrong';
    const clock = new FakeClock();
    const tokens = source({ clock, credential: { kind: 'secret', secret: () => value } });
    expect((await failure(tokens.getToken('graph'))).code).toBe('token-refused');
    value = secret;
    expect((await failure(tokens.getToken('graph'))).code).toBe('token-refused');
    await clock.advance(1000);
    expect((await tokens.getToken('graph')).value).toBe(entra.tokens[0]);
  });

  test('that is empty is never sent', async () => {
    const error = await failure(source({ credential: withSecret('') }).getToken('graph'));
    expect(error.code).toBe('secret-unavailable');
    expect(entra.requests).toEqual([]);
  });

  test('gets a token whose life is counted by the clock given, and a new one when it has ended', async () => {
    const clock = new FakeClock();
    const tokens = source({ clock });
    const token = await tokens.getToken('graph');
    const lifetimeMs = token.expiresAtMs - clock.now();
    expect(lifetimeMs).toBe(3_599_000);
    await clock.advance(lifetimeMs);
    expect((await tokens.getToken('graph')).value).toBe(entra.tokens[1]);
  });

  test('reaches Entra ID through a proxy', async () => {
    const proxy = await connectProxy();
    const proxied = createHttpClient({ ca: entra.ca, proxy: proxy.url });
    try {
      expect((await source({ http: proxied }).getToken('graph')).value).toBe(entra.tokens[0]);
      expect(new Set(proxy.targets)).toEqual(new Set([`127.0.0.1:${entra.port}`]));
    } finally {
      await proxied.close();
      await proxy.close();
    }
  });
});

describe('a client certificate', () => {
  test.each(['pkcs1', 'pkcs8'] as const)('signs an assertion that Entra ID accepts, with a %s key', async (form) => {
    const credential = { kind: 'certificate', certPem: certificate.cert, keyPem: certificate[form] } as const;
    const token = await source({ credential }).getToken('exchange');
    expect(token.value).toBe(entra.tokens[0]);
    expect(entra.posts[0]!.has('client_secret')).toBe(false);
    const header = entra.posts[0]!.get('client_assertion')!.split('.')[0]!;
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).not.toHaveProperty('x5c');
  });

  test('is sent along where asked for', async () => {
    const credential = {
      kind: 'certificate',
      certPem: certificate.cert,
      keyPem: certificate.pkcs8,
      sendChain: true,
    } as const;
    await source({ credential }).getToken('graph');
    const header = entra.posts[0]!.get('client_assertion')!.split('.')[0]!;
    const [sent] = JSON.parse(Buffer.from(header, 'base64url').toString()).x5c;
    expect(certificate.cert.replace(/\s/g, '')).toContain(sent);
  });

  test('that is not registered is refused with AADSTS700027', async () => {
    const other = await rsaCertificate();
    const credential = { kind: 'certificate', certPem: other.cert, keyPem: other.pkcs8 } as const;
    const error = await failure(source({ credential }).getToken('graph'), other.pkcs8);
    expect(error).toMatchObject({ code: 'token-refused', details: { aadsts: 'AADSTS700027' } });
    expect(error.remedy).toContain('Upload this certificate');
  });
});

describe('Entra ID refuses', () => {
  test('a wrong secret', async () => {
    const error = await failure(
      source({ credential: withSecret('not-the-secret') }).getToken('graph'),
      'not-the-secret',
    );
    expect(error).toMatchObject({
      code: 'token-refused',
      kind: 'needs-admin',
      details: { connection: 'contoso', aadsts: 'AADSTS7000215', error: 'invalid_client', status: 401 },
    });
    expect(error.message).toBe(
      'Microsoft Entra ID refuses connection "contoso" a token. The client secret is wrong. ' +
        'Microsoft says: AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is ' +
        `the client secret value, not the client secret ID, for a secret added to app '${clientId}'.`,
    );
    expect(error.remedy).toContain('not its Secret ID');
    expect(error.details.correlationId).toMatch(/^[0-9a-f-]{36}$/);
    expect(error.details.traceId).toMatch(/^[0-9a-f-]{36}$/);
    expect(error.details.timestamp).toBe('2026-11-21 07:00:00Z');
  });

  test('an expired secret', async () => {
    const error = await failure(source({ credential: withSecret(expiredSecret) }).getToken('graph'));
    expect(error).toMatchObject({ code: 'token-refused', kind: 'needs-admin', details: { aadsts: 'AADSTS7000222' } });
    expect(error.message).toContain(`client secret keys for app '${clientId}' are expired.`);
    expect(error.remedy).toMatch(
      /^For an app-only connection run mailbridge register-app --name contoso --rotate, .* make a new secret/,
    );
  });

  test('an app it does not know', async () => {
    const error = await failure(source({ clientId: '99999999-0000-0000-0000-000000000000' }).getToken('graph'));
    expect(error).toMatchObject({
      kind: 'needs-admin',
      details: { aadsts: 'AADSTS700016', error: 'unauthorized_client' },
    });
    expect(error.message).toContain("was not found in the directory 'Contoso'.");
  });

  test('a tenant that does not exist, said by the openid-configuration already', async () => {
    const error = await failure(source({ tenantId: 'fabrikam.example' }).getToken('graph'));
    expect(error).toMatchObject({ code: 'token-refused', kind: 'needs-admin', details: { aadsts: 'AADSTS90002' } });
    expect(error.message).toContain("Tenant 'fabrikam.example' not found.");
    expect(entra.posts).toEqual([]);
  });

  test('a scope that is not .default', async () => {
    const wrong = { ...scopes, graph: ['https://graph.microsoft.com/Mail.Send'] };
    const error = await failure(source({ scopes: wrong }).getToken('graph'));
    expect(error.details).toMatchObject({ aadsts: 'AADSTS1002012', error: 'invalid_scope' });
  });

  test('with a number nobody here knows, and its text comes through', async () => {
    entra.next.push((response) =>
      sendJson(response, 400, entraErrorAnswer(7654321, 'invalid_request', 'Something new.')),
    );
    const error = await failure(source().getToken('graph'));
    expect(error).toMatchObject({ code: 'token-refused', kind: 'needs-admin', details: { aadsts: 'AADSTS7654321' } });
    expect(error.message).toContain('Microsoft says: AADSTS7654321: Something new.');
  });

  test('and echoes what was sent, which goes nowhere', async () => {
    entra.next.push((response, form) => {
      const echo = `You sent ${form.get('client_secret')} and eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln in ${form}`;
      sendJson(response, 400, {
        ...entraErrorAnswer(7000215, 'invalid_client', echo),
        trace_id: form.get('client_secret'),
      });
    });
    const error = await failure(source().getToken('graph'), 'eyJhbGciOiJub25lIn0');
    expect(error.message).toContain('You sent [secret] and [token] in client_id=');
    expect(error.details.traceId).toBeUndefined();
  });
});

describe('Entra ID is busy', () => {
  test('429: temporary, Microsoft is left alone for as long as it asks, and then asked again', async () => {
    const clock = new FakeClock();
    const tokens = source({ clock });
    const answer = entraErrorAnswer(90055, 'temporarily_unavailable', 'The server is busy.');
    entra.next.push((response) => sendJson(response, 429, answer, { 'Retry-After': '90' }));
    const error = await failure(tokens.getToken('graph'));
    expect(error).toMatchObject({
      code: 'token-temporarily-unavailable',
      kind: 'temporary',
      details: { aadsts: 'AADSTS90055', status: 429, retryAfterMs: 90_000 },
    });
    await clock.advance(89_000);
    expect((await failure(tokens.getToken('graph'))).details.aadsts).toBe('AADSTS90055');
    expect(entra.posts).toHaveLength(1);
    await clock.advance(1000);
    expect((await tokens.getToken('graph')).value).toBe(entra.tokens[0]);
  });

  test('429 with Retry-After as a date', async () => {
    const clock = new FakeClock();
    const until = new Date(clock.now() + 30_000).toUTCString();
    entra.next.push((response) => sendJson(response, 429, {}, { 'Retry-After': until }));
    const error = await failure(source({ clock }).getToken('graph'));
    expect(error).toMatchObject({ code: 'token-temporarily-unavailable', details: { retryAfterMs: 30_000 } });
  });

  test('429 with a Retry-After of 31 years: an hour later Entra ID is asked again', async () => {
    const clock = new FakeClock();
    const tokens = source({ clock });
    entra.next.push((response) => sendJson(response, 429, {}, { 'Retry-After': '978307200' }));
    expect((await failure(tokens.getToken('graph'))).details.retryAfterMs).toBe(3_600_000);
    await clock.advance(3_600_000);
    expect((await tokens.getToken('graph')).value).toBe(entra.tokens[0]);
  });

  test('503: temporary, and asked again after a second, without a throttle of the library in between', async () => {
    const clock = new FakeClock();
    const tokens = source({ clock });
    entra.next.push((response) =>
      sendJson(
        response,
        503,
        entraErrorAnswer(90033, 'server_error', 'A transient error has occurred. Please try again.'),
      ),
    );
    const error = await failure(tokens.getToken('graph'));
    expect(error).toMatchObject({ code: 'token-temporarily-unavailable', kind: 'temporary' });
    expect(error.message).toContain('AADSTS90033: A transient error has occurred.');
    await clock.advance(1000);
    expect((await tokens.getToken('graph')).value).toBe(entra.tokens[0]);
  });

  test('502 with a page in place of JSON: temporary', async () => {
    entra.next.push((response) => response.writeHead(502, { 'Content-Type': 'text/html' }).end('<h1>Bad Gateway</h1>'));
    const error = await failure(source().getToken('graph'));
    expect(error).toMatchObject({ code: 'token-temporarily-unavailable', details: { status: 502 } });
  });

  test('a loop it has seen (AADSTS50196) is temporary although it comes as invalid_grant', async () => {
    const text = 'The server terminated an operation because it encountered a client request loop.';
    entra.next.push((response) => sendJson(response, 400, entraErrorAnswer(50196, 'invalid_grant', text)));
    expect((await failure(source().getToken('graph'))).kind).toBe('temporary');
  });
});

describe('something else answers', () => {
  test.each([
    [200, 'text/html', '<html>Please log in to the Wi-Fi</html>', '200 with text/html'],
    [403, 'text/html', '<html>Blocked by policy</html>', '403 with text/html'],
    [200, 'application/json', '[]', '200 with application/json'],
    [200, 'application/json', '{"hello":1}', '200 with JSON that holds no token'],
    [200, 'application/json', 'null', '200 with application/json'],
  ])('with %i %s %s', async (status, type, body, expected) => {
    entra.next.push((response) => response.writeHead(status, { 'Content-Type': type }).end(body));
    const error = await failure(source().getToken('graph'));
    expect(error).toMatchObject({ code: 'token-answer-invalid', kind: 'needs-admin' });
    expect(error.message).toContain(`127.0.0.1:${entra.port} answered ${expected}`);
  });

  test('with a token that has expired', async () => {
    entra.lifetime = 0;
    expect((await failure(source().getToken('graph'))).code).toBe('token-answer-invalid');
  });

  test('with error codes that are no numbers', async () => {
    entra.next.push((response) => sendJson(response, 500, { error: { a: 1 }, error_codes: 'x', error_description: 7 }));
    expect((await failure(source().getToken('graph'))).code).toBe('token-temporarily-unavailable');
  });
});

describe('the network', () => {
  test('cuts the connection', async () => {
    entra.next.push((response) => response.destroy());
    const error = await failure(source().getToken('graph'));
    expect(error).toMatchObject({
      code: 'upstream-connection-lost',
      kind: 'temporary',
      details: { connection: 'contoso' },
    });
    expect(error.message).toContain(
      `Connection "contoso" could not get a token. The connection to 127.0.0.1:${entra.port} was cut`,
    );
  });

  test('brings no answer in time', async () => {
    entra.next.push(() => {});
    const error = await failure(source({ requestTimeoutMs: 300 }).getToken('graph'));
    expect(error).toMatchObject({ code: 'upstream-timeout', kind: 'temporary' });
  });

  test('leads nowhere', async () => {
    await entra.close();
    const error = await failure(source().getToken('graph'));
    expect(error).toMatchObject({ code: 'upstream-unreachable', kind: 'temporary' });
  });

  test('shows a certificate nobody trusts', async () => {
    const distrustful = createHttpClient({ env: {} });
    const error = await failure(source({ http: distrustful }).getToken('graph'));
    await distrustful.close();
    expect(error).toMatchObject({ code: 'upstream-certificate-untrusted', kind: 'needs-admin' });
    expect(error.remedy).toContain('caFile');
  });
});
