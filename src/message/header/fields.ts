import { isUtf8 } from 'node:buffer';
import { HeaderScanner } from './scanner.ts';
import { HeaderTooLargeError } from './too-large.ts';

export { HeaderTooLargeError } from './too-large.ts';

/** The largest header read if the caller sets no other limit, in bytes. */
export const defaultMaxHeaderBytes = 1024 * 1024;

const crlf = Buffer.from('\r\n');
const windows1252 = new TextDecoder('windows-1252');

/** One header field, with its bytes unchanged. */
export class HeaderField {
  /** As written, without the colon. */
  readonly name: string;
  /** Name, colon, value, folding and line end, as received. */
  readonly raw: Buffer;
  /** {@link name} in lower case. */
  readonly key: string;
  readonly #valueStart: number;
  #value: string | undefined;

  constructor(name: string, raw: Buffer, valueStart: number) {
    this.name = name;
    this.key = name.toLowerCase();
    this.raw = raw;
    this.#valueStart = valueStart;
  }

  /**
   * The value on one line (RFC 5322 section 2.2.3), trimmed; decoded as UTF-8, or as Windows-1252 if it is not UTF-8.
   */
  value(): string {
    this.#value ??= this.#decoded();
    return this.#value;
  }

  #decoded(): string {
    const octets = this.raw.subarray(this.#valueStart);
    const text = isUtf8(octets) ? octets.toString() : windows1252.decode(octets);
    return text.replace(/[\r\n]/g, '').trim();
  }

  /** The value as received, including leading spaces and folding, without the line end. */
  valueOctets(): Buffer {
    let end = this.raw.length;
    if (this.raw[end - 1] === 0x0a) end -= 1;
    if (this.raw[end - 1] === 0x0d) end -= 1;
    return this.raw.subarray(this.#valueStart, end);
  }

  /** {@link raw} with its line end, which the end of the message may have cut off. */
  wholeLine(): Buffer {
    const last = this.raw.at(-1);
    return last === 0x0a ? this.raw : Buffer.concat([this.raw, last === 0x0d ? crlf.subarray(1) : crlf]);
  }

  /** {@link wholeLine} without the spaces before the colon in obsolete syntax (RFC 5322 section 4.5). */
  plainLine(): Buffer {
    const line = this.wholeLine();
    const { length } = this.name;
    return line[length] === 0x3a ? line : Buffer.concat([line.subarray(0, length), line.subarray(line.indexOf(':'))]);
  }

  /** Whether this is the field with that name, in any case. */
  is(name: string): boolean {
    return this.name.length === name.length && (this.name === name || this.key === name.toLowerCase());
  }
}

/** Changes made by {@link HeaderBlock.edit}. */
export interface HeaderEdit {
  /** Whole fields, with their line ends, to put before all others. */
  readonly prefix?: Buffer | string;
  /** Whole fields, with their line ends, to put after all others. */
  readonly suffix?: Buffer | string;
  /** Whether to leave a field out. */
  readonly drop?: (field: HeaderField) => boolean;
}

/** The header of a message: its fields in order, as views of the bytes they were read from. */
export class HeaderBlock {
  readonly fields: readonly HeaderField[];
  /** Everything before the body as received, including the empty line. */
  readonly raw: Buffer;
  /**
   * Whether an empty line separates header and body. Without it, the first line that is not a field was taken for the
   * body.
   */
  readonly hasEmptyLine: boolean;
  /** The line `From sender date` that mbox files put before the header; {@link edit} leaves it out. */
  readonly mboxLine: Buffer | undefined;

  private constructor(raw: Buffer, fields: readonly HeaderField[], hasEmptyLine: boolean, mboxLine?: Buffer) {
    this.raw = raw;
    this.fields = fields;
    this.hasEmptyLine = hasEmptyLine;
    this.mboxLine = mboxLine;
  }

