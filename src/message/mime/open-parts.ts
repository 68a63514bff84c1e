import type { OpenPart } from './part.ts';

/**
 * Longer lines, including line ends, are not delimiters (RFC 2046 section 5.1.1: 70 characters; longer ones are in
 * use).
 */
export const maxDelimiter = 1000;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;

/** A line between the parts of a multipart, or after the last one. */
export interface FoundDelimiter {
  /** The multipart it belongs to, counted from the outermost. */
  readonly index: number;
  /** It is the one after the last part. */
  readonly closes: boolean;
}

/** The parts of a message that have begun but not ended, and the delimiters that end them. */
export class OpenParts {
  /** From the message itself to the innermost, each with the number of open multiparts around it. */
  readonly #parts: { readonly part: OpenPart; readonly multiparts: number }[] = [];
  /** Multiparts whose parts begin and end; a multipart is removed after its last delimiter. */
  readonly #multiparts: { readonly part: OpenPart; readonly delimiter: string }[] = [];
  /** Indexes into them, by delimiter. */
  readonly #indexes = new Map<string, number>();

  /** Nesting depth of the parts. */
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

  /**
   * Returns the delimiter of a multipart, one character per byte; undefined if it has no boundary, or that of another
   * one.
   */
  delimiterOf(part: OpenPart): string | undefined {
    const boundary = part.parameters.get('boundary')?.trimEnd() ?? '';
    const delimiter = Buffer.from(`--${boundary}`).toString('latin1');
    return boundary === '' || this.#indexes.has(delimiter) ? undefined : delimiter;
  }

  /** Parts of that multipart follow. */
  open(part: OpenPart, delimiter: string): void {
    this.#indexes.set(delimiter, this.#multiparts.length);
    this.#multiparts.push({ part, delimiter });
  }

  /** Finds the innermost multipart whose delimiter this line is. Takes the same time however many are open. */
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
   * @param bodyEnd position in the message after the last byte before it
   */
  end({ index, closes }: FoundDelimiter, bodyEnd: number): void {
    this.#endBodies(index + 1, bodyEnd);
    this.#close(closes ? index : index + 1);
  }

  /** Ends everything. @param bodyEnd bytes of the message */
  endAll(bodyEnd: number): void {
    this.#endBodies(0, bodyEnd);
    this.#close(0);
  }

  /** Ends all parts with at least that many open multiparts around them. */
  #endBodies(multiparts: number, bodyEnd: number): void {
    while ((this.#parts.at(-1)?.multiparts ?? -1) >= multiparts) {
      const ended = this.#parts.pop();
      if (ended) ended.part.bodyEnd = Math.max(ended.part.start, bodyEnd);
    }
  }

  /** Closes all multiparts except the first `count`. */
  #close(count: number): void {
    for (const { part, delimiter } of this.#multiparts.splice(count)) {
      this.#indexes.delete(delimiter);
      if (part.parts.length === 0) part.defects.push('no-parts');
    }
  }
}

/** Returns where the line end and the spaces before it begin. */
function endOfText(line: Buffer): number {
  let end = line.length;
  if (line[end - 1] === LF) end -= 1;
  if (line[end - 1] === CR) end -= 1;
  while (line[end - 1] === SPACE || line[end - 1] === TAB) end -= 1;
  return end;
}
