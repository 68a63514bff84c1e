import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { BridgeError } from '../../../src/base/errors.ts';
import { createHttpClient, type HttpClient } from '../../../src/base/http/client.ts';
import { loggableError } from '../../../src/base/log.ts';
import { type ManagedIdentityOptions, managedIdentityGrant } from '../../../src/tokens/grants/managed-identity.ts';
import { type Listening, listening } from '../../base/https-server.ts';
import { sendJson } from '../fake-entra.ts';

/*
 * The endpoint of App Service, Functions and Container Apps: Microsoft Learn, "How to use managed identities for App
 * Service and Azure Functions", REST endpoint reference. The library looks for it once per process.
 */
const identityHeader = '853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a';
const userAssigned = 'aaaaaaaa-1111-2222-3333-444444444444';
const graph = ['https://graph.microsoft.com/.default'];

let server: Listening;
let http: HttpClient;
let requests: { readonly query: Record<string, string>; readonly headers: IncomingHttpHeaders }[];
let next: ((response: ServerResponse) => void)[];
let tokens: string[];

beforeAll(async () => {
  const endpoint = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const query = Object.fromEntries(url.searchParams);
    requests.push({ query, headers: request.headers });
    const instead = next.shift();
    if (instead) return instead(response);
    if (request.headers['x-identity-header'] !== identityHeader) return sendJson(response, 401, {});
    if (query.client_id !== undefined && query.client_id !== userAssigned) {
      const message =
        'No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.';
      return sendJson(response, 400, { statusCode: 400, message, correlationId: 'c0ffee' });
    }
    tokens.push(`token-${tokens.length + 1}-of-${query.client_id ?? 'the-machine'}`);
    return sendJson(response, 200, {
      access_token: tokens.at(-1),
      expires_on: String(Math.floor(systemClock.now() / 1000) + 86_400),
      resource: query.resource,
      token_type: 'Bearer',
      client_id: query.client_id ?? 'bbbbbbbb-1111-2222-3333-444444444444',
    });
  });
  server = await listening(endpoint);
  vi.stubEnv('IDENTITY_ENDPOINT', `http://127.0.0.1:${server.port}/msi/token`);
  vi.stubEnv('IDENTITY_HEADER', identityHeader);
});

afterAll(async () => {
  await server.close();
  vi.unstubAllEnvs();
});

beforeEach(() => {
  requests = [];
  next = [];
  tokens = [];
  http = createHttpClient({ env: {} });
});

afterEach(() => http.close());

const grant = (changes: Partial<ManagedIdentityOptions> = {}) =>
  managedIdentityGrant({ name: 'contoso', http, clock: systemClock, ...changes });
const acquire = (changes: Partial<ManagedIdentityOptions> = {}) => grant(changes).acquire(graph, { forceRenew: false });

