import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';

/** Most open sockets: many, because a client that is cut comes again, and each connection has to be accepted. */
const maxSockets = 500;

/** How long a socket may neither send nor receive anything, in milliseconds. */
const stallTimeoutMs = 10_000;

/** What the parser gets at a time: a request or two. */
const sliceBytes = 512;

/**
 * Limits what clients can hold of an HTTP or HTTPS server. Each gets one request answered at a time, and a client that
 * does not read its answer is cut. If there are too many, a new one replaces the one that has been there longest: a
 * client that asks and leaves is always served, however many slow ones there are.
 */
export function boundSockets(server: Server & { setTimeout(ms: number): unknown }): void {
  const open = new Set<Socket>();
  const busy = new WeakSet<Socket>();
  server.setTimeout(stallTimeoutMs);
  server.on('connection', (socket: Socket) => {
    const [oldest] = open;
    if (open.size >= maxSockets && oldest !== undefined) {
      open.delete(oldest);
      oldest.destroy();
    }
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    parseInSlices(socket);
  });
  server.on('secureConnection', parseInSlices);
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    // No monitoring client pipelines requests; answers made ahead would pile up.
    if (busy.has(socket)) {
      socket.destroy();
      return;
    }
    busy.add(socket);
    response.once('close', () => busy.delete(socket));
  });
}

/**
 * Node.js parses everything that has arrived, and creates an error for each request in it, even for a client that is
 * cut at the second. With small slices it creates few.
 */
function parseInSlices(socket: Socket): void {
  const parsers = socket.listeners('data') as ((chunk: Buffer) => void)[];
  // Below TLS nothing is parsed yet.
  if (parsers.length === 0) return;
  socket.removeAllListeners('data');
  socket.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length && !socket.destroyed; at += sliceBytes) {
      for (const parse of parsers) parse.call(socket, chunk.subarray(at, at + sliceBytes));
    }
  });
}
