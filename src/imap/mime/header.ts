/** One header field. Text is one character per octet. */
export interface MimeField {
  readonly name: string;
  /** Unfolded, without surrounding white space. */
  readonly value: string;
  /** The field as it stands in the message, folds and line end included. */
  readonly octets: string;
}

/** More fields than that are not looked at. */
const maxFields = 10_000;

/** Takes a header apart (RFC 5322 section 2.2); lines that are no field are passed over. */
export function parseHeader(octets: string): readonly MimeField[] {
  const fields: MimeField[] = [];
  // A line and the lines after it that begin with white space.
  const pattern = /^([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|$)/gm;
  for (const match of octets.matchAll(pattern)) {
    if (fields.length >= maxFields) break;
    const value = (match[2] ?? '').replace(/\r?\n(?=[ \t])/g, '').trim();
    fields.push({ name: match[1] ?? '', value, octets: match[0] });
  }
  return fields;
}

/** The value of the first field of that name, or undefined. */
export function fieldValue(fields: readonly MimeField[], name: string): string | undefined {
  const lower = name.toLowerCase();
  return fields.find((field) => field.name.toLowerCase() === lower)?.value;
}

/** A value longer than that is cut. */
const maxParameterized = 16 * 1024;

/** A value such as `text/plain; charset=utf-8` (RFC 2045 section 5.1). */
export interface ParameterizedField {
  readonly value: string;
  /** Names in lower case, in order of appearance; RFC 2231 forms are left as they are. */
  readonly parameters: ReadonlyMap<string, string>;
}

export function parseParameterized(text: string): ParameterizedField {
  const plain = withoutComments(text.slice(0, maxParameterized));
  const value = /^[^;]*/.exec(plain)?.[0].trim() ?? '';
  const parameters = new Map<string, string>();
  const pattern = /;\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/gs;
  for (const match of plain.matchAll(pattern)) {
    const name = (match[1] ?? '').toLowerCase();
    if (!parameters.has(name)) parameters.set(name, match[2]?.replace(/\\(.)/gs, '$1') ?? match[3] ?? '');
  }
  return { value, parameters };
}

/** Text without the comments of RFC 5322 section 3.2.2, quoted strings untouched. */
export function withoutComments(text: string): string {
  if (!text.includes('(')) return text;
  let plain = '';
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (character === '\\') {
      if (depth === 0) plain += text.slice(at, at + 2);
      at++;
    } else if (character === '"' && depth === 0) {
      quoted = !quoted;
      plain += character;
    } else if (character === '(' && !quoted) {
      depth++;
    } else if (character === ')' && depth > 0) {
      depth--;
    } else if (depth === 0) {
      plain += character;
    }
  }
  return plain;
}
