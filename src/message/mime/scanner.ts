import { HeaderBlock } from '../header/fields.ts';
import { HeaderScanner } from '../header/scanner.ts';
import { HeaderTooLargeError } from '../header/too-large.ts';
import { type TransferDecoder, transferDecoder } from './decoders.ts';
import { type MimePart, type OpenPart, partOf } from './part.ts';

/** What {@link MimeScanner} is willing to hold. */
export interface MimeLimits {
  /** Parts in all, the message itself included. */
  readonly maxParts: number;
  /** Multiparts within one another. */
  readonly maxDepth: number;
  /** Headers of all parts together, in octets. */
  readonly maxHeaderBytes: number;
}

/** A message has more parts, or deeper ones, than are looked at. */
export class MimeTooComplexError extends Error {
  override readonly name = 'MimeTooComplexError';

  constructor() {
    super('The message has too many parts.');
  }
}

/** Longer lines, line ends included, are no delimiters (RFC 2046 section 5.1.1: 70 characters; longer ones are in use). */
const maxDelimiter = 1000;
const LF = 0x0a;
const CR = 0x0d;
const nothing: Buffer = Buffer.alloc(0);

interface OpenMultipart {
  readonly part: OpenPart;
  readonly delimiter: Buffer;
}

/**
 * Finds the parts of a message that passes by (RFC 2046 section 5.1). It looks at the lines that begin with `--`, and
 * holds no more than the headers and the octets of one call. Messages within the message are content.
 */
export class MimeScanner {
  readonly #limits: MimeLimits;
  readonly #open: OpenMultipart[] = [];
  #header: HeaderScanner | undefined = new HeaderScanner();
  /** Whose content passes; none between the parts of a multipart. */
  #leaf: { readonly part: OpenPart; readonly decoder: TransferDecoder } | undefined;
  #root: OpenPart | undefined;
  #octets = nothing;
  /** Place of the first of `#octets` in the message. */
  #offset = 0;
  #searchFrom = 0;
  /** A line begins with the first of `#octets`. */
  #atLineStart = true;
  #parts = 0;
  #headerOctets = 0;

  constructor(limits: MimeLimits) {
    this.#limits = limits;
  }

  /** @throws HeaderTooLargeError, MimeTooComplexError */
  push(octets: Buffer): void {
    this.#octets = this.#octets.length === 0 ? octets : Buffer.concat([this.#octets, octets]);
    this.#advance(false);
  }

