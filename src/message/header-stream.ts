import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream';
import { HeaderScanner } from './header-scanner.ts';
import { defaultMaxHeaderBytes, HeaderBlock } from './headers.ts';

/**
 * Sees the header of a message that streams by and returns what goes in its place, its empty line included
 * ({@link HeaderBlock.edit} makes it), or undefined to leave it as it is. What it throws ends the stream.
 */
export type EditHeader = (header: HeaderBlock) => Buffer | undefined | Promise<Buffer | undefined>;

/** Options of {@link headerRewriter}. */
export interface HeaderRewriterOptions {
  /** Largest header accepted, in octets; default 1 MiB. */
  readonly maxHeaderBytes?: number;
}

/**
 * A transform that holds a message's header until it is complete, lets `edit` replace it once, and passes every octet
 * of the body on as it came. Fails with HeaderTooLargeError, or with what `edit` throws.
 */
export function headerRewriter(edit: EditHeader, options: HeaderRewriterOptions = {}): Transform {
  return new HeaderRewriter(edit, options.maxHeaderBytes ?? defaultMaxHeaderBytes);
}

/** As {@link headerRewriter}, for a source at hand: errors and destruction pass between the two. */
export function rewriteHeader(source: Readable, edit: EditHeader, options: HeaderRewriterOptions = {}): Readable {
  const rewriter = headerRewriter(edit, options);
  // The error reaches whoever reads the rewriter; the callback is there only because pipeline asks for one.
  return pipeline(source, rewriter, () => undefined);
}

class HeaderRewriter extends Transform {
  readonly #edit: EditHeader;
  readonly #maxHeaderBytes: number;
  readonly #scanner = new HeaderScanner();
  #held = Buffer.allocUnsafe(8192);
  #heldLength = 0;
  #inBody = false;

  constructor(edit: EditHeader, maxHeaderBytes: number) {
    super();
    this.#edit = edit;
    this.#maxHeaderBytes = maxHeaderBytes;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    if (this.#inBody) {
      callback(null, chunk);
      return;
    }
    this.#hold(chunk);
    if (this.#scan(false) || this.#heldLength > this.#maxHeaderBytes) this.#passOn(callback);
    else callback();
  }

  override _flush(callback: TransformCallback): void {
    if (this.#inBody) {
      callback();
      return;
    }
    this.#scan(true);
    this.#passOn(callback);
  }

  /** Grows by doubling, so that a header arriving in single octets still costs linear time. */
  #hold(chunk: Buffer): void {
    const length = this.#heldLength + chunk.length;
    if (length > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, this.#held.length * 2));
      this.#held.copy(larger, 0, 0, this.#heldLength);
      this.#held = larger;
    }
    chunk.copy(this.#held, this.#heldLength);
    this.#heldLength = length;
  }

  #scan(atEnd: boolean): boolean {
    return this.#scanner.scan(this.#held.subarray(0, this.#heldLength), atEnd);
  }

  #passOn(callback: TransformCallback): void {
    this.#inBody = true;
    this.#edited().then(
      ([header, body]) => {
        if (header.length > 0) this.push(header);
        if (body.length > 0) this.push(body);
        this.#held = Buffer.alloc(0);
        callback();
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error))),
    );
  }

  async #edited(): Promise<[Buffer, Buffer]> {
    const octets = this.#held.subarray(0, this.#heldLength);
    const header = HeaderBlock.scanned(octets, this.#scanner, this.#maxHeaderBytes);
    return [(await this.#edit(header)) ?? header.raw, octets.subarray(header.byteLength)];
  }
}
