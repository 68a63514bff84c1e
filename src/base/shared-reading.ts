import type { OnReadOpts, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Takes octets that stay where they are for the time of the call alone. */
export type Receive = (octets: Buffer) => void;

/**
 * What every connection reads into. A buffer for each read, as Node.js makes them otherwise, is garbage a moment
 * later: at full speed collecting it takes more time than anything else.
 */
const shared = Buffer.allocUnsafeSlow(64 * 1024);

/** The connections whose reading is shared, each with who takes what comes. */
const receivers = new WeakMap<Duplex, { receive: Receive | undefined }>();

/**
 * Connects so that {@link receiveFrom} need not copy. Until then the socket is read as any other.
 * @param open calls `net.connect` or `tls.connect` with the options given
 */
export function withSharedReading<S extends Socket>(open: (options: { readonly onread: OnReadOpts }) => S): S {
  const receiver: { receive: Receive | undefined } = { receive: undefined };
  const callback = (length: number): boolean => {
    const octets = shared.subarray(0, length);
    if (receiver.receive === undefined) return socket.push(Buffer.from(octets));
    receiver.receive(octets);
    return true;
  };
  const socket = open({ onread: { buffer: shared, callback } });
  receivers.set(socket, receiver);
  return socket;
}

/** Hands everything that comes from now on to `receive`, until the end; `pause` and `resume` work as ever. */
export function receiveFrom(socket: Duplex, receive: Receive): void {
  const receiver = receivers.get(socket);
  if (receiver) receiver.receive = receive;
  // What was read before, or all of it.
  socket.on('data', receive);
}
