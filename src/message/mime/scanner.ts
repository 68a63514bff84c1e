import { HeaderBlock } from '../header/fields.ts';
import { HeaderScanner } from '../header/scanner.ts';
import { HeaderTooLargeError } from '../header/too-large.ts';
import { type TransferDecoder, transferDecoder } from './decoders.ts';
import { type FoundDelimiter, maxDelimiter, OpenParts } from './open-parts.ts';
import { type MimePart, type OpenPart, partOf } from './part.ts';

/** Limits of {@link MimeScanner}. */
export interface MimeLimits {
  /** Number of parts in total, including the message itself. */
  readonly maxParts: number;
  /** Nesting depth of multiparts, and of embedded messages that are parsed. */
  readonly maxDepth: number;
  /** Headers of all parts together, in bytes. */
  readonly maxHeaderBytes: number;
}

/**
 * What {@link MimeScanner} does beyond finding the parts; none of it is for a message that is taken apart to be sent.
 */
export interface MimeReading {
  /**
   * Parses the message in a message/rfc822, unless it is encoded (RFC 2046 section 5.2.1). Not done for a courier:
   * there it is a file whose bytes stay, and a defect within it is no reason to send what is around it differently.
   */
  readonly embedded?: boolean;
  /** Treats anything beyond the limits as content instead of an error. */
  readonly lenient?: boolean;
  /** Leaves contents encoded: `decodedOctets` stays 0, and ambiguous base64 is not detected. */
  readonly undecoded?: boolean;
}

/** A message has more parts, or deeper ones, than the limits allow. */
export class MimeTooComplexError extends Error {
  override readonly name = 'MimeTooComplexError';

  constructor() {
    super('The message has too many parts.');
  }
}

const LF = 0x0a;
const CR = 0x0d;
const nothing: Buffer = Buffer.alloc(0);
const dashesOnLine = Buffer.from('\n--');

/**
 * Finds the parts of a streamed message (RFC 2046 section 5.1). It examines the lines that begin with `--`, and holds
 * no more than the headers and the bytes of one call.
 */
export class MimeScanner {
  readonly #limits: MimeLimits;
  readonly #reading: MimeReading;
  readonly #open = new OpenParts();
  #header: HeaderScanner | undefined = new HeaderScanner();
  /** The part whose content is passing; none between the parts of a multipart. */
  #leaf: { readonly part: OpenPart; readonly decoder: TransferDecoder | undefined } | undefined;
  /** The message/rfc822 whose message begins. */
  #messageIn: OpenPart | undefined;
  #root: OpenPart | undefined;
  #octets = nothing;
  /** Position of the first of `#octets` in the message. */
  #offset = 0;
  #searchFrom = 0;
  /** Bytes of the line end just before `#octets`; 0 if there is none. */
  #lineEndBefore = 0;
  #parts = 0;
  #headerOctets = 0;

  constructor(limits: MimeLimits, reading: MimeReading = {}) {
    this.#limits = limits;
    this.#reading = reading;
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
    this.#open.endAll(this.#offset);
    // A header ends at the end of the message at the latest.
    return this.#root as OpenPart;
  }

  #advance(atEnd: boolean): void {
    while (this.#header === undefined ? this.#content(atEnd) : this.#readHeader(this.#header, atEnd));
  }

  /** @returns whether the header has ended */
  #readHeader(scanner: HeaderScanner, atEnd: boolean): boolean {
    const left = this.#limits.maxHeaderBytes - this.#headerOctets;
    const octets = this.#octets.subarray(0, left + 1);
    const ended = scanner.scan(octets, atEnd && octets.length === this.#octets.length);
    const length = scanner.bodyStart ?? octets.length;
    if (length > left) {
      if (!this.#reading.lenient) throw new HeaderTooLargeError(this.#limits.maxHeaderBytes);
      this.#parts = this.#limits.maxParts;
      const fields = Buffer.from(octets.subarray(0, scanner.fieldsEnd));
      return this.#headerEnded(HeaderBlock.parse(fields, { maxHeaderBytes: fields.length }));
    }
    if (!ended) return false;
    // A copy: a view would keep the whole piece of the message in memory.
    return this.#headerEnded(HeaderBlock.scanned(Buffer.from(octets.subarray(0, length)), scanner, length));
  }

  #headerEnded(header: HeaderBlock): true {
    this.#headerOctets += header.byteLength;
    this.#header = undefined;
    this.#skip(header.byteLength);
    this.#beginPart(header);
    return true;
  }

