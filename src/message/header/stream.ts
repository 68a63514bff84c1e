import { pipeline, type Readable, Transform } from 'node:stream';
import { defaultMaxHeaderBytes, HeaderBlock } from './fields.ts';
import { HeaderScanner } from './scanner.ts';

/**
 * Gets the header of a streamed message and returns its replacement, including its empty line (made by
 * {@link HeaderBlock.edit}), or undefined to leave it unchanged. If it throws, the stream ends with that error.
 */
export type EditHeader = (header: HeaderBlock) => Buffer | undefined | Promise<Buffer | undefined>;

/** Options of {@link editHeader}. */
export interface EditHeaderOptions {
  /** Largest header accepted, in bytes; default 1 MiB. */
  readonly maxHeaderBytes?: number;
}

/**
 * Holds a message's header until it is complete, lets `edit` replace it once, and passes the body through unchanged.
 * Fails with HeaderTooLargeError, or with what `edit` throws.
 */
export async function* editHeader(
  source: AsyncIterable<Buffer>,
  edit: EditHeader,
  options: EditHeaderOptions = {},
): AsyncGenerator<Buffer> {
  const held = new HeldHeader(edit, options.maxHeaderBytes ?? defaultMaxHeaderBytes);
  let inBody = false;
  for await (const chunk of source) {
    if (inBody) {
      yield chunk;
    } else if (held.push(chunk)) {
      inBody = true;
      yield* await held.edited();
    }
  }
  if (inBody) return;
  held.end();
  yield* await held.edited();
}

/**
 * Replaces the first bytes of a message: a header that has already been read is not parsed again. Destroying the stream
 * destroys the source.
 */
export function replaceStart(source: Readable, startBytes: number, replacement: Buffer): Readable {
  let left = startBytes;
  const rest = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const kept = left < chunk.length ? chunk.subarray(left) : undefined;
      left = Math.max(0, left - chunk.length);
      done(null, kept);
    },
  });
  rest.push(replacement);
  // Errors reach the reader; pipeline requires a callback.
  return pipeline(source, rest, () => undefined);
}

/** The beginning of a message, until its header is complete. */
class HeldHeader {
  readonly #edit: EditHeader;
  readonly #maxHeaderBytes: number;
  readonly #scanner = new HeaderScanner();
  #octets: Buffer = Buffer.alloc(0);
  #length = 0;

  constructor(edit: EditHeader, maxHeaderBytes: number) {
    this.#edit = edit;
    this.#maxHeaderBytes = maxHeaderBytes;
  }

  /** @returns whether enough is here: the whole header, or more than is accepted */
  push(chunk: Buffer): boolean {
    this.#hold(chunk);
    return this.#scanner.scan(this.#octets.subarray(0, this.#length), false) || this.#length > this.#maxHeaderBytes;
  }

  /** Nothing follows: the data so far is the header. */
  end(): void {
    this.#scanner.scan(this.#octets.subarray(0, this.#length), true);
  }

  /** Returns the edited header, and what was held of the body. */
  async edited(): Promise<Buffer[]> {
    const octets = this.#octets.subarray(0, this.#length);
    this.#octets = Buffer.alloc(0);
    const header = HeaderBlock.scanned(octets, this.#scanner, this.#maxHeaderBytes);
    const body = octets.subarray(header.byteLength);
    return [(await this.#edit(header)) ?? header.raw, body].filter((piece) => piece.length > 0);
  }

  /**
   * The first chunk, which often contains everything, is not copied. Grows by doubling, so that single bytes cost
   * linear time.
   */
  #hold(chunk: Buffer): void {
    if (this.#length === 0) {
      this.#octets = chunk;
      this.#length = chunk.length;
      return;
    }
    const length = this.#length + chunk.length;
    if (length > this.#octets.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, this.#octets.length * 2));
      this.#octets.copy(larger, 0, 0, this.#length);
      this.#octets = larger;
    }
    chunk.copy(this.#octets, this.#length);
    this.#length = length;
  }
}
