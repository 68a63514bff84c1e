import type { Duplex } from 'node:stream';
import { ConnectionEnded } from './line-reader.ts';

/** The other side does not accept the data sent to it. */
export class WriteTimeout extends Error {
  override readonly name = 'WriteTimeout';
}

/**
 * How long a client may accept none of its pending data, in milliseconds. Small replies reach any honest client within
 * the first; after login, even 64 KiB in five minutes are enough.
 */
export const writeTimeoutMs = { beforeLogin: 60_000, afterLogin: 300_000 } as const;

/** Bytes collected before they are written to the socket. */
const flushBytes = 16 * 1024;

/** Bytes of a large piece written to the socket at once. */
const sliceBytes = 64 * 1024;

/** Writes to a socket: many small pieces in one write, large ones no faster than the other side accepts them. */
export class PacedWriter {
  /** Milliseconds for which the other side may accept none of its pending data. */
  timeoutMs: number;
  #stream: Duplex;
  readonly #encoding: 'latin1' | 'utf8';
  #pending = '';
  /** Number of writes that the system has not yet accepted. */
  #unsent = 0;
  #progress: (() => void) | undefined;

  constructor(stream: Duplex, encoding: 'latin1' | 'utf8', timeoutMs: number) {
    this.#stream = stream;
    this.#encoding = encoding;
    this.timeoutMs = timeoutMs;
  }

  /** Continues with another stream, such as the TLS stream around the old one. */
  switchTo(stream: Duplex): void {
    this.#stream = stream;
  }

  /** Queues text, which is not sent before {@link flush}, {@link drained}, {@link sent} or {@link octets}. */
  raw(text: string): void {
    this.#pending += text;
  }

  /** Sends pending text without waiting: only for the last data. */
  flush(): void {
    const text = this.#pending;
    this.#pending = '';
    if (text !== '' && this.#stream.writable) this.#write(text);
  }

  /** Whether the system has accepted everything. */
  get isIdle(): boolean {
    return this.#unsent === 0;
  }

  /**
   * Sends pending text and waits until the system has accepted all of it. Reading the next command earlier would let a
   * client that never reads accumulate replies without limit.
   * @throws ConnectionEnded, WriteTimeout
   */
  async sent(): Promise<void> {
    this.flush();
    if (this.#unsent > 0) await this.#taken();
  }

  /** Sends pending text once there is enough of it, and waits like {@link sent}. */
  async drained(): Promise<void> {
    if (this.#pending.length >= flushBytes) await this.sent();
  }

  /** Sends pending text and then this, waiting if the other side does not keep up. @throws like {@link sent} */
  async octets(chunk: Uint8Array): Promise<void> {
    this.flush();
    for (let at = 0; at < chunk.length; at += sliceBytes) {
      if (!this.#write(chunk.subarray(at, at + sliceBytes))) await this.#taken();
    }
  }

  /** Destroys the connection: half of something must not look complete. */
  breakOff(what: string, cause: unknown): Error {
    this.#stream.destroy();
    return cause instanceof WriteTimeout ? cause : new ConnectionEnded(what, { cause });
  }

  #write(chunk: string | Uint8Array): boolean {
    this.#unsent++;
    return this.#stream.write(chunk, this.#encoding, () => {
      this.#unsent--;
      this.#progress?.();
    });
  }

  /** Waits until all writes have been accepted; the timeout restarts with each. */
  async #taken(): Promise<void> {
    const stream = this.#stream;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(
      () => reject(new WriteTimeout('The other side does not read what it is sent.')),
      this.timeoutMs,
    );
    this.#progress = () => {
      if (this.#unsent === 0) resolve();
      else timer.refresh();
    };
    stream.once('close', resolve);
    try {
      if (this.#unsent > 0 && !stream.destroyed) await promise;
    } finally {
      clearTimeout(timer);
      this.#progress = undefined;
      stream.off('close', resolve);
    }
    if (stream.destroyed) throw new ConnectionEnded('The connection has ended.');
  }
}
