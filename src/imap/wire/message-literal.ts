import { Readable } from 'node:stream';
import type { LineReader } from '../../base/sockets/line-reader.ts';

/** A message of an APPEND, or a piece of one. The store reads it as a stream; it is not held in memory. */
export interface MessageLiteral {
  readonly size: number;
  /** It may contain NUL (RFC 3516 section 4.3, literal8). */
  readonly binary: boolean;
  /** The client waits until it is {@link accept}ed. */
  readonly synchronizing: boolean;
  /** Lets the client send, and returns what it sends. */
  accept(): Promise<Readable>;
  /**
   * What follows it, once it has been read: more of the same APPEND (RFC 3502, RFC 4469), undefined at the end of the
   * command.
   * @throws ImapSyntaxError, LineTooLong
   */
  next(): Promise<AppendRest | undefined>;
}

/** The next portion of an APPEND: text up to the next literal or to the end of the command. */
export interface AppendRest {
  /** One character per byte. */
  readonly text: string;
  readonly message: MessageLiteral | undefined;
}

/** Properties of a literal. */
export interface LiteralFacts {
  readonly size: number;
  readonly binary: boolean;
  readonly synchronizing: boolean;
}

/** A literal read from the wire on demand. */
export class StreamedLiteral implements LiteralFacts {
  readonly size: number;
  readonly binary: boolean;
  readonly synchronizing: boolean;
  readonly #reader: LineReader;
  readonly #invite: () => Promise<void>;
  #left: number;
  #accepted = false;

  /** @param invite lets the client send a synchronizing literal */
  constructor(reader: LineReader, { size, binary, synchronizing }: LiteralFacts, invite: () => Promise<void>) {
    this.size = size;
    this.binary = binary;
    this.synchronizing = synchronizing;
    this.#left = size;
    this.#reader = reader;
    this.#invite = invite;
  }

  /** Lets the client send, and returns what it sends. */
  async accept(): Promise<Readable> {
    this.#accepted = true;
    if (this.synchronizing) await this.#invite();
    return Readable.from(this.#content(), { objectMode: false });
  }

  /** Reads past the rest. @returns false if the client was never allowed to send */
  async skip(): Promise<boolean> {
    if (this.synchronizing && !this.#accepted) return false;
    while (this.#left > 0) this.#left -= (await this.#reader.some(Math.min(this.#left, chunkBytes))).length;
    return true;
  }

  async *#content(): AsyncGenerator<Buffer> {
    while (this.#left > 0) {
      const chunk = await this.#reader.some(Math.min(this.#left, chunkBytes));
      this.#left -= chunk.length;
      yield chunk;
    }
  }
}

const chunkBytes = 64 * 1024;
