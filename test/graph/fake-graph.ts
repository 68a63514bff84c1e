import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type CertificateAndKey, issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';
import { createHttpClient, type HttpClient } from '../../src/base/http/client.ts';

/** A request that has arrived, with its whole body. */
export interface Arrived {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** The client's port: identifies the connection. */
  readonly port: number;
}

/** An answer, or `cut`: the connection is dropped without one. */
export type Answer = { status: number; headers?: Record<string, string>; body?: unknown } | 'cut';

export interface FakeGraph {
  readonly origin: string;
  /** Certificate (PEM) of the authority that a client must trust. */
  readonly ca: string;
  readonly arrived: Arrived[];
  readonly http: HttpClient;
  close(): Promise<void>;
}

export const accepted: Answer = { status: 202, headers: { 'request-id': 'request-1' } };

/** A refusal in Graph's wording. */
export function refusal(status: number, code: string, headers: Record<string, string> = {}): Answer {
  const body = { error: { code, message: `Words about ${code}.`, innerError: { 'request-id': 'inner-request' } } };
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

let material: Promise<{ authority: CertificateAndKey; certificate: CertificateAndKey }> | undefined;

function certificates() {
  material ??= (async () => {
    const authority = await makeAuthority('Graph test CA', 1);
    return { authority, certificate: await issueServerCertificate(authority, ['localhost', '127.0.0.1'], 1) };
  })();
  return material;
}

/**
 * An HTTPS server in place of Graph.
 * @param answer by number of the request, from 1
 * @param early called before the body is read; its answer, if any, is sent
 * @param keepBodies false: `arrived` records requests without their bodies
 */
export async function fakeGraph(
  answer: (count: number, request: Arrived) => Answer | Promise<Answer> = () => accepted,
  early: (count: number, request: IncomingMessage, response: ServerResponse) => boolean = () => false,
  keepBodies = true,
): Promise<FakeGraph> {
  const { authority, certificate } = await certificates();
  const arrived: Arrived[] = [];
  let count = 0;
  const server = createServer(certificate, (request, response) => {
    count += 1;
    const number = count;
    request.on('error', () => {});
    if (early(number, request, response)) return;
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const seen: Arrived = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks),
        port: request.socket.remotePort ?? 0,
      };
      arrived.push(keepBodies ? seen : { ...seen, body: Buffer.alloc(0) });
      const reply = await answer(number, seen);
      if (reply === 'cut') {
        request.socket.destroy();
        return;
      }
      response.writeHead(reply.status, reply.headers);
      response.end(
        reply.body === undefined ? '' : typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body),
      );
    })().catch(() => request.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const http = createHttpClient({ ca: authority.cert, env: {} });
  return {
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ca: authority.cert,
    arrived,
    http,
    async close() {
      await http.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
