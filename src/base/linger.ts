import type { Duplex } from 'node:stream';

/** How long the last words may take to arrive before the socket is cut. */
const lingerMs = 2_000;

/** What is read of a client that goes on sending; the rest stays with the system and makes the client wait. */
const maxDiscardedBytes = 64 * 1024;

/**
 * Ends our side of a connection and lets the last words arrive: a socket cut with octets unread takes them back.
 * Nobody else may read from it any more.
 */
export function endGently(socket: Duplex): void {
  socket.end();
  let left = maxDiscardedBytes;
  socket.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) socket.pause();
  });
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('end', () => socket.destroy());
  socket.once('close', () => clearTimeout(timer));
}