  /** @throws HeaderTooLargeError, MimeTooComplexError */
  end(): MimePart {
    this.#advance(true);
    this.#endLeaf();
    while (this.#open.length > 0) this.#closeMultipart();
    return this.#root ?? partOf(HeaderBlock.parse(nothing), 0, 'text/plain');
  }

  #advance(atEnd: boolean): void {
    while (this.#header === undefined ? this.#content(atEnd) : this.#readHeader(this.#header, atEnd));
  }

  /** @returns whether the header has ended */
  #readHeader(scanner: HeaderScanner, atEnd: boolean): boolean {
    const { maxHeaderBytes } = this.#limits;
    const ended = scanner.scan(this.#octets, atEnd);
    const length = scanner.bodyStart ?? this.#octets.length;
    if (this.#headerOctets + length > maxHeaderBytes) throw new HeaderTooLargeError(maxHeaderBytes);
    if (!ended) return false;
    this.#headerOctets += length;
    this.#header = undefined;
    // A copy: a view would keep the whole piece of the message that it lies in.
    const header = HeaderBlock.scanned(Buffer.from(this.#octets.subarray(0, length)), scanner, length);
    this.#skip(length);
    this.#atLineStart = true;
    this.#beginPart(header);
    return true;
  }

  #beginPart(header: HeaderBlock): void {
    const parent = this.#open.at(-1)?.part;
    const part = partOf(header, this.#offset, parent?.type === 'multipart/digest' ? 'message/rfc822' : 'text/plain');
    this.#parts += 1;
    if (this.#parts > this.#limits.maxParts) throw new MimeTooComplexError();
    parent?.parts.push(part);
    this.#root ??= part;
    if (part.type.startsWith('multipart/') && this.#openMultipart(part)) return;
    this.#leaf = { part, decoder: transferDecoder(part.encoding) };
  }

  #openMultipart(part: OpenPart): boolean {
    const boundary = part.parameters.get('boundary')?.trimEnd() ?? '';
    const delimiter = Buffer.from(`--${boundary}`, 'utf8');
    if (boundary === '' || this.#open.some((other) => other.delimiter.equals(delimiter))) {
      part.defects.push('bad-boundary');
      return false;
    }
    this.#open.push({ part, delimiter });
    if (this.#open.length > this.#limits.maxDepth) throw new MimeTooComplexError();
    return true;
  }

  /** @returns whether a part begins */
  #content(atEnd: boolean): boolean {
    for (;;) {
      const at = this.#open.length === 0 ? -1 : this.#nextDashes();
      if (at === -1) {
        // What may be the beginning of a line end and two dashes stays.
        this.#pass(atEnd || this.#open.length === 0 ? this.#octets.length : Math.max(0, this.#octets.length - 3));
        return false;
      }
      const lineEnd = this.#octets.indexOf(LF, at);
      if (lineEnd === -1 && !atEnd && this.#octets.length - at <= maxDelimiter) return false;
      const line = this.#octets.subarray(at, lineEnd === -1 ? this.#octets.length : lineEnd + 1);
      const found = this.#delimiterIn(line);
      if (found === undefined) this.#searchFrom = at + 1;
      else if (this.#delimiter(at, line.length, found)) return true;
    }
  }

  /** Where the next line begins that starts with two dashes, or -1. */
  #nextDashes(): number {
    const octets = this.#octets;
    if (this.#atLineStart && this.#searchFrom === 0 && octets[0] === 0x2d && octets[1] === 0x2d) return 0;
    const lf = octets.indexOf('\n--', Math.max(0, this.#searchFrom - 1));
    return lf === -1 ? -1 : lf + 1;
  }

  /** The innermost open multipart whose delimiter this line is. */
  #delimiterIn(line: Buffer): { readonly index: number; readonly closes: boolean } | undefined {
    if (line.length > maxDelimiter) return undefined;
    for (let index = this.#open.length - 1; index >= 0; index--) {
      const length = this.#open[index]?.delimiter.length ?? 0;
      if (!this.#open[index]?.delimiter.equals(line.subarray(0, length))) continue;
      const rest = line.toString('latin1', length);
      if (/^(?:--)?[ \t]*\r?\n?$/.test(rest)) return { index, closes: rest.startsWith('--') };
    }
    return undefined;
  }

  /** @returns whether a part begins */
  #delimiter(at: number, length: number, found: { readonly index: number; readonly closes: boolean }): boolean {
    // The line end before the delimiter is part of it.
    let contentEnd = at;
    if (this.#octets[contentEnd - 1] === LF) contentEnd -= 1;
    if (contentEnd < at && this.#octets[contentEnd - 1] === CR) contentEnd -= 1;
    this.#pass(contentEnd);
    this.#endLeaf();
    this.#skip(at - contentEnd + length);
    while (this.#open.length > found.index + 1) this.#closeMultipart();
    this.#atLineStart = true;
    if (found.closes) this.#closeMultipart();
    else this.#header = new HeaderScanner();
    return !found.closes;
  }

  /** Octets of the content, up to `end`. */
  #pass(end: number): void {
    if (this.#leaf) {
      const { part, decoder } = this.#leaf;
      part.decodedOctets += decoder.push(this.#octets.subarray(0, end)).length;
      part.end = this.#offset + end;
    }
    this.#skip(end);
  }

  #skip(length: number): void {
    if (length > 0) this.#atLineStart = false;
    this.#octets = this.#octets.subarray(length);
    this.#offset += length;
    this.#searchFrom = 0;
  }

  #endLeaf(): void {
    if (this.#leaf === undefined) return;
    const { part, decoder } = this.#leaf;
    part.decodedOctets += decoder.end().length;
    if (decoder.isAmbiguous) part.defects.push('ambiguous-base64');
    this.#leaf = undefined;
  }

  #closeMultipart(): void {
    const closed = this.#open.pop();
    if (closed?.part.parts.length === 0) closed.part.defects.push('no-parts');
  }
}
