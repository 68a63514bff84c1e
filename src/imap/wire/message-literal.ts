import { Readable } from 'node:stream';
import type { LineReader } from '../../base/sockets/line-reader.ts';

/** A message of an APPEND, or a piece of one. It is read by whoever stores it, not held in memory. */
export interface MessageLiteral {
  readonly size: number;
  /** It may hold NUL (RFC 3516 section 4.3, literal8). */
  readonly binary: boolean;
  /** The client waits until it is {@link accept}ed. */
  readonly synchronizing: boolean;
  /** Lets the client send, and gives what it sends. */
  accept(): Promise<Readable>;
  /**
   * What stands behind it, once it has been read: more of the same APPEND (RFC 3502, RFC 4469), undefined at the end of the
   * command. @throws ImapSyntaxError, LineTooLong
   */
  next(): Promise<AppendRest | undefined>;
}

/** More of an APPEND: text, up to the next literal or to the end of the command. */
export interface AppendRest {
  /** One character per octet. */
  readonly text: string;
  readonly message: MessageLiteral | undefined;
}

/** What a literal says of itself. */
export interface LiteralFacts {
  readonly size: number;
  readonly binary: boolean;
  readonly synchronizing: boolean;
}

/** A literal that is taken off the wire as it is wanted. */
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

  /** Lets the client send, and gives what it sends. */
  async accept(): Promise<Readable> {
    this.#accepted = true;
    if (this.synchronizing) await this.#invite();
    return Readable.from(this.#content(), { objectMode: false });
  }

  /** Takes the rest off the wire. @returns false if the client was never let to send */
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
