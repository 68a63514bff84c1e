import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer, type RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { type CertificateAndKey, issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';

/** The tests' CA, made once for each test file. */
let authority: Promise<CertificateAndKey> | undefined;
export const testAuthority = () => {
  authority ??= makeAuthority('Test CA', 2);
  return authority;
};

export interface Listening {
  readonly port: number;
  /** Every accepted connection. */
  readonly sockets: readonly Socket[];
  close(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1; `close` cuts what is still open. */
export async function listening(server: Server): Promise<Listening> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** An HTTPS server with a certificate of the test CA. */
export async function httpsServer(
  onRequest: RequestListener,
  options: { names?: [string, ...string[]]; validDays?: number } = {},
): Promise<Listening & { ca: string; url: string }> {
  const ca = await testAuthority();
  const own = await issueServerCertificate(ca, options.names ?? ['127.0.0.1', 'localhost'], options.validDays ?? 2);
  const server = await listening(createServer(own, onRequest));
  return { ...server, ca: ca.cert, url: `https://127.0.0.1:${server.port}` };
}

/** An HTTP proxy that supports only CONNECT, and records the requested targets. */
export async function connectProxy(
  refuse?: (proxyAuthorization: string | undefined) => number | 'cut' | undefined,
): Promise<Listening & { url: string; targets: string[] }> {
  const targets: string[] = [];
  const proxy: HttpServer = createHttpServer((_request, response) => response.writeHead(405).end());
  proxy.on('connect', (request, client: Socket, head) => {
    targets.push(request.url ?? '');
    const refusal = refuse?.(request.headers['proxy-authorization']);
    if (refusal === 'cut') return client.destroy();
    if (refusal !== undefined) return client.end(`HTTP/1.1 ${refusal} No\r\nContent-Length: 0\r\n\r\n`);
    const [host = '', port] = (request.url ?? '').split(':');
    const upstream = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
    return undefined;
  });
  const server = await listening(proxy);
  return { ...server, url: `http://127.0.0.1:${server.port}`, targets };
}
