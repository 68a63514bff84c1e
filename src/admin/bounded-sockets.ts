import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Sockets open at the same time. */
const maxSockets = 100;

/** How long a socket may neither send nor take anything, in milliseconds. */
const stallTimeoutMs = 10_000;

/**
 * Bounds what clients can hold of an HTTP server. Each is answered one request at a time, and one that does not take
 * its answer is cut. Where there are too many, a new one takes the place of the one that has been there longest: whoever
 * asks and goes is always served, whatever number of slow ones there are.
 */
export function boundSockets(server: Server): void {
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
  });
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