  /**
   * Parses the header at the start of a message, or just a header. Copies nothing.
   * @throws HeaderTooLargeError if the header does not end within `maxHeaderBytes` (default 1 MiB)
   */
  static parse(message: Buffer, options: { readonly maxHeaderBytes?: number } = {}): HeaderBlock {
    const maxHeaderBytes = options.maxHeaderBytes ?? defaultMaxHeaderBytes;
    const scanner = new HeaderScanner();
    scanner.scan(message.subarray(0, maxHeaderBytes), message.length <= maxHeaderBytes);
    return HeaderBlock.scanned(message, scanner, maxHeaderBytes);
  }

  /**
   * Creates a header from what a scanner has found in `octets`.
   * @throws HeaderTooLargeError if it has not found the end
   */
  static scanned(octets: Buffer, scanner: HeaderScanner, maxHeaderBytes: number): HeaderBlock {
    const { bodyStart } = scanner;
    if (bodyStart === undefined || bodyStart > maxHeaderBytes) throw new HeaderTooLargeError(maxHeaderBytes);
    const mboxLine = scanner.mboxEnd > 0 ? octets.subarray(0, scanner.mboxEnd) : undefined;
    const hasEmptyLine = bodyStart > scanner.fieldsEnd;
    return new HeaderBlock(octets.subarray(0, bodyStart), fieldsIn(octets, scanner), hasEmptyLine, mboxLine);
  }

  /**
   * Returns the header with other bytes, whole lines, in place of some fields, and more fields after the last; an empty
   * buffer removes a field. Parses only what is new. Returns the same header if nothing changes.
   * @throws HeaderTooLargeError if it grows beyond 1 MiB
   */
  with(written: ReadonlyMap<HeaderField, Buffer>, added: Buffer | string = ''): HeaderBlock {
    if (written.size === 0 && added.length === 0) return this;
    const kept = this.fields.flatMap((field) => {
      const anew = written.get(field);
      return anew === undefined ? [field] : parsedFields(anew);
    });
    const fields = [...kept, ...parsedFields(Buffer.from(added))];
    const raw = Buffer.concat([...fields.map((field) => field.wholeLine()), crlf]);
    if (raw.length > defaultMaxHeaderBytes) throw new HeaderTooLargeError(defaultMaxHeaderBytes);
    return new HeaderBlock(raw, fields, true);
  }

  /** Number of bytes before the body, including the empty line. */
  get byteLength(): number {
    return this.raw.length;
  }

  /** Returns the first field with that name. */
  field(name: string): HeaderField | undefined {
    return this.fields.find((field) => field.is(name));
  }

  /** Returns the value of the first field with that name, in any case. */
  get(name: string): string | undefined {
    return this.field(name)?.value();
  }

  /** Counts the fields with that name. */
  count(name: string): number {
    return this.fields.reduce((count, field) => (field.is(name) ? count + 1 : count), 0);
  }

  /** Returns the values of all fields with that name, in order. */
  getAll(name: string): string[] {
    return this.fields.filter((field) => field.is(name)).map((field) => field.value());
  }

  /**
   * Returns the bytes of a changed header, including its empty line, to use in place of {@link raw}. Kept fields keep
   * their bytes. Even without changes, this adds a missing empty line and removes an mbox line.
   */
  edit(changes: HeaderEdit = {}): Buffer {
    const kept = this.fields.filter((field) => !changes.drop?.(field)).map((field) => field.wholeLine());
    return Buffer.concat([Buffer.from(changes.prefix ?? ''), ...kept, Buffer.from(changes.suffix ?? ''), crlf]);
  }
}

function fieldsIn(octets: Buffer, scanner: HeaderScanner): HeaderField[] {
  return scanner.fields.map(({ start, nameEnd, end }) => {
    const name = octets.toString('latin1', start, nameEnd);
    return new HeaderField(name, octets.subarray(start, end), octets.indexOf(':', nameEnd) + 1 - start);
  });
}

/** Parses whole lines that are fields. */
function parsedFields(lines: Buffer): readonly HeaderField[] {
  if (lines.length === 0) return [];
  const scanner = new HeaderScanner();
  scanner.scan(lines, true);
  return fieldsIn(lines, scanner);
}
