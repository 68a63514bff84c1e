/** Position of a header field: `start` at its name, `end` after the line end of its last line. */
export interface FieldSpan {
  readonly start: number;
  readonly nameEnd: number;
  readonly end: number;
}

/** Longer names occur only in text that is not a header at all. */
const maxNameOctets = 998;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;
const mboxLine = Buffer.from('From ');

/**
 * Finds the fields of a header (RFC 5322 section 2.2) and its end, in linear time, in bytes that may still be arriving.
 * The header ends at an empty line, or before the first line that is neither a field nor the continuation of one.
 */
export class HeaderScanner {
  readonly fields: FieldSpan[] = [];
  /** End of a leading `From ` line as in mbox files; 0 if there is none. */
  mboxEnd = 0;
  /** End of the fields, before the empty line. */
  fieldsEnd = 0;
  /** Where the body starts; undefined until known. */
  bodyStart: number | undefined;
  #searchedTo = 0;
  #lineStart = 0;

  /**
   * Continues where the last call stopped.
   * @param octets all bytes so far, from the first
   * @param atEnd no more bytes will follow
   * @returns whether the end of the header has been found
   */
  scan(octets: Buffer, atEnd: boolean): boolean {
    while (this.bodyStart === undefined) {
      const lf = octets.indexOf(LF, this.#searchedTo);
      if (lf === -1) break;
      this.#searchedTo = lf + 1;
      this.#line(octets, lf + 1);
    }
    if (this.bodyStart === undefined) this.#partialLine(octets, atEnd);
    return this.bodyStart !== undefined;
  }

  #partialLine(octets: Buffer, atEnd: boolean): void {
    this.#searchedTo = octets.length;
    if (atEnd) {
      if (this.#lineStart < octets.length) this.#line(octets, octets.length);
      this.bodyStart ??= octets.length;
      return;
    }
    // A body without header may be one long line: do not wait for its end to see that it is not a field.
    const isFirst = octets[this.#lineStart];
    if (isFirst === undefined || isFirst === CR || this.#continues(isFirst) || this.#mayBeMbox(octets)) return;
    if (nameLength(octets, this.#lineStart, octets.length) === 'none') this.bodyStart = this.#lineStart;
  }

  #line(octets: Buffer, end: number): void {
    const start = this.#lineStart;
    this.#lineStart = end;
    const first = octets[start];
    if (first === LF || (first === CR && octets[start + 1] === LF)) this.bodyStart = end;
    else if (this.#continues(first)) this.#extend(end);
    else if (start === 0 && isMboxLine(octets, end)) this.mboxEnd = end;
    else this.#field(octets, start, end);
    if (this.bodyStart === undefined) this.fieldsEnd = end;
  }

  #continues(first: number | undefined): boolean {
    return (first === SPACE || first === TAB) && this.fields.length > 0;
  }

  #mayBeMbox(octets: Buffer): boolean {
    if (this.#lineStart > 0) return false;
    const length = Math.min(octets.length, mboxLine.length);
    return octets.subarray(0, length).equals(mboxLine.subarray(0, length));
  }

  #extend(end: number): void {
    const last = this.fields.pop();
    if (last) this.fields.push({ ...last, end });
  }

  #field(octets: Buffer, start: number, end: number): void {
    const length = nameLength(octets, start, end);
    if (typeof length === 'number') this.fields.push({ start, nameEnd: start + length, end });
    else this.bodyStart = start;
  }
}

/**
 * Returns the length of the field name before the colon; `none` if the line is not a field, `unknown` if more has to
 * arrive.
 */
function nameLength(octets: Buffer, start: number, end: number): number | 'none' | 'unknown' {
  let length = 0;
  for (let index = start; index < end && index - start <= maxNameOctets; index++) {
    const octet = octets[index] as number;
    if (octet === COLON) return length > 0 ? length : 'none';
    const blank = octet === SPACE || octet === TAB;
    // Spaces before the colon are obsolete syntax (RFC 5322 section 4.5); within a name they are invalid. So is a name
    // that is not ASCII, but ending the header there would turn the fields after it into body.
    if (!blank && (octet < 0x21 || octet === 0x7f || index - start > length)) return 'none';
    if (!blank) length++;
  }
  return end - start > maxNameOctets ? 'none' : 'unknown';
}

/** `From sender date`, but not the field `From : sender`. */
function isMboxLine(octets: Buffer, end: number): boolean {
  return octets.subarray(0, mboxLine.length).equals(mboxLine) && typeof nameLength(octets, 0, end) !== 'number';
}
