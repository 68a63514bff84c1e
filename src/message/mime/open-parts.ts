import type { OpenPart } from './part.ts';

/** Longer lines, line ends included, are no delimiters (RFC 2046 section 5.1.1: 70 characters; longer ones are in use). */
export const maxDelimiter = 1000;

/** A line between the parts of a multipart, or behind the last one. */
export interface FoundDelimiter {
  /** Whose it is, counted from the outermost. */
  readonly index: number;
  /** It is the one behind the last part. */
  readonly closes: boolean;
}

/** The parts of a message that have begun and not ended, and the delimiters that end them. */
export class OpenParts {
  /** From the message itself to the innermost, each with the number of open multiparts around it. */
  readonly #parts: { readonly part: OpenPart; readonly multiparts: number }[] = [];
  /** Those whose parts begin and end; behind its last delimiter a multipart is none of them. */
  readonly #multiparts: { readonly part: OpenPart; readonly delimiter: Buffer }[] = [];

  /** How many parts there are within one another. */
  get depth(): number {
    return this.#parts.length;
  }

  /** The innermost multipart whose parts begin and end. */
  get multipart(): OpenPart | undefined {
    return this.#multiparts.at(-1)?.part;
  }

  begin(part: OpenPart): void {
    this.#parts.push({ part, multiparts: this.#multiparts.length });
  }

  /** The delimiter of a multipart; undefined where it has no boundary, or one that is another's. */
  delimiterOf(part: OpenPart): Buffer | undefined {
    const boundary = part.parameters.get('boundary')?.trimEnd() ?? '';
    const delimiter = Buffer.from(`--${boundary}`, 'utf8');
    const isOpen = this.#multiparts.some((other) => other.delimiter.equals(delimiter));
    return boundary === '' || isOpen ? undefined : delimiter;
  }

  /** From here on there are parts of that multipart. */
  open(part: OpenPart, delimiter: Buffer): void {
    this.#multiparts.push({ part, delimiter });
  }

  /** The innermost multipart whose delimiter this line is. */
  find(line: Buffer): FoundDelimiter | undefined {
    if (line.length > maxDelimiter) return undefined;
    for (let index = this.#multiparts.length - 1; index >= 0; index--) {
      const length = this.#multiparts[index]?.delimiter.length ?? 0;
      if (!this.#multiparts[index]?.delimiter.equals(line.subarray(0, length))) continue;
      const rest = line.toString('latin1', length);
      if (/^(?:--)?[ \t]*\r?\n?$/.test(rest)) return { index, closes: rest.startsWith('--') };
    }
    return undefined;
  }

  /**
   * Ends what a delimiter ends.
   * @param bodyEnd octet of the message behind the last one before it
   */
  end({ index, closes }: FoundDelimiter, bodyEnd: number): void {
    this.#endBodies(index + 1, bodyEnd);
    this.#close(closes ? index : index + 1);
  }

  /** Ends everything. @param bodyEnd octets of the message */
  endAll(bodyEnd: number): void {
    this.#endBodies(0, bodyEnd);
    this.#close(0);
  }

  /** Of all parts with so many open multiparts around them, or more. */
  #endBodies(multiparts: number, bodyEnd: number): void {
    while ((this.#parts.at(-1)?.multiparts ?? -1) >= multiparts) {
      const ended = this.#parts.pop();
      if (ended) ended.part.bodyEnd = Math.max(ended.part.start, bodyEnd);
    }
  }

  /** All multiparts but so many. */
  #close(count: number): void {
    for (const { part } of this.#multiparts.splice(count)) if (part.parts.length === 0) part.defects.push('no-parts');
  }
}
