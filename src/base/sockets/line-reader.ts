import type { Duplex } from 'node:stream';
import { hasMoreLinesThan } from './command-bound.ts';

/** The other side ended, or the connection broke. */
export class ConnectionEnded extends Error {
  override readonly name = 'ConnectionEnded';
}

/** Nothing complete arrived in time. */
export class ReadTimeout extends Error {
  override readonly name = 'ReadTimeout';
}

/** A line exceeded the permitted length. */
export class LineTooLong extends Error {
  override readonly name = 'LineTooLong';
  /** The beginning of the line. */
  readonly start: Buffer;

  constructor(maxBytes: number, start: Buffer) {
    super(`A line has more than ${maxBytes} octets.`);
    this.start = start;
  }
}

/** Too many lines arrived at once. */
export class TooManyLines extends Error {
  override readonly name = 'TooManyLines';
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** Number of bytes reported of a line that is too long. */
const startBytes = 256;

/** Number of bytes read in advance, so that the other side's end is noticed. */
const readAheadBytes = 16 * 1024;

/** Bytes that arrive one by one are joined: a buffer for each would take a hundred times as much memory. */
const maxChunks = 64;

/**
 * Reads lines and counted bytes from a socket, and no more than requested: the rest stays in the socket, so the other
 * side feels back-pressure, and {@link detach} passes it to the next owner.
 */
export class LineReader {
  /** Maximum duration of one wait for data, in milliseconds. */
  timeoutMs: number;
  /** Called when the other side has ended, even if nobody is reading. */
  onEnd: (() => void) | undefined;
  /** Maximum number of lines in one read, beyond which `line` throws. Default: any number. */
  maxLinesAtOnce = Number.POSITIVE_INFINITY;
  #stream: Duplex;
  #chunks: Buffer[] = [];
  #length = 0;
  #wake: (() => void) | undefined;
  #ended = false;
  #flooded = false;

  constructor(stream: Duplex, timeoutMs: number) {
    this.#stream = stream;
    this.timeoutMs = timeoutMs;
    this.#listen();
  }

  /**
   * Reads the next line without its end, CRLF or a bare LF.
   * @throws LineTooLong, TooManyLines, ReadTimeout, ConnectionEnded
   */
  async line(maxBytes: number): Promise<Buffer> {
    let searched = 0;
    let before = 0;
    for (;;) {
      if (this.#flooded) throw new TooManyLines('Too many lines arrived at once.');
      for (; searched < this.#chunks.length; searched++) {
        const chunk = this.#chunks[searched] as Buffer;
        const at = chunk.indexOf(lineFeed);
        if (at >= 0) return this.#takeLine(before + at, maxBytes);
        before += chunk.length;
      }
      if (before > maxBytes + 1) throw new LineTooLong(maxBytes, this.#start());
      if (this.#putTogether()) searched = this.#chunks.length;
      await this.#more();
    }
  }

  /** Reads exactly `count` bytes. @throws ReadTimeout, ConnectionEnded */
  async octets(count: number): Promise<Buffer> {
    while (this.#length < count) {
      this.#putTogether();
      await this.#more();
    }
    return this.#take(count);
  }

  /** Reads at least one byte and at most `count`. @throws ReadTimeout, ConnectionEnded */
  async some(count: number): Promise<Buffer> {
    if (this.#length === 0) await this.#more();
    return this.#take(Math.min(count, this.#chunks[0]?.length ?? 0));
  }

  /** Discards everything received so far (RFC 2595 section 4 and RFC 9051 section 6.2.1 at STARTTLS and STLS). */
  discard(): void {
    this.#pull();
    this.#chunks = [];
    this.#length = 0;
  }

  /** Continues with another stream, such as the TLS stream around the old one. */
  switchTo(stream: Duplex): void {
    this.close();
    this.#ended = false;
    this.#stream = stream;
    this.#listen();
  }

  /**
   * Stops reading; pending reads get `ConnectionEnded`.
   * @returns what was read from the stream but not requested; the rest is still in the stream
   */
  detach(): Buffer {
    const unread = Buffer.concat(this.#chunks);
    this.close();
    return unread;
  }

  /** Stops reading and discards what was read from the stream. */
  close(): void {
    this.#stop();
    this.#stream.off('readable', this.#onReadable);
    this.#stream.off('end', this.#onEnded);
    this.#stream.off('close', this.#stop);
    this.#chunks = [];
    this.#length = 0;
  }

  readonly #onReadable = (): void => {
    if (this.#wake !== undefined) this.#wake();
    else if (this.onEnd !== undefined) this.#readAhead();
  };

  readonly #onEnded = (): void => {
    this.#stop();
    this.onEnd?.();
  };

  readonly #stop = (): void => {
    this.#ended = true;
    this.#wake?.();
  };

  #listen(): void {
    this.#stream.on('readable', this.#onReadable);
    this.#stream.on('end', this.#onEnded);
    this.#stream.on('close', this.#stop);
  }

  /** A stream reports its end only once it has been read completely. */
  #readAhead(): void {
    while (this.#length < readAheadBytes && this.#pull());
    this.#putTogether();
  }

  async #more(): Promise<void> {
    for (;;) {
      if (!this.#ended && this.#pull()) return;
      if (this.#ended || this.#stream.readableEnded || this.#stream.destroyed) {
        throw new ConnectionEnded('The connection has ended.');
      }
      await this.#readable();
    }
  }

  #readable(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new ReadTimeout('Nothing arrived in time.')), this.timeoutMs);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }

  #pull(): boolean {
    const chunk = this.#stream.read() as Buffer | null;
    if (chunk === null) return false;
    this.#flooded ||= hasMoreLinesThan(this.maxLinesAtOnce, chunk);
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    return true;
  }

  #takeLine(length: number, maxBytes: number): Buffer {
    const line = this.#take(length + 1);
    const end = line[length - 1] === carriageReturn ? length - 1 : length;
    if (end > maxBytes) throw new LineTooLong(maxBytes, line.subarray(0, startBytes));
    return line.subarray(0, end);
  }

  #start(): Buffer {
    this.#chunks = [Buffer.concat(this.#chunks)];
    return (this.#chunks[0] as Buffer).subarray(0, startBytes);
  }

  #putTogether(): boolean {
    if (this.#chunks.length < maxChunks) return false;
    this.#chunks = [Buffer.concat(this.#chunks)];
    return true;
  }

  #take(count: number): Buffer {
    const taken: Buffer[] = [];
    let missing = count;
    while (missing > 0) {
      const chunk = this.#chunks[0] as Buffer;
      if (chunk.length <= missing) {
        taken.push(chunk);
        this.#chunks.shift();
        missing -= chunk.length;
      } else {
        taken.push(chunk.subarray(0, missing));
        this.#chunks[0] = chunk.subarray(missing);
        missing = 0;
      }
    }
    this.#length -= count;
    return taken.length === 1 ? (taken[0] as Buffer) : Buffer.concat(taken);
  }
}
