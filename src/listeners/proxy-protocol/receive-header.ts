import type { Socket } from 'node:net';
import { type ProxyHeader, ProxyHeaderError } from './proxy-header.ts';
import { readVersion1 } from './version-1.ts';
import { isVersion2, readVersion2 } from './version-2.ts';

/**
 * Reads a PROXY header of either version.
 * @param received the data received so far
 * @returns undefined if more is needed
 * @throws ProxyHeaderError as soon as the data cannot be a header
 */
export function readProxyHeader(received: Buffer): ProxyHeader | undefined {
  return isVersion2(received[0]) ? readVersion2(received) : readVersion1(received);
}

/**
 * Takes the header off a paused connection. Data after it stays in the socket, which is paused again.
 * @returns undefined if the connection ended without any data, as a plain port check does
 * @throws ProxyHeaderError the socket is then closed, or was already closed
 */
export function receiveProxyHeader(socket: Socket, timeoutMs: number): Promise<ProxyHeader | undefined> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const settle = (): void => {
      clearTimeout(timer);
      socket.off('data', take).off('error', failed).off('end', ended).off('close', ended);
    };
    const fail = (error: unknown): void => {
      settle();
      socket.destroy();
      reject(error);
    };
    const late = () => fail(new ProxyHeaderError(`it did not come within ${timeoutMs / 1000} seconds`));
    const failed = (error: unknown): void => {
      if (error instanceof ProxyHeaderError) fail(error);
    };
    const ended = (): void => {
      if (received.length > 0) {
        fail(new ProxyHeaderError('the connection ended inside it'));
        return;
      }
      settle();
      socket.destroy();
      resolve(undefined);
    };
    const take = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      try {
        const header = readProxyHeader(received);
        if (header === undefined) return;
        settle();
        socket.pause();
        if (received.length > header.bytes) socket.unshift(received.subarray(header.bytes));
        resolve(header);
      } catch (error) {
        fail(error);
      }
    };
    const timer = setTimeout(late, timeoutMs);
    socket.on('data', take).on('error', failed).once('end', ended).once('close', ended);
    socket.resume();
  });
}
