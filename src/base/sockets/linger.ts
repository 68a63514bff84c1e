import type { Duplex } from 'node:stream';

/** How long the last words may take to arrive before the socket is cut. */
const lingerMs = 2_000;

/** How long a client that goes on sending is held: cut at once, it would come again at once. */
const holdMs = 5_000;

/** What is read of a client that goes on sending; the rest stays with the system and makes the client wait. */
const maxDiscardedBytes = 16 * 1024;

/**
 * Ends our side of a connection and lets the last words arrive: a socket cut with octets unread takes them back.
 * Nobody else may read from it any more.
 */
export function endGently(socket: Duplex): void {
  socket.end();
  let timer = setTimeout(() => socket.destroy(), lingerMs);
  let left = maxDiscardedBytes;
  const discard = (chunk: Buffer): void => {
    left -= chunk.length;
    if (left >= 0) return;
    socket.off('data', discard);
    stopReading(socket);
    clearTimeout(timer);
    timer = setTimeout(() => socket.destroy(), holdMs);
  };
  socket.on('data', discard);
  socket.resume();
  socket.once('end', () => socket.destroy());
  socket.once('close', () => clearTimeout(timer));
}

/**
 * Makes the system stop with the next octets, and keeps none: a paused socket would hold 64 KiB of a client that floods.
 * Readable.push tells whoever reads from the system whether to go on.
 */
function stopReading(socket: Duplex): void {
  socket.push = () => false;
  socket._read = () => {};
  while (socket.read() !== null);
}
