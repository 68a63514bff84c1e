import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';
import type { CertificateAndKey } from '../../src/base/certificates.ts';

/**
 * A server that plays its part of a dialogue: `S: ` lines are sent, `C: ` lines are awaited, `S: <tls>` starts TLS, `S:
 * <end>` ends the connection; `\r\n` in a sent line is a line end. One script per connection, in order; the last one is
 * reused.
 */
export async function scriptedServer(scripts: readonly string[], tls?: CertificateAndKey & { implicit: boolean }) {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const firstEnd = Promise.withResolvers<void>();
  const serve = (socket: Socket): void => {
    const script = scripts[Math.min(connections++, scripts.length - 1)] ?? '';
    void run(socket, script, received, tls).catch(() => socket.destroy());
  };
  const server = tls?.implicit ? createTlsServer(tls, serve) : createServer(serve);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => {}).once('close', () => firstEnd.resolve()));
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    /** Every line that clients have sent. */
    received,
    connections: () => connections,
    /** Resolves when a client has ended its connection. */
    ended: () => firstEnd.promise,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function run(first: Socket, script: string, received: string[], tls?: CertificateAndKey): Promise<void> {
  let socket = first;
  let lines = linesOf(socket);
  for (const raw of script.split('\n')) {
    const line = raw.trimStart();
    if (line === 'S: <tls>') {
      socket.removeAllListeners('data');
      socket = new TLSSocket(socket, { isServer: true, ...tls }).on('error', () => {});
      lines = linesOf(socket);
    } else if (line === 'S: <end>') socket.end();
    else if (line.startsWith('S:')) socket.write(`${line.slice(3).replaceAll('\\r\\n', '\r\n')}\r\n`);
    else if (line.startsWith('C:')) {
      const said = (await lines.next()).value ?? '';
      received.push(said);
      const wanted = line.slice(3);
      if (wanted.endsWith('…') ? !said.startsWith(wanted.slice(0, -1)) : said !== wanted) {
        received.push(`(expected: ${wanted})`);
        socket.destroy();
        return;
      }
    }
  }
}

async function* linesOf(socket: Socket): AsyncGenerator<string, undefined> {
  let text = '';
  let wake = (): void => {};
  let ended = false;
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    wake();
  });
  socket.on('close', () => {
    ended = true;
    wake();
  });
  for (;;) {
    const end = text.indexOf('\r\n');
    if (end >= 0) {
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      yield line;
    } else if (ended) return undefined;
    else
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  }
}
