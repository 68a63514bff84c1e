import { decodeText, isKnownCharset } from './charset.ts';

/** A value such as `text/plain; charset=utf-8` (RFC 2045 section 5.1, RFC 2183 section 2). */
export interface ParameterizedValue {
  /** In lower case, without comments. */
  readonly value: string;
  /** Names in lower case. If a name occurs twice, the first one counts. */
  readonly parameters: ReadonlyMap<string, string>;
  /**
   * Like {@link parameters}, but each piece of RFC 2231 separately under its own name, `filename*0*`, and still
   * encoded.
   */
  readonly written: ReadonlyMap<string, string>;
}

/**
 * Parses Content-Type and Content-Disposition: comments, quoted strings, continued and encoded parameters (RFC 2231).
 * Never throws.
 */
export function parseParameterized(text: string): ParameterizedValue {
  const [value, ...rest] = piecesOf(text) as [string, ...string[]];
  const pieces = new Map<string, string>();
  for (const piece of rest) {
    const equals = piece.indexOf('=');
    const name = piece.slice(0, Math.max(0, equals)).trim().toLowerCase();
    if (name !== '' && !pieces.has(name)) pieces.set(name, unquoted(piece.slice(equals + 1).trim()));
  }
  return { value: value.trim().toLowerCase(), parameters: assembled(pieces), written: pieces };
}

const fileNameKey = /^(?:file)?name(?:\*\d+)?$/i;

/**
 * Splits at the semicolons outside quotes into one or more pieces, without comments. In a file name, parentheses are
 * not comments: programs write `filename=report(1).pdf`, which strictly means `report.pdf`.
 */
function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  let piece = '';
  let comments = 0;
  let isFileName: boolean | undefined;
  // A quoted string, an escaped character, or any other character.
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"?|\\.|[^"\\]|\\/gs)) {
    if (token === '(' && !isFileName) comments += 1;
    else if (token === ')' && comments > 0) comments -= 1;
    else if (comments > 0) continue;
    else if (token === ';') {
      pieces.push(piece);
      piece = '';
      isFileName = undefined;
    } else {
      if (token === '=') isFileName ??= fileNameKey.test(piece.trim());
      piece += token;
    }
  }
  return [...pieces, piece];
}

function unquoted(text: string): string {
  const quoted = /^"((?:[^"\\]|\\.)*)"?/s.exec(text)?.[1];
  return quoted === undefined ? text : quoted.replace(/\\(.)/gs, '$1');
}

/** One piece of a parameter: `name`, `name*`, `name*0` or `name*0*`. */
interface Piece {
  readonly index: number;
  readonly extended: boolean;
  readonly text: string;
}

function assembled(pieces: ReadonlyMap<string, string>): Map<string, string> {
  const plain = new Map<string, string>();
  const continued = new Map<string, Piece[]>();
  for (const [key, text] of pieces) {
    const found = /^([^*]+)\*(\d{1,3})?(\*)?$/.exec(key);
    if (found === null) {
      plain.set(key, text);
      continue;
    }
    const [, name, index, star] = found as string[] as [string, string, string?, string?];
    const list = continued.get(name) ?? [];
    list.push({ index: Number(index ?? 0), extended: index === undefined || star !== undefined, text });
    continued.set(name, list);
  }
  // If both forms are present, the plain one is for programs that cannot read the other.
  for (const [name, list] of continued) plain.set(name, joined(list));
  return plain;
}

/** Joins bytes before decoding: a character may be split between two pieces. */
function joined(pieces: readonly Piece[]): string {
  const [first, ...others] = pieces.toSorted((one, other) => one.index - other.index) as [Piece, ...Piece[]];
  const [, charset = '', start = ''] = (first.extended && /^([^']+)'[^']*'(.*)/s.exec(first.text)) || [];
  const ordered = charset === '' ? [first, ...others] : [{ ...first, text: start }, ...others];
  const octets = ordered.map(({ extended, text }) => (extended ? percentDecoded(text) : Buffer.from(text)));
  return decodeText(Buffer.concat(octets), isKnownCharset(charset) ? charset : undefined);
}

function percentDecoded(text: string): Buffer {
  const octets = Buffer.from(text).toString('latin1');
  return Buffer.from(
    octets.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
    'latin1',
  );
}
