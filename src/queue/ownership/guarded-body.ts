import { Readable } from 'node:stream';

/** How much is kept back if a body comes in several pieces: what came before is already sent by then. */
const keptBackBytes = 4096;

/**
 * A body that is opened when first read, with its last octets kept back until they are requested and a guard lets them
 * pass: an upstream that never gets the end of a message never accepts it.
 * @param assertMayEnd throws if the end must not be sent; its error ends the stream
 */
export function guardedBody(open: () => Readable | Promise<Readable>, assertMayEnd: () => void): Readable {
  return new GuardedBody(open, assertMayEnd);
}

/** Avoids a generator for each message: most bodies are one small piece. */
class GuardedBody extends Readable {
  readonly #open: () => Readable | Promise<Readable>;
  readonly #assertMayEnd: () => void;
  #source: Readable | undefined;
  #isOpened = false;
  #kept: Buffer | undefined;
  #isInPieces = false;
  /** The source has ended, and what is kept is the end of the body. */
  #isAtEnd = false;

  constructor(open: () => Readable | Promise<Readable>, assertMayEnd: () => void) {
    // No read-ahead: the guard has to be asked as late as possible.
    super({ highWaterMark: 0 });
    this.#open = open;
    this.#assertMayEnd = assertMayEnd;
  }

  override _read(): void {
    if (this.#isAtEnd) this.#pushEnd();
    else if (this.#source) this.#source.resume();
    else if (!this.#isOpened) {
      this.#isOpened = true;
      void this.#begin();
    }
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#source?.destroy();
    done(error);
  }

  async #begin(): Promise<void> {
    try {
      const source = await this.#open();
      this.#source = source;
      if (this.destroyed) source.destroy();
      source.on('data', (piece: Buffer) => this.#take(piece));
      source.on('end', () => this.#atEnd());
      source.on('error', (error) => this.destroy(error));
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  #take(piece: Buffer): void {
    const before = this.#kept;
    this.#kept = piece;
    if (!before) return;
    this.#isInPieces = true;
    if (!this.push(before)) this.#source?.pause();
  }

  #atEnd(): void {
    this.#isAtEnd = true;
    const last = this.#kept;
    if (!last || !this.#isInPieces || last.length <= keptBackBytes) {
      this.#pushEnd();
      return;
    }
    this.#kept = last.subarray(last.length - keptBackBytes);
    // The rest is pushed when it is requested.
    this.push(last.subarray(0, last.length - keptBackBytes));
  }

  #pushEnd(): void {
    if (this.destroyed) return;
    try {
      this.#assertMayEnd();
    } catch (error) {
      this.destroy(error as Error);
      return;
    }
    if (this.#kept) this.push(this.#kept);
    this.push(null);
  }
}
