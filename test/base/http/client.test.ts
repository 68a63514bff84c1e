import { createHash, randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { Readable } from 'node:stream';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { makeAuthority } from '../../../src/base/certificates.ts';
import { BridgeError } from '../../../src/base/errors.ts';
import { createHttpClient, type HttpClient } from '../../../src/base/http/client.ts';
import type { HttpClientOptions } from '../../../src/base/http/options.ts';
import { connectProxy, httpsServer, listening } from '../https-server.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function opened<T extends { close(): Promise<void> }>(thing: T): T {
  closers.push(() => thing.close());
  return thing;
}

function client(options: HttpClientOptions): HttpClient {
  return opened(createHttpClient({ env: {}, ...options }));
}

async function failure(promise: Promise<unknown>): Promise<BridgeError> {
  const error = await promise.then(
    () => expect.fail('it succeeded'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(BridgeError);
  return error as BridgeError;
}

const get = (http: HttpClient, url: string) => http.request({ method: 'GET', url });

describe('a request', () => {
  test('reaches a host whose CA is given, and brings status, headers and text back', async () => {
    const server = opened(
      await httpsServer((_request, response) => {
        response.writeHead(404, { 'X-Note': 'one', 'Set-Cookie': ['a=1', 'b=2'] }).end('no such thing: ü');
      }),
    );
    const response = await get(client({ ca: server.ca }), `${server.url}/a?b=c`);
    expect(response.status).toBe(404);
    expect(response.headers).toMatchObject({ 'x-note': 'one', 'set-cookie': 'a=1, b=2' });
    expect(await response.text()).toBe('no such thing: ü');
  });

  test('uploads a stream octet for octet', async () => {
    const sent = randomBytes(6 * 1024 * 1024);
    const server = opened(
      await httpsServer(async (request, response) => {
        const hash = createHash('sha256');
        for await (const chunk of request) hash.update(chunk);
        response.end(`${request.method} ${request.headers['content-length']} ${hash.digest('hex')}`);
      }),
    );
    const pieces = Array.from({ length: 96 }, (_, i) => sent.subarray(i * 65_536, (i + 1) * 65_536));
    const response = await client({ ca: server.ca }).request({
      method: 'PUT',
      url: server.url,
      headers: { 'content-length': String(sent.length) },
      body: Readable.from(pieces),
    });
    expect(await response.text()).toBe(`PUT ${sent.length} ${createHash('sha256').update(sent).digest('hex')}`);
  });

  test('is asked for once more when its connection is there, before the first octet of it', async () => {
    const happened: string[] = [];
    const server = opened(
      await httpsServer((request, response) => {
        happened.push(`request ${request.url}`);
        response.end('fine');
      }),
    );
    const http = client({ ca: server.ca });
    const post = (path: string, beforeSending: () => void) =>
      http.request({ method: 'POST', url: `${server.url}${path}`, body: 'a small body', beforeSending });
    const refused = post('/refused', () => {
      happened.push(`asked with ${server.sockets.length} connection`);
      throw new BridgeError('lease-lost', 'Somebody else delivers.');
    });
    await expect(refused).rejects.toMatchObject({ code: 'lease-lost' });
    expect(happened).toEqual(['asked with 1 connection']);
    const sent = await post('/sent', () => void happened.push('asked again'));
    expect(await sent.text()).toBe('fine');
    expect(happened.slice(-2)).toEqual(['asked again', 'request /sent']);
    expect(happened).not.toContain('request /refused');
  });

  test('gives the fault of its own body stream back as it is', async () => {
    const server = opened(await httpsServer((request) => request.resume()));
    const broken = new Readable({
      read() {
        this.destroy(new Error('the disk is gone'));
      },
    });
    const sending = client({ ca: server.ca }).request({ method: 'PUT', url: server.url, body: broken });
    await expect(sending).rejects.toThrow('the disk is gone');
  });

  test('keeps its connection for the next one, until told to use new ones', async () => {
    const server = opened(await httpsServer((_request, response) => response.end('ok')));
    const http = client({ ca: server.ca, connections: 1 });
    for (let i = 0; i < 3; i++) await (await get(http, server.url)).text();
    expect(server.sockets).toHaveLength(1);
    http.renewConnections();
    await vi.waitUntil(() => server.sockets[0]?.destroyed);
    await (await get(http, server.url)).discard();
    await (await get(http, server.url)).text();
    expect(server.sockets).toHaveLength(2);
  });

  test('that is aborted ends with the reason of the caller', async () => {
    const server = opened(await httpsServer((request) => request.resume()));
    const reason = new Error('shutting down');
    const sending = client({ ca: server.ca }).request({
      method: 'GET',
      url: server.url,
      signal: AbortSignal.abort(reason),
    });
    await expect(sending).rejects.toBe(reason);
  });

  test('under way ends well on its old connection, and fails when the client is closed', async () => {
    const waiting = new Map<string, ServerResponse>();
    const server = opened(
      await httpsServer((request, response) => {
        if (request.url === '/') response.end('ok');
        else waiting.set(request.url ?? '', response);
      }),
    );
    const http = client({ ca: server.ca });
    const one = get(http, `${server.url}/one`);
    const two = failure(get(http, `${server.url}/two`));
    await vi.waitUntil(() => waiting.size === 2);
    http.renewConnections();
    expect(await (await get(http, server.url)).text()).toBe('ok');
    waiting.get('/one')?.end('late');
    expect(await (await one).text()).toBe('late');
    await http.close();
    expect((await two).code).toBe('upstream-connection-lost');
  });

  test('fails after close', async () => {
    const http = createHttpClient();
    await http.close();
    expect((await failure(get(http, 'https://127.0.0.1:1/'))).code).toBe('upstream-connection-lost');
  });
});

describe('an answer', () => {
  test('longer than allowed is not read to its end', async () => {
    const server = opened(await httpsServer((_request, response) => response.end(Buffer.alloc(200_000, 'x'))));
    const response = await get(client({ ca: server.ca }), server.url);
    const error = await failure(response.text({ maxBytes: 100_000 }));
    expect(error.code).toBe('upstream-answer-invalid');
    expect(error.message).toBe(`The answer of 127.0.0.1:${server.port} exceeds 100000 bytes.`);
  });

  test('as long as allowed is read', async () => {
    const server = opened(await httpsServer((_request, response) => response.end(Buffer.alloc(100_000, 'x'))));
    const response = await get(client({ ca: server.ca }), server.url);
    expect(await response.text({ maxBytes: 100_000 })).toHaveLength(100_000);
  });

  test('that does not come is a timeout, and the request may have arrived', async () => {
    const server = opened(await httpsServer((request) => request.resume()));
    const error = await failure(get(client({ ca: server.ca, headersTimeoutMs: 50 }), server.url));
    expect(error).toMatchObject({ code: 'upstream-timeout', kind: 'temporary', details: { mayHaveArrived: true } });
    expect(error.message).toBe(`127.0.0.1:${server.port} did not answer in time.`);
  });

  test('that stops in the middle is a timeout', async () => {
    const server = opened(await httpsServer((_request, response) => response.writeHead(200).write('half')));
    const response = await get(client({ ca: server.ca, bodyTimeoutMs: 50 }), server.url);
    const error = await failure(response.text());
    expect(error.code).toBe('upstream-timeout');
    expect(error.message).toBe(`127.0.0.1:${server.port} stopped in the middle of its answer.`);
  });

  test('that drips for ever ends with the deadline of the signal', async () => {
    const server = opened(await httpsServer((_request, response) => response.writeHead(200).write('half')));
    const signal = AbortSignal.timeout(200);
    const response = await client({ ca: server.ca }).request({ method: 'GET', url: server.url, signal });
    expect((await failure(response.text())).code).toBe('upstream-timeout');
  });

  test('cut before its head, or in its middle, is a lost connection', async () => {
    const server = opened(
      await httpsServer((request, response) => {
        if (request.url === '/head') request.socket.destroy();
        else response.writeHead(200, { 'content-length': '100' }).write('half', () => request.socket.destroy());
      }),
    );
    const http = client({ ca: server.ca });
    const early = await failure(get(http, `${server.url}/head`));
    expect(early).toMatchObject({ code: 'upstream-connection-lost', details: { mayHaveArrived: true } });
    const late = await failure((await get(http, `${server.url}/middle`)).text());
    expect(late.code).toBe('upstream-connection-lost');
    expect(late.message).toContain(`127.0.0.1:${server.port}`);
  });
});

test('an answer cut before anybody reads it fails when it is read', async () => {
  const server = opened(
    await httpsServer((request, response) => {
      response
        .writeHead(200, { 'content-length': '100' })
        .write('half', () => setImmediate(() => request.socket.destroy()));
    }),
  );
  const response = await get(client({ ca: server.ca }), server.url);
  await vi.waitUntil(() => response.body.destroyed);
  expect((await failure(response.text())).code).toBe('upstream-connection-lost');
});

test('an answer that its reader drops in the middle ends quietly', async () => {
  const server = opened(await httpsServer((_request, response) => response.writeHead(200).write('half')));
  const response = await get(client({ ca: server.ca }), server.url);
  response.body.resume().destroy();
  await vi.waitUntil(() => response.body.closed && server.sockets[0]?.destroyed);
  expect(response.body.errored).toBeInstanceOf(Error);
});

describe('a host', () => {
  test('whose certificate comes from an unknown CA is not trusted', async () => {
    const server = opened(await httpsServer((_request, response) => response.end()));
    const error = await failure(get(client({}), server.url));
    expect(error).toMatchObject({ code: 'upstream-certificate-untrusted', kind: 'needs-admin' });
    expect(error.message).toBe(
      `The certificate of 127.0.0.1:${server.port} is not trusted: unable to verify the first certificate (UNABLE_TO_VERIFY_LEAF_SIGNATURE).`,
    );
    expect(error.details).toMatchObject({ systemCode: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', mayHaveArrived: false });
    expect(error.remedy).toContain('caFile');
    expect(error.remedy).toContain('proxy');
  });

  test('trusted by default stays trusted beside the CA given', async () => {
    const server = opened(await httpsServer((_request, response) => response.end('ok')));
    const other = await makeAuthority('Other CA', 2);
    const before = getCACertificates('default');
    setDefaultCACertificates([...before, server.ca]);
    try {
      expect(await (await get(client({ ca: other.cert }), server.url)).text()).toBe('ok');
    } finally {
      setDefaultCACertificates(before);
    }
  });

  test('whose certificate is for another name says so', async () => {
    const server = opened(await httpsServer((_request, response) => response.end(), { names: ['mail.example'] }));
    const error = await failure(get(client({ ca: server.ca }), server.url));
    expect(error.code).toBe('upstream-certificate-untrusted');
    expect(error.message).toContain(`The certificate of 127.0.0.1:${server.port} is for another name:`);
  });

  test('whose certificate has expired says so', async () => {
    const server = opened(await httpsServer((_request, response) => response.end(), { validDays: -0.5 }));
    const error = await failure(get(client({ ca: server.ca }), server.url));
    expect(error.message).toBe(
      `The certificate of 127.0.0.1:${server.port} has expired: certificate has expired (CERT_HAS_EXPIRED).`,
    );
  });

  test('that refuses connections is unreachable', async () => {
    const gone = await listening(createTcpServer());
    await gone.close();
    const error = await failure(get(client({}), `https://127.0.0.1:${gone.port}/`));
    expect(error).toMatchObject({ code: 'upstream-unreachable', details: { mayHaveArrived: false } });
    expect(error.message).toBe(`127.0.0.1:${gone.port} refused the connection (ECONNREFUSED).`);
  });

  test('whose name nobody knows is named', async () => {
    const error = await failure(get(client({}), 'https://no-such-host.invalid/'));
    expect(error.code).toBe('upstream-name-unknown');
    expect(error.message).toContain('no-such-host.invalid');
  });

  test('that accepts and never starts TLS is a timeout', async () => {
    const mute = opened(await listening(createTcpServer()));
    const error = await failure(get(client({ connectTimeoutMs: 50 }), `https://127.0.0.1:${mute.port}/`));
    expect(error).toMatchObject({ code: 'upstream-timeout', details: { mayHaveArrived: false } });
  });

  test('that speaks no TLS fails with what OpenSSL said', async () => {
    const plain = opened(await listening(createTcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))));
    const error = await failure(get(client({}), `https://127.0.0.1:${plain.port}/`));
    expect(error.code).toBe('upstream-tls-failed');
    expect(error.message).toContain('wrong version number');
  });

  test('that speaks no HTTP is told from one that does', async () => {
    const other = opened(await listening(createTcpServer((socket) => socket.end('220 mail ESMTP\r\n'))));
    const error = await failure(get(client({}), `http://127.0.0.1:${other.port}/`));
    expect(error.code).toBe('upstream-answer-invalid');
  });
});

describe('a proxy', () => {
  const ok = () => httpsServer((_request, response) => response.end('through'));

  test('that is configured serves every host, whatever NO_PROXY says', async () => {
    const server = opened(await ok());
    const proxy = opened(await connectProxy());
    const http = client({ ca: server.ca, proxy: proxy.url, env: { NO_PROXY: '*' } });
    expect(await (await get(http, server.url)).text()).toBe('through');
    expect(proxy.targets).toEqual([`127.0.0.1:${server.port}`]);
  });

  test('from HTTPS_PROXY is used, but not for hosts in NO_PROXY', async () => {
    const server = opened(await ok());
    const proxy = opened(await connectProxy());
    const address = proxy.url.replace('http://', '');
    const http = client({ ca: server.ca, env: { HTTPS_PROXY: address, NO_PROXY: 'localhost' } });
    await (await get(http, server.url)).text();
    await (await get(http, `https://localhost:${server.port}`)).text();
    expect(proxy.targets).toEqual([`127.0.0.1:${server.port}`]);
  });

  test('gets user and password from its address', async () => {
    const server = opened(await ok());
    const wanted = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
    const proxy = opened(await connectProxy((given) => (given === wanted ? undefined : 407)));
    const address = proxy.url.replace('://', '://me:p%40ss@');
    expect(await (await get(client({ ca: server.ca, proxy: address }), server.url)).text()).toBe('through');
    const error = await failure(get(client({ ca: server.ca, proxy: proxy.url }), server.url));
    expect(error).toMatchObject({ code: 'proxy-refused', kind: 'needs-admin', details: { proxyStatus: 407 } });
    expect(error.message).toContain(`127.0.0.1:${server.port}: it needs a user and password`);
  });

  test('that cannot reach the host is a temporary failure', async () => {
    const proxy = opened(await connectProxy(() => 502));
    const error = await failure(get(client({ proxy: proxy.url }), 'https://login.example/'));
    expect(error).toMatchObject({ code: 'proxy-refused', kind: 'temporary', details: { mayHaveArrived: false } });
  });

  test('that cuts the connection is a lost connection, before anything was sent', async () => {
    const proxy = opened(await connectProxy(() => 'cut'));
    const error = await failure(get(client({ proxy: proxy.url }), 'https://login.example/'));
    expect(error).toMatchObject({ code: 'upstream-connection-lost', details: { mayHaveArrived: false } });
  });

  test('that never answers CONNECT is a timeout', async () => {
    const mute = opened(await listening(createTcpServer((socket) => socket.resume())));
    const http = client({ proxy: `http://127.0.0.1:${mute.port}`, connectTimeoutMs: 50 });
    expect((await failure(get(http, 'https://login.example/'))).code).toBe('upstream-timeout');
  });

  test('does not soften the check of the host behind it', async () => {
    const server = opened(await ok());
    const proxy = opened(await connectProxy());
    const error = await failure(get(client({ proxy: proxy.url }), server.url));
    expect(error.code).toBe('upstream-certificate-untrusted');
    expect(error.message).toContain(`127.0.0.1:${server.port}`);
  });

  test.each(['socks5://127.0.0.1:1', 'http://', 'ftp://user:hidden@host'])('written as %s is refused', (proxy) => {
    let error: unknown;
    try {
      createHttpClient({ proxy });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'proxy-invalid' });
    expect(String(error)).not.toContain('hidden');
  });
});

test('a CA file that holds no certificate is refused at once', () => {
  expect(() => createHttpClient({ ca: 'not a certificate' })).toThrow('no certificate in PEM form');
});
