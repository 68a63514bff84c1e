import type { Socket } from 'node:net';
import { BridgeError } from '../../../base/errors.ts';
import { httpFailure } from '../../../base/http/failure.ts';

export interface ProbeOptions {
  /** PEM certificates trusted in addition to those of the system. */
  readonly ca: string | undefined;
  /** For connecting, for requesting TLS and for the handshake, each. */
  readonly timeoutMs: number;
}

/** Waits for a socket to be ready; destroys it if that fails. @throws BridgeError */
export function untilEvent<S extends Socket>(socket: S, event: string, peer: string, timeoutMs: number): Promise<S> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      settle();
      socket.on('error', () => {});
      socket.destroy();
      reject(httpFailure(error, peer));
    };
    const onClose = () => fail(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
    const onTime = () => fail(new BridgeError('upstream-timeout', `${peer} did not accept a connection in time.`));
    const timer = setTimeout(onTime, timeoutMs);
    const settle = () => {
      clearTimeout(timer);
      socket.off('error', fail).off('close', onClose);
    };
    socket.once('error', fail).once('close', onClose);
    socket.once(event, () => {
      settle();
      // Until the next listener is attached, an error must not end the process.
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}
