import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';

/** Sockets open at the same time: many, since a client that is cut comes again, and each that comes has to be accepted. */
const maxSockets = 500;

/** How long a socket may neither send nor take anything, in milliseconds. */
const stallTimeoutMs = 10_000;

/** What the parser is given at once: a request or two. */
const sliceBytes = 512;

/**
 * Bounds what clients can hold of an HTTP or HTTPS server. Each is answered one request at a time, and one that does not
 * take its answer is cut. Where there are too many, a new one takes the place of the one that has been there longest:
 * whoever asks and goes is always served, whatever number of slow ones there are.
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
    // Nobody who watches the bridge sends a request ahead; answers made ahead would pile up.
    if (busy.has(socket)) {
      socket.destroy();
      return;
    }
    busy.add(socket);
    response.once('close', () => busy.delete(socket));
  });
}

/**
 * Node.js parses all that has arrived, and makes an error for each request in it, even of a client that is cut at the
 * second. Given little at a time, it makes few.
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
