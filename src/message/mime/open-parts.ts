import type { OpenPart } from './part.ts';

/** Longer lines, line ends included, are no delimiters (RFC 2046 section 5.1.1: 70 characters; longer ones are in use). */
export const maxDelimiter = 1000;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;

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
  readonly #multiparts: { readonly part: OpenPart; readonly delimiter: string }[] = [];
  /** Places among them, by delimiter. */
  readonly #indexes = new Map<string, number>();

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

  /** The delimiter of a multipart, a character for each octet; undefined where it has no boundary, or one that is another's. */
  delimiterOf(part: OpenPart): string | undefined {
    const boundary = part.parameters.get('boundary')?.trimEnd() ?? '';
    const delimiter = Buffer.from(`--${boundary}`).toString('latin1');
    return boundary === '' || this.#indexes.has(delimiter) ? undefined : delimiter;
  }

  /** From here on there are parts of that multipart. */
  open(part: OpenPart, delimiter: string): void {
    this.#indexes.set(delimiter, this.#multiparts.length);
    this.#multiparts.push({ part, delimiter });
  }

  /** The innermost multipart whose delimiter this line is. Takes the same time however many are open. */
  find(line: Buffer): FoundDelimiter | undefined {
    if (line.length > maxDelimiter) return undefined;
    const text = line.toString('latin1', 0, endOfText(line));
    const between = this.#indexes.get(text) ?? -1;
    const behind = (text.endsWith('--') ? this.#indexes.get(text.slice(0, -2)) : undefined) ?? -1;
    if (between < 0 && behind < 0) return undefined;
    return { index: Math.max(between, behind), closes: behind > between };
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
    for (const { part, delimiter } of this.#multiparts.splice(count)) {
      this.#indexes.delete(delimiter);
      if (part.parts.length === 0) part.defects.push('no-parts');
    }
  }
}

/** Where the line end and the blanks before it begin. */
function endOfText(line: Buffer): number {
  let end = line.length;
  if (line[end - 1] === LF) end -= 1;
  if (line[end - 1] === CR) end -= 1;
  while (line[end - 1] === SPACE || line[end - 1] === TAB) end -= 1;
  return end;
}
