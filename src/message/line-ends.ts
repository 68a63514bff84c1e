/** Why {@link CrlfChecker} refused the data. */
export type LineEndFault = 'bare-lf' | 'bare-cr' | 'too-large';

/** The data is not a message with CRLF line ends, or is too large. */
export class LineEndError extends Error {
  override readonly name = 'LineEndError';
  readonly kind: LineEndFault;
  /** Position of the offending byte, counted from 0 over all chunks. */
  readonly offset: number;

  constructor(kind: LineEndFault, offset: number) {
    super(faultTexts[kind]);
    this.kind = kind;
    this.offset = offset;
  }
}

const faultTexts: Readonly<Record<LineEndFault, string>> = {
  'bare-lf': 'A line ends with LF alone, not with CRLF.',
  'bare-cr': 'A CR stands without its LF.',
  'too-large': 'The message is larger than accepted here.',
};

const LF = 0x0a;
const CR = 0x0d;

/**
 * Checks a message chunk by chunk, and throws at the first CR or LF that is not part of a CRLF (RFC 5321 section
 * 2.3.8): such a byte is a line end to some servers and not to others, which enables mail smuggling.
 */
export class CrlfChecker {
  readonly #maxBytes: number;
  #octets = 0;
  #lastOctet = 0;
  #endsWithCrlf = false;

  /** @param maxBytes maximum number of bytes in total; default no limit */
  constructor(maxBytes: number = Number.POSITIVE_INFINITY) {
    this.#maxBytes = maxBytes;
  }

  /** Number of bytes checked. */
  get octets(): number {
    return this.#octets;
  }

  /** Whether the data so far consists of whole lines. */
  get endsWithCrlf(): boolean {
    return this.#endsWithCrlf;
  }

  /** @throws LineEndError */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.#octets + chunk.length > this.#maxBytes) throw new LineEndError('too-large', this.#maxBytes);
    const start = this.#octets;
    const pairBegun = this.#lastOctet === CR;
    if (pairBegun && chunk[0] !== LF) throw new LineEndError('bare-cr', start - 1);
    this.#checkLines(chunk, start, pairBegun ? 1 : 0);
    this.#octets += chunk.length;
    const beforeLast = chunk.length > 1 ? chunk[chunk.length - 2] : this.#lastOctet;
    this.#lastOctet = chunk[chunk.length - 1] as number;
    this.#endsWithCrlf = this.#lastOctet === LF && beforeLast === CR;
  }

  /** Call at the end of the data. @throws LineEndError if the last byte is a CR */
  end(): void {
    if (this.#lastOctet === CR) throw new LineEndError('bare-cr', this.#octets - 1);
  }

  #checkLines(chunk: Uint8Array, start: number, from: number): void {
    let position = from;
    for (;;) {
      // Each search stops at the line's end, so every byte is read at most twice, however the lines are split.
      const lf = chunk.indexOf(LF, position);
      const cr = chunk.indexOf(CR, position);
      if (lf === -1) {
        if (cr !== -1 && cr !== chunk.length - 1) throw new LineEndError('bare-cr', start + cr);
        return;
      }
      // If the first byte is an LF and there is no CR at all, they would otherwise compare equal: -1.
      if (cr === -1 || cr !== lf - 1) {
        if (cr !== -1 && cr < lf) throw new LineEndError('bare-cr', start + cr);
        throw new LineEndError('bare-lf', start + lf);
      }
      position = lf + 1;
    }
  }
}