/** The failure of a token request, checked to contain no secret in any form. */
async function failure(asking: Promise<unknown>): Promise<BridgeError> {
  const error = await asking.then(
    () => expect.fail('it succeeded'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(BridgeError);
  const shown = [String(error), inspect(error, { depth: 9 }), JSON.stringify(loggableError(error))].join('\n');
  for (const hidden of [identityHeader, ...tokens]) expect(shown).not.toContain(hidden);
  return error as BridgeError;
}

describe('a managed identity', () => {
  test('of the machine itself gets a token for a resource', async () => {
    const token = await acquire();
    expect(token.value).toBe('token-1-of-the-machine');
    expect(token.expiresAtMs - systemClock.now()).toBeGreaterThan(86_000_000);
    expect(requests.map(({ query }) => query)).toEqual([
      { 'api-version': '2019-08-01', resource: 'https://graph.microsoft.com' },
    ]);
    expect(requests[0]?.headers['x-identity-header']).toBe(identityHeader);
  });

  test('assigned by a user is named by its client ID', async () => {
    const token = await acquire({ clientId: userAssigned });
    expect(token.value).toBe(`token-1-of-${userAssigned}`);
    expect(requests[0]?.query.client_id).toBe(userAssigned);
  });

  test('is asked anew each time: nothing but our own cache keeps tokens', async () => {
    const one = grant();
    await one.acquire(graph, { forceRenew: false });
    await one.acquire(graph, { forceRenew: true });
    await one.acquire(['https://outlook.office365.com/.default'], { forceRenew: false });
    expect(requests.map(({ query }) => query.resource)).toEqual([
      'https://graph.microsoft.com',
      'https://graph.microsoft.com',
      'https://outlook.office365.com',
    ]);
    expect(tokens).toHaveLength(3);
  });

  test('of two connections at the same time: each request goes by its own HTTP client', async () => {
    await http.close();
    const other = createHttpClient({ env: {} });
    try {
      const [closed, open] = await Promise.allSettled([acquire(), acquire({ http: other, clientId: userAssigned })]);
      expect(closed).toMatchObject({ status: 'rejected', reason: { code: 'managed-identity-unavailable' } });
      expect(open).toMatchObject({ status: 'fulfilled', value: { value: `token-1-of-${userAssigned}` } });
    } finally {
      await other.close();
    }
  });
});

describe('it gives no token', () => {
  test('for an identity that the machine does not have', async () => {
    const clientId = 'cccccccc-1111-2222-3333-444444444444';
    const error = await failure(acquire({ clientId }));
    expect(error).toMatchObject({ code: 'managed-identity-not-assigned', kind: 'needs-admin' });
    expect(error.message).toBe(
      `Connection "contoso" could not get a token from the managed identity: this machine has no identity with the client ID ${clientId}.`,
    );
  });

  test('where the machine has no identity of its own', async () => {
    next.push((response) =>
      sendJson(response, 400, { error: 'invalid_request', error_description: 'Identity not found' }),
    );
    const error = await failure(acquire());
    expect(error).toMatchObject({ code: 'managed-identity-not-assigned', details: { error: 'invalid_request' } });
    expect(error.message).toContain('this machine has no identity of its own');
  });

  test('for a resource that the tenant does not know', async () => {
    const error_description = 'AADSTS500011: The resource principal named https://graph.example was not found.';
    next.push((response) => sendJson(response, 400, { error: 'invalid_resource', error_description }));
    const error = await failure(acquire());
    expect(error).toMatchObject({ code: 'token-refused', details: { aadsts: 'AADSTS500011' } });
  });

  test.each([404, 410, 429, 500, 503])('with %i: temporary, and not tried again here', async (status) => {
    next.push((response) => sendJson(response, status, { error: { code: 'Busy', message: 'Come again' } }));
    const error = await failure(acquire());
    expect(error).toMatchObject({ code: 'token-temporarily-unavailable', kind: 'temporary', details: { status } });
    expect(requests).toHaveLength(1);
  });

  test('in an answer that is none of its own', async () => {
    next.push((response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<h1>Hello</h1>'));
    expect((await failure(acquire())).code).toBe('token-answer-invalid');
    next.push((response) => sendJson(response, 200, { hello: 1 }));
    expect((await failure(acquire())).code).toBe('token-answer-invalid');
  });

  test('and says why in words of its own, without the secret should it repeat that', async () => {
    next.push((response) => sendJson(response, 403, { statusCode: 403, message: `Not with\n${identityHeader}!` }));
    const error = await failure(acquire());
    expect(error).toMatchObject({ code: 'token-refused', kind: 'needs-admin', details: { status: 403 } });
    expect(error.message).toMatch(/127\.0\.0\.1:\d+ says \(HTTP 403\): Not with \[secret\]!$/);
  });

  test('that has not expired already', async () => {
    next.push((response) => sendJson(response, 200, { access_token: 'old', expires_on: '1700000000' }));
    expect((await failure(acquire())).code).toBe('token-answer-invalid');
    next.push((response) => sendJson(response, 200, { access_token: 'endless' }));
    expect((await failure(acquire())).code).toBe('token-answer-invalid');
  });

  test('when the endpoint says nothing: given up after the time allowed', async () => {
    next.push(() => {});
    const error = await failure(acquire({ requestTimeoutMs: 50 }));
    expect(error).toMatchObject({ code: 'managed-identity-unavailable', kind: 'needs-admin' });
  });

  test('when the connection is cut', async () => {
    next.push((response) => response.destroy());
    expect((await failure(acquire())).code).toBe('managed-identity-unavailable');
  });
});
