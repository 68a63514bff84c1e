import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import { GraphClient, type GraphClientOptions } from '../../../src/graph/client/client.ts';
import { GraphError, GraphTokenError, GraphUnansweredError } from '../../../src/graph/client/error.ts';
import type { QuickRetry } from '../../../src/graph/client/quick-retry.ts';
import { type Answer, type Arrived, accepted, type FakeGraph, fakeGraph, refusal } from '../fake-graph.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const retry: QuickRetry = {
  mode: 'status-codes',
  statusCodes: [429, 503],
  maxAttempts: 3,
  waitMs: 1,
  multiplyWait: true,
};
const patience = new AbortController().signal;
const content = 'x'.repeat(200_000);

async function graph(
  answer?: (count: number, request: Arrived) => Answer | Promise<Answer>,
  early?: Parameters<typeof fakeGraph>[1],
) {
  const server = await fakeGraph(answer, early);
  closers.push(() => server.close());
  return server;
}

function clientOf(server: FakeGraph, options: Partial<GraphClientOptions> = {}): GraphClient {
  return new GraphClient({
    http: server.http,
    origin: server.origin,
    getToken: async () => 'token-1',
    retry,
    ...options,
  });
}

function post(client: GraphClient, signal = patience) {
  return client.request({
    method: 'POST',
    path: '/v1.0/me/sendMail',
    mailbox: 'a@contoso.com',
    body: { contentType: 'text/plain', octets: content.length, open: () => Readable.from([Buffer.from(content)]) },
    signal,
  });
}

describe('A Graph request', () => {
  it('carries the token, a GUID of its own, and the exact length', async () => {
    const server = await graph();
    const answer = await post(clientOf(server));
    expect(answer).toMatchObject({ status: 202, requestId: 'request-1' });
    const { method, url, headers, body } = server.arrived[0]!;
    expect([method, url]).toEqual(['POST', '/v1.0/me/sendMail']);
    expect(headers).toMatchObject({
      authorization: 'Bearer token-1',
      'content-type': 'text/plain',
      'content-length': '200000',
    });
    expect(headers['client-request-id']).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(headers['transfer-encoding']).toBeUndefined();
    expect(body.toString()).toBe(content);
  });

  it('that is refused tells status, code, words and request-id', async () => {
    const server = await graph(() => refusal(403, 'ErrorSendAsDenied', { 'request-id': 'r-9', 'retry-after': '7' }));
    const error = await post(clientOf(server)).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(GraphError);
    expect(error).toMatchObject({
      status: 403,
      code: 'ErrorSendAsDenied',
      message: 'Words about ErrorSendAsDenied.',
      requestId: 'r-9',
      retryAfterMs: 7000,
    });
  });

  it.each(['', '<html>Bad gateway</html>', '{"error":', '[]', 'null', '{"error":{"code":5}}'])(
    'refused with the body %j still tells its status',
    async (body) => {
      const server = await graph(() => ({ status: 502, body }));
      await expect(post(clientOf(server))).rejects.toMatchObject({ status: 502, code: 'HTTP 502' });
    },
  );

  it('that follows no redirect takes one for a refusal', async () => {
    const server = await graph(() => ({ status: 302, headers: { location: 'https://example.com/' } }));
    await expect(post(clientOf(server))).rejects.toMatchObject({ status: 302 });
    expect(server.arrived).toHaveLength(1);
  });
});

