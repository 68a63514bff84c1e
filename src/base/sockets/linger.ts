import type { Duplex } from 'node:stream';

/** How long the last data has to arrive before the socket is destroyed. */
const lingerMs = 2_000;

/** How long a client that keeps sending is held: if cut off at once, it would reconnect at once. */
const holdMs = 5_000;

/** Bytes read from a client that keeps sending; the rest stays in the system's buffers and makes the client wait. */
const maxDiscardedBytes = 16 * 1024;

/**
 * Ends our side of a connection and lets the last data arrive: destroying a socket with unread bytes would lose it.
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
 * Makes the system stop reading with the next bytes, and keeps none: a paused socket would hold 64 KiB of a client that
 * floods. The return value of Readable.push decides whether to continue reading.
 */
function stopReading(socket: Duplex): void {
  socket.push = () => false;
  socket._read = () => {};
  while (socket.read() !== null);
}