  #beginPart(header: HeaderBlock): void {
    const container = this.#messageIn;
    this.#messageIn = undefined;
    const parent = container ?? this.#open.multipart;
    const part = partOf(header, this.#offset, parent?.type === 'multipart/digest' ? 'message/rfc822' : 'text/plain');
    this.#parts += 1;
    if (this.#parts > this.#limits.maxParts && !this.#reading.lenient) throw new MimeTooComplexError();
    if (container !== undefined) container.message = part;
    else parent?.parts.push(part);
    this.#root ??= part;
    this.#open.begin(part);
    if (part.type.startsWith('multipart/') && this.#openMultipart(part)) return;
    if (part.type === 'message/rfc822' && this.#openMessage(part)) return;
    this.#leaf = { part, decoder: this.#reading.undecoded ? undefined : transferDecoder(part.encoding) };
  }

  #openMultipart(part: OpenPart): boolean {
    const delimiter = this.#open.delimiterOf(part);
    if (delimiter === undefined) part.defects.push('bad-boundary');
    if (delimiter === undefined || !this.#mayGoDeeper()) return false;
    this.#open.open(part, delimiter);
    return true;
  }

  #openMessage(part: OpenPart): boolean {
    const isEncoded = part.encoding === 'base64' || part.encoding === 'quoted-printable';
    if (!this.#reading.embedded || isEncoded || !this.#mayGoDeeper() || !this.#mayBegin()) return false;
    this.#messageIn = part;
    this.#header = new HeaderScanner();
    return true;
  }

  /** @throws MimeTooComplexError */
  #mayGoDeeper(): boolean {
    if (this.#open.depth <= this.#limits.maxDepth) return true;
    if (this.#reading.lenient) return false;
    throw new MimeTooComplexError();
  }

  /** Whether another part is to be parsed; with strict limits, its beginning fails. */
  #mayBegin(): boolean {
    return !this.#reading.lenient || this.#parts < this.#limits.maxParts;
  }

  /** @returns whether a part begins */
  #content(atEnd: boolean): boolean {
    for (;;) {
      const isInMultipart = this.#open.multipart !== undefined;
      const at = isInMultipart ? this.#nextDashes() : -1;
      if (at === -1) {
        // What may be the beginning of a line end and two dashes is held back.
        this.#pass(atEnd || !isInMultipart ? this.#octets.length : Math.max(0, this.#octets.length - 3));
        return false;
      }
      const lineEnd = this.#octets.indexOf(LF, at);
      if (lineEnd === -1 && !atEnd && this.#octets.length - at <= maxDelimiter) return false;
      const line = this.#octets.subarray(at, lineEnd === -1 ? this.#octets.length : lineEnd + 1);
      const found = this.#open.find(line);
      if (found === undefined) this.#searchFrom = at + 1;
      else if (this.#delimiter(at, line.length, found)) return true;
    }
  }

  /** Returns where the next line begins that starts with two dashes, or -1. */
  #nextDashes(): number {
    const octets = this.#octets;
    if (this.#lineEndBefore > 0 && this.#searchFrom === 0 && octets[0] === 0x2d && octets[1] === 0x2d) return 0;
    const lf = octets.indexOf(dashesOnLine, this.#searchFrom);
    return lf === -1 ? -1 : lf + 1;
  }

  /** @returns whether a part begins */
  #delimiter(at: number, length: number, found: FoundDelimiter): boolean {
    // The line end before the delimiter is part of it; it may be at the end of a header.
    const contentEnd = at - lineEndLength(this.#octets, at);
    const bodyEnd = this.#offset + (at > 0 ? contentEnd : -this.#lineEndBefore);
    this.#pass(contentEnd);
    this.#endLeaf();
    this.#skip(at - contentEnd + length);
    this.#open.end(found, bodyEnd);
    if (!found.closes && this.#mayBegin()) this.#header = new HeaderScanner();
    return this.#header !== undefined;
  }

  /** Passes on content up to `end`. */
  #pass(end: number): void {
    if (this.#leaf) {
      const { part, decoder } = this.#leaf;
      part.decodedOctets += decoder?.push(this.#octets.subarray(0, end)).length ?? 0;
      part.end = this.#offset + end;
    }
    this.#skip(end);
  }

  #skip(length: number): void {
    if (length > 0) this.#lineEndBefore = lineEndLength(this.#octets, length);
    this.#octets = this.#octets.subarray(length);
    this.#offset += length;
    this.#searchFrom = 0;
  }

  #endLeaf(): void {
    if (this.#leaf === undefined) return;
    const { part, decoder } = this.#leaf;
    part.decodedOctets += decoder?.end().length ?? 0;
    if (decoder?.isAmbiguous) part.defects.push('ambiguous-base64');
    this.#leaf = undefined;
  }
}

/** Returns the number of bytes of the line end just before `at`. */
function lineEndLength(octets: Buffer, at: number): number {
  if (octets[at - 1] !== LF) return 0;
  return octets[at - 2] === CR ? 2 : 1;
}
