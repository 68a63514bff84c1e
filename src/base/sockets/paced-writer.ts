import type { Duplex } from 'node:stream';
import { ConnectionEnded } from './line-reader.ts';

/** The other side does not take what is sent to it. */
export class WriteTimeout extends Error {
  override readonly name = 'WriteTimeout';
}

/**
 * How long a client may take nothing of what is there for it, in milliseconds. Small replies reach any honest client
 * within the first; after the login even 64 KiB in five minutes are enough.
 */
export const writeTimeoutMs = { beforeLogin: 60_000, afterLogin: 300_000 } as const;

/** Bytes gathered before they go to the socket. */
const flushBytes = 16 * 1024;

/** Bytes of a large piece that go to the socket at once. */
const sliceBytes = 64 * 1024;

/** Writes to a socket: many small pieces in one write, large ones no faster than the other side takes them. */
export class PacedWriter {
  /** Milliseconds for which the other side may take nothing while something is there for it. */
  timeoutMs: number;
  #stream: Duplex;
  readonly #encoding: 'latin1' | 'utf8';
  #pending = '';
  /** Writes that the system has not taken yet. */
  #unsent = 0;
  #progress: (() => void) | undefined;

  constructor(stream: Duplex, encoding: 'latin1' | 'utf8', timeoutMs: number) {
    this.#stream = stream;
    this.#encoding = encoding;
    this.timeoutMs = timeoutMs;
  }

  /** Goes on with another stream, the old one being wrapped in TLS by now. */
  switchTo(stream: Duplex): void {
    this.#stream = stream;
  }

  /** Nothing is sent before {@link flush}, {@link drained}, {@link sent} or {@link octets}. */
  raw(text: string): void {
    this.#pending += text;
  }

  /** Sends what is pending, and waits for nothing: only for last words. */
  flush(): void {
    const text = this.#pending;
    this.#pending = '';
    if (text !== '' && this.#stream.writable) this.#write(text);
  }

  /** Whether everything that was sent is on its way. */
  get isIdle(): boolean {
    return this.#unsent === 0;
  }

  /**
   * Sends what is pending and waits until the system has taken all of it. Whoever reads the next command before that
   * lets a client that never reads pile up replies without end.
   * @throws ConnectionEnded, WriteTimeout
   */
  async sent(): Promise<void> {
    this.flush();
    if (this.#unsent > 0) await this.#taken();
  }

  /** Sends what is pending once it is worth it, and waits as {@link sent} does. */
  async drained(): Promise<void> {
    if (this.#pending.length >= flushBytes) await this.sent();
  }

  /** Sends what is pending and then this, and waits if the other side does not keep up. @throws as {@link sent} */
  async octets(chunk: Uint8Array): Promise<void> {
    this.flush();
    for (let at = 0; at < chunk.length; at += sliceBytes) {
      if (!this.#write(chunk.subarray(at, at + sliceBytes))) await this.#taken();
    }
  }

  /** Ends the connection where it stands: half of something must not look whole. */
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

  /** Waits until all writes have been taken; the time runs anew with each that is. */
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
