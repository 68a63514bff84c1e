import type { LineEndFault } from '../message/line-ends.ts';
import { ChunkEdit } from './chunk-edit.ts';

/** What ends a message: only `CRLF . CRLF`, or a dot between any two lines that end in LF, with or without CR. */
export type EndOfData = 'crlf' | 'lf';

/** A dot alone on a line that does not end the message, but may have been meant to. */
export interface WrongEnd {
  /** The octets received, `<LF>.<LF>`. */
  readonly form: string;
  /** One more octet makes it a correct end, and may be on its way. */
  readonly incomplete: boolean;
}

/** The result for a chunk. */
export interface DecodedData {
  readonly content: Buffer;
  /** How many octets of the chunk belong to the message and its end; absent while the message continues. */
  readonly endsAt?: number;
}

type LineEnd = 'CRLF' | 'LF' | 'CR';

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;
/**
 * This many CRs in a row are held back until it is known whether an LF follows; a longer row ends lines without one.
 */
const maxHeldCrs = 8;
/** Room for QUIT and its line end. */
const maxTrailOctets = 6;

/**
 * Reads a message as transferred by DATA (RFC 5321 section 4.5.2), chunk by chunk: removes the dot stuffing, finds the
 * end, and returns the content with CRLF at the end of each line, whatever the client used. Other line ends are treated
 * like Postfix does since version 3.9 (`smtpd_forbid_bare_newline = normalize`): a bare LF ends a line, and here a bare
 * CR too, but the end of the message is exactly `CRLF . CRLF`. A server before us that takes other octets for content
 * then cannot be used to smuggle a second message. A dot alone on a line that ends in another way, or follows a line
 * that does, is left out: it may have been meant as an end, and must never become one.
 *
 * CR CR LF is one line end: programs that convert LF to CRLF twice write it.
 */
export class DataDecoder {
  readonly #endOfData: EndOfData;
  /** How the line before this one ended; the start of the message counts as CRLF. */
  #before: LineEnd = 'CRLF';
  #atLineStart = true;
  /** Held back: a dot at the start of a line, and CRs after it or after other octets. */
  #dot = false;
  #crs = 0;
  #fault: LineEndFault | undefined;
  #wrongEnd: string | undefined;
  /** The first octets after the last wrong end; they begin in this chunk at #trailFrom. */
  #trail = '';
  #trailFrom = 0;

  constructor(endOfData: EndOfData = 'crlf') {
    this.#endOfData = endOfData;
  }

  /** The first line end that was not CRLF. */
  get fault(): LineEndFault | undefined {
    return this.#fault;
  }

  /** The wrong end at the end of the octets so far; nothing, or only QUIT, follows it. */
  get wrongEnd(): WrongEnd | undefined {
    if (this.#dot && this.#crs > 0) {
      return { form: this.#form('CR'), incomplete: this.#crs === 1 && this.#before === 'CRLF' };
    }
    if (this.#wrongEnd === undefined || this.#trail.length > maxTrailOctets) return undefined;
    return /^(?:quit)?[\r\n]*$/i.test(this.#trail) ? { form: this.#wrongEnd, incomplete: false } : undefined;
  }

  push(chunk: Buffer): DecodedData {
    const edit = new ChunkEdit(chunk);
    this.#trailFrom = 0;
    for (let i = 0; i < chunk.length; ) {
      const octet = chunk[i];
      if (!this.#dot && this.#crs === 0) i = this.#readLine(chunk, i, edit);
      else if (octet === LF) {
        edit.skip(i++);
        if (this.#endHeldLine(i, edit)) return { content: edit.finish(i), endsAt: i };
      } else if (octet === CR && this.#crs < maxHeldCrs) {
        edit.skip(i++);
        this.#crs++;
      } else this.#releaseHeld(i, edit);
    }
    this.#keepTrail(chunk);
    return { content: edit.finish(chunk.length) };
  }

  /** Reads to the end of the line or of the chunk, or up to what has to be held back. @returns where to continue */
  #readLine(chunk: Buffer, from: number, edit: ChunkEdit): number {
    if (this.#atLineStart && chunk[from] === DOT) {
      edit.skip(from);
      this.#atLineStart = false;
      this.#dot = true;
      return from + 1;
    }
    const end = endOfLine(chunk, from);
    this.#atLineStart = false;
    if (end === chunk.length) return end;
    if (chunk[end] === LF) {
      this.#fault ??= 'bare-lf';
      edit.skip(end);
      edit.insertLineEnd(end + 1);
      this.#startLine('LF');
      return end + 1;
    }
    if (chunk[end + 1] === LF) {
      this.#startLine('CRLF');
      return end + 2;
    }
    edit.skip(end);
    this.#crs = 1;
    return end + 1;
  }

  /** An LF follows what is held back. @returns whether it ends the message */
  #endHeldLine(next: number, edit: ChunkEdit): boolean {
    const crs = this.#crs;
    if (crs !== 1) this.#fault ??= crs === 0 ? 'bare-lf' : 'bare-cr';
    const lineEnd = crs === 0 ? 'LF' : 'CRLF';
    if (!this.#dot) edit.insertLineEnd(next);
    else if (this.#endsMessage(crs)) return true;
    else this.#noteWrongEnd(next, lineEnd);
    this.#startLine(lineEnd);
    return false;
  }

  #endsMessage(crs: number): boolean {
    return this.#endOfData === 'lf' ? this.#before !== 'CR' && crs <= 1 : this.#before === 'CRLF' && crs === 1;
  }

  /** Neither CR nor LF follows what is held back: the dot was stuffing, the CRs are line ends. */
  #releaseHeld(next: number, edit: ChunkEdit): void {
    if (this.#crs === 0) {
      this.#dot = false;
      return;
    }
    this.#fault ??= 'bare-cr';
    if (this.#dot) this.#noteWrongEnd(next, 'CR');
    for (let lines = this.#dot ? 1 : 0; lines < this.#crs; lines++) edit.insertLineEnd(next);
    this.#startLine('CR');
  }

  #startLine(before: LineEnd): void {
    this.#before = before;
    this.#atLineStart = true;
    this.#dot = false;
    this.#crs = 0;
  }

  #noteWrongEnd(next: number, lineEnd: LineEnd): void {
    this.#wrongEnd = this.#form(lineEnd);
    this.#trail = '';
    this.#trailFrom = next;
  }

  #keepTrail(chunk: Buffer): void {
    if (this.#wrongEnd === undefined) return;
    const room = maxTrailOctets + 1 - this.#trail.length;
    this.#trail += chunk.toString('latin1', this.#trailFrom, this.#trailFrom + room);
  }

  #form(lineEnd: LineEnd): string {
    return `${spelled[this.#before]}.${spelled[lineEnd]}`;
  }
}

const spelled: Readonly<Record<LineEnd, string>> = { CRLF: '<CR><LF>', LF: '<LF>', CR: '<CR>' };

/** Position of the first CR or LF, or the chunk's length. A loop is faster here than two searches for each line. */
function endOfLine(chunk: Buffer, from: number): number {
  for (let i = from; i < chunk.length; i++) {
    const octet = chunk[i] as number;
    if (octet <= CR && (octet === LF || octet === CR)) return i;
  }
  return chunk.length;
}