describe('A refused token', () => {
  it('401, then the renewed token: the whole body goes out again', async () => {
    const server = await graph((_count, { headers }) =>
      headers.authorization === 'Bearer token-2' ? accepted : refusal(401, 'InvalidAuthenticationToken'),
    );
    const asked: unknown[] = [];
    const client = clientOf(server, {
      getToken: async (options) => {
        asked.push(options);
        return options.refused === undefined ? 'token-1' : 'token-2';
      },
    });
    expect((await post(client)).status).toBe(202);
    expect(asked).toEqual([{ mailbox: 'a@contoso.com' }, { mailbox: 'a@contoso.com', refused: 'token-1' }]);
    expect(server.arrived.map(({ body }) => body.toString())).toEqual([content, content]);
  });

  it('401 twice is final', async () => {
    const server = await graph(() => refusal(401, 'InvalidAuthenticationToken'));
    const client = clientOf(server, { getToken: async ({ refused }) => (refused ? 'token-2' : 'token-1') });
    await expect(post(client)).rejects.toMatchObject({ status: 401, code: 'InvalidAuthenticationToken' });
    expect(server.arrived).toHaveLength(2);
  });

  it('is not shown again when no other is to be had', async () => {
    const server = await graph(() => refusal(401, 'InvalidAuthenticationToken'));
    await expect(post(clientOf(server))).rejects.toMatchObject({ status: 401 });
    expect(server.arrived).toHaveLength(1);
  });

  it('is told from no token at all', async () => {
    const server = await graph();
    const failure = new BridgeError('token-refused', 'AADSTS7000215');
    const client = clientOf(server, { getToken: () => Promise.reject(failure) });
    const error = await post(client).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(GraphTokenError);
    expect((error as Error).cause).toBe(failure);
    expect(server.arrived).toHaveLength(0);
  });
});

describe('The quick retry', () => {
  it('429 with Retry-After: the whole body goes out again', async () => {
    const server = await graph((count) =>
      count < 3 ? refusal(429, 'ApplicationThrottled', { 'retry-after': '0' }) : accepted,
    );
    expect((await post(clientOf(server))).status).toBe(202);
    expect(server.arrived.map(({ body }) => body.toString())).toEqual([content, content, content]);
  });

  it('429 before the body was read: the whole body goes out again', async () => {
    const server = await graph(undefined, (count, _request, response) => {
      if (count > 1) return false;
      response.writeHead(429, { 'retry-after': '0' });
      response.end();
      return true;
    });
    expect((await post(clientOf(server))).status).toBe(202);
    expect(server.arrived.map(({ body }) => body.toString())).toEqual([content]);
  });

  it('gives up after the agreed tries', async () => {
    const server = await graph(() => refusal(429, 'ApplicationThrottled'));
    await expect(post(clientOf(server))).rejects.toMatchObject({ status: 429 });
    expect(server.arrived).toHaveLength(3);
  });

  it('leaves a Retry-After above ten seconds to the queue', async () => {
    const server = await graph(() => refusal(429, 'ApplicationThrottled', { 'retry-after': '11' }));
    await expect(post(clientOf(server))).rejects.toMatchObject({ status: 429, retryAfterMs: 11_000 });
    expect(server.arrived).toHaveLength(1);
  });

  it.each(['978307200', 'Wed, 21 Nov 2057 12:00:00 GMT'])('is left alone for an hour at most (%s)', async (value) => {
    const server = await graph(() => refusal(429, 'ApplicationThrottled', { 'retry-after': value }));
    await expect(post(clientOf(server))).rejects.toMatchObject({ status: 429, retryAfterMs: 3_600_000 });
  });

  it('takes a new connection after 503', async () => {
    const server = await graph((count) => (count === 1 ? refusal(503, 'ServiceUnavailable') : accepted));
    expect((await post(clientOf(server))).status).toBe(202);
    const [first, second] = server.arrived.map(({ port }) => port);
    expect(first).not.toBe(second);
  });

  it('keeps the connection otherwise', async () => {
    const server = await graph((count) => (count === 1 ? refusal(429, 'ApplicationThrottled') : accepted));
    await post(clientOf(server));
    const [first, second] = server.arrived.map(({ port }) => port);
    expect(first).toBe(second);
  });

  it.each<[QuickRetry['mode'], number, number]>([
    ['none', 429, 1],
    ['status-codes', 429, 3],
    ['status-codes', 500, 1],
    ['any', 500, 3],
    ['any', 403, 1],
    ['any', 504, 1],
    ['status-codes', 504, 1],
  ])('in mode %s tries a %i %i times', async (mode, status, tries) => {
    const server = await graph(() => refusal(status, 'Whatever'));
    const client = clientOf(server, { retry: { ...retry, mode, statusCodes: [429, 503, 504] } });
    await expect(post(client)).rejects.toMatchObject({ status });
    expect(server.arrived).toHaveLength(tries);
  });

  it('ends at once when it is given up', async () => {
    const giveUp = new AbortController();
    const server = await graph(() => refusal(429, 'ApplicationThrottled', { 'retry-after': '9' }));
    const pending = post(clientOf(server), giveUp.signal).catch((caught: unknown) => caught);
    await expect.poll(() => server.arrived).toHaveLength(1);
    giveUp.abort();
    await expect(pending).resolves.toBeInstanceOf(Error);
    expect(server.arrived).toHaveLength(1);
  });
});

