/** A content transfer encoding (RFC 2045 section 6). */
export type TransferEncoding = '7bit' | '8bit' | 'binary' | 'base64' | 'quoted-printable';

/** Decodes a transfer encoding piece by piece. */
export interface TransferDecoder {
  push(octets: Buffer): Buffer;
  /** Returns what was held back. Nothing may follow. */
  end(): Buffer;
  /** The data is malformed in a way that others may decode differently. */
  readonly isAmbiguous: boolean;
}

/** Creates a decoder for one body. */
export function transferDecoder(encoding: TransferEncoding): TransferDecoder {
  if (encoding === 'base64') return new Base64Decoder();
  if (encoding === 'quoted-printable') return new QuotedPrintableDecoder();
  return { push: (octets) => octets, end: () => nothing, isAmbiguous: false };
}

const nothing = Buffer.alloc(0);
const padding = 64;
const outside = 65;

/** Value of each character; the letters of base64url are not part of MIME's alphabet. */
const sextets = new Uint8Array(256).fill(outside);
for (const [value, letter] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries()) {
  sextets[letter.charCodeAt(0)] = value;
}
sextets['='.charCodeAt(0)] = padding;

/** Base64 (RFC 2045 section 6.8): characters outside the alphabet are ignored. */
class Base64Decoder implements TransferDecoder {
  isAmbiguous = false;
  /** The last sextets; those of earlier groups of four have been shifted out, or are above the bytes written. */
  #bits = 0;
  /** Number of sextets in the current group of four. */
  #count = 0;
  #padded = false;

  push(octets: Buffer): Buffer {
    // The first character may complete three bytes.
    const decoded = Buffer.allocUnsafe(octets.length + 2);
    let bits = this.#bits;
    let count = this.#count;
    let length = 0;
    for (let index = 0; index < octets.length; index++) {
      const value = sextets[octets[index] as number] as number;
      if (value < 64) {
        // After the padding, some readers continue, and some stop.
        if (this.#padded) this.isAmbiguous = true;
        bits = (bits << 6) | value;
        count += 1;
        if (count < 4) continue;
        decoded[length++] = bits >> 16;
        decoded[length++] = bits >> 8;
        decoded[length++] = bits;
        count = 0;
      } else if (value === padding) {
        this.#padded = true;
        length += writeRest(decoded, length, bits, count);
        count = 0;
      }
    }
    this.#bits = bits;
    this.#count = count;
    return decoded.subarray(0, length);
  }

  end(): Buffer {
    const decoded = Buffer.alloc(2);
    return decoded.subarray(0, writeRest(decoded, 0, this.#bits, this.#count));
  }
}

/** Writes the one or two bytes in the two or three characters before the end. */
function writeRest(target: Buffer, at: number, bits: number, count: number): number {
  if (count < 2) return 0;
  const whole = bits << (6 * (4 - count));
  target[at] = whole >> 16;
  target[at + 1] = whole >> 8;
  return count - 1;
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
const EQUALS = 0x3d;

/** More white space in a row is text, whatever follows it; RFC 2045 allows lines of 76 characters. */
const maxBlanks = 2000;

/** Quoted-printable (RFC 2045 section 6.7). An `=` that begins nothing stays; white space at line ends is dropped. */
class QuotedPrintableDecoder implements TransferDecoder {
  readonly isAmbiguous = false;
  /** White space, or an `=` and what follows it, whose meaning depends on what comes next. */
  #held: Buffer = nothing;

  push(octets: Buffer): Buffer {
    const input = this.#held.length === 0 ? octets : Buffer.concat([this.#held, octets]);
    return this.#decode(input, false);
  }

  end(): Buffer {
    return this.#decode(this.#held, true);
  }

  #decode(input: Buffer, atEnd: boolean): Buffer {
    const decoded = Buffer.allocUnsafe(input.length);
    let length = 0;
    let index = 0;
    this.#held = nothing;
    while (index < input.length) {
      const octet = input[index] as number;
      if (octet !== EQUALS && octet !== SPACE && octet !== TAB) {
        decoded[length++] = octet;
        index += 1;
        continue;
      }
      const blanks = octet === EQUALS ? index + 1 : index;
      const next = behindBlanks(input, blanks);
      const isText = next - blanks >= maxBlanks;
      const hex = octet === EQUALS ? hexAt(input, index + 1) : -1;
      if (hex >= 0) {
        decoded[length++] = hex;
        index += 3;
      } else if (!atEnd && !isText && isOpen(input, index, next)) {
        this.#held = Buffer.from(input.subarray(index));
        break;
      } else if (!isText && (isLineEnd(input, next) || (atEnd && next === input.length))) {
        // A soft line break is dropped with its line end; plain white space without it.
        index = octet === EQUALS ? behindLineEnd(input, next) : next;
      } else {
        const end = octet === EQUALS ? index + 1 : next;
        length += input.copy(decoded, length, index, end);
        index = end;
      }
    }
    return decoded.subarray(0, length);
  }
}

/** Tells whether what begins at `index` may still become an escape or a line end. */
function isOpen(input: Buffer, index: number, next: number): boolean {
  if (next === input.length) return true;
  if (input[next] === CR && next + 1 === input.length) return true;
  return input[index] === EQUALS && index + 2 === input.length && hexDigit(input[index + 1] as number) >= 0;
}

/** Never looks further than {@link maxBlanks}, so that the result does not depend on how the data is split. */
function behindBlanks(input: Buffer, from: number): number {
  let index = from;
  while (index - from < maxBlanks && (input[index] === SPACE || input[index] === TAB)) index += 1;
  return index;
}

function isLineEnd(input: Buffer, at: number): boolean {
  return input[at] === LF || (input[at] === CR && input[at + 1] === LF);
}

function behindLineEnd(input: Buffer, at: number): number {
  return at + (input[at] === CR ? 2 : 1);
}

function hexAt(input: Buffer, at: number): number {
  const high = hexDigit(input[at] as number);
  const low = hexDigit(input[at + 1] as number);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/** Returns -1 if it is not a digit, or missing. */
function hexDigit(octet: number): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const upper = octet & 0xdf;
  return upper >= 0x41 && upper <= 0x46 ? upper - 0x37 : -1;
}
