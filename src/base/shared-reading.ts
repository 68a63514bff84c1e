import type { OnReadOpts, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Receives bytes that are valid only during the call. */
export type Receive = (octets: Buffer) => void;

/**
 * The buffer that every connection reads into. Node.js would otherwise create a buffer for each read, which becomes
 * garbage a moment later: at full speed, collecting it takes more time than anything else.
 */
const shared = Buffer.allocUnsafeSlow(64 * 1024);

/** The connections that read into it, each with its receiver. */
const receivers = new WeakMap<Duplex, { receive: Receive | undefined }>();

/**
 * Connects so that {@link receiveFrom} does not have to copy. Until then, the socket is read like any other.
 * @param open calls `net.connect` or `tls.connect` with the given options
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

/** Passes everything that arrives from now on to `receive`, until the end; `pause` and `resume` work as usual. */
export function receiveFrom(socket: Duplex, receive: Receive): void {
  const receiver = receivers.get(socket);
  if (receiver) receiver.receive = receive;
  // Data read before, or all of it.
  socket.on('data', receive);
}