describe('A request without an answer', () => {
  it('may have been carried out once all of it was sent, and is not repeated', async () => {
    const server = await graph(() => 'cut');
    const error = await post(clientOf(server, { retry: { ...retry, mode: 'any' } })).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(GraphUnansweredError);
    expect(error).toMatchObject({ mayBeDone: true });
    expect(server.arrived).toHaveLength(1);
  });

  it('was not carried out where the body was cut in the middle', async () => {
    let begun = 0;
    const server = await graph(undefined, (_count, request) => {
      request.once('data', () => {
        begun += 1;
        request.socket.destroy();
      });
      return true;
    });
    const client = clientOf(server, { retry: { ...retry, mode: 'any' } });
    const piece = Buffer.alloc(1024 * 1024);
    const error = await client
      .request({
        method: 'POST',
        path: '/v1.0/me/sendMail',
        mailbox: 'a@contoso.com',
        body: {
          contentType: 'text/plain',
          octets: 50 * piece.length,
          open: () => Readable.from(Array(50).fill(piece)),
        },
        signal: patience,
      })
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ mayBeDone: false });
    expect(begun).toBe(3);
  });

  it('was not carried out where nobody listens', async () => {
    const server = await graph();
    const client = clientOf(server);
    server.arrived.length = 0;
    const unreachable = new GraphClient({
      http: server.http,
      origin: 'https://127.0.0.1:1',
      getToken: async () => 't',
      retry,
    });
    await expect(post(unreachable)).rejects.toMatchObject({
      mayBeDone: false,
      cause: { code: 'upstream-unreachable' },
    });
    expect((await post(client)).status).toBe(202);
  });

  it('has an answer as soon as its status is there', async () => {
    const server = await graph(undefined, (_count, request, response) => {
      request.resume();
      request.on('end', () => {
        response.writeHead(202, { 'content-length': '100' });
        response.write('part');
        setImmediate(() => request.socket.destroy());
      });
      return true;
    });
    expect((await post(clientOf(server))).status).toBe(202);
  });
});

describe('Requests for one mailbox', () => {
  it('are four at a time; another mailbox is not kept waiting', async () => {
    let serve = () => {};
    const served = new Promise<void>((resolve) => {
      serve = resolve;
    });
    const server = await graph(async (_count, { url }) => {
      if (url.includes('/a/')) await served;
      return accepted;
    });
    const client = clientOf(server);
    const get = (user: string) =>
      client.request({ method: 'GET', path: `/v1.0/${user}/x`, mailbox: `${user}@contoso.com`, signal: patience });
    const slow = Array.from({ length: 6 }, () => get('a'));
    await expect.poll(() => server.arrived).toHaveLength(4);
    expect((await get('b')).status).toBe(202);
    expect(server.arrived).toHaveLength(5);
    serve();
    await Promise.all(slow);
    expect(server.arrived).toHaveLength(7);
  });
});

describe('A URL that grants access by itself', () => {
  it('is shown no token, and is asked once', async () => {
    const server = await graph(() => refusal(503, 'ServiceUnavailable'));
    const request = clientOf(server).requestUrl({
      method: 'PUT',
      url: `${server.origin}/upload?authtoken=secret`,
      mailbox: 'a@contoso.com',
      headers: { 'content-range': 'bytes 0-0/1' },
      body: { contentType: 'application/octet-stream', octets: 1, open: () => Readable.from([Buffer.from('x')]) },
      signal: patience,
    });
    const error = await request.catch((caught: unknown) => caught);
    expect(error).toMatchObject({ status: 503 });
    expect(String((error as Error).stack)).not.toContain('secret');
    expect(server.arrived).toHaveLength(1);
    expect(server.arrived[0]!.headers.authorization).toBeUndefined();
    expect(server.arrived[0]!.headers['content-range']).toBe('bytes 0-0/1');
  });
});
