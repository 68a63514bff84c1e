import { decodeText } from './charset.ts';

/**
 * Encodes as quoted-printable (RFC 2045 section 6.7). CRLF stays a line end; a lone CR or LF is encoded, so that
 * decoding restores every byte.
 */
export function quotedPrintable(octets: Buffer): Buffer {
  const lines = octets.toString('latin1').split('\r\n').map(encodeLine);
  return Buffer.from(lines.join('\r\n'), 'latin1');
}

const encodedOctets = /[^\t -<>-~]|[\t ]$|^From |^\./g;

function encodeLine(line: string): string {
  const encoded = line.replace(encodedOctets, (found) => hex(found.charCodeAt(0)) + found.slice(1));
  return softBreaks(encoded);
}

function hex(octet: number): string {
  return `=${octet.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Breaks an encoded line so that no line is longer than 76 characters, and never within `=XX`. */
function softBreaks(line: string): string {
  const pieces: string[] = [];
  let start = 0;
  while (line.length - start > 76) {
    let end = start + 75;
    if (line[end - 1] === '=') end -= 1;
    else if (line[end - 2] === '=') end -= 2;
    pieces.push(line.slice(start, end));
    start = end;
  }
  pieces.push(line.slice(start));
  return pieces.join('=\r\n');
}

/** Encodes text as UTF-8 encoded-words (RFC 2047), each within its 75 characters and containing whole characters. */
export function encodedWords(text: string): string {
  const words: string[] = [];
  let piece = '';
  for (const character of text) {
    if (Buffer.byteLength(piece + character) > 45) {
      words.push(piece);
      piece = '';
    }
    piece += character;
  }
  if (piece !== '') words.push(piece);
  return words.map((word) => `=?utf-8?B?${Buffer.from(word).toString('base64')}?=`).join(' ');
}

/** Spaces, not allowed in a Q word, occur in practice. */
const anyWord = '=\\?[^?\\s]+\\?(?:b\\?[^?\\s]*|q\\?[^?\\r\\n]*)\\?=';
const wordsInARow = new RegExp(`${anyWord}(?:[ \\t]*${anyWord})*`, 'gi');
const encodedWord = /=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bq])\?([^?]*)\?=/gi;

/** How to treat encoded-words in an unknown charset: keep them, or guess the charset. */
export interface DecodedWordsOptions {
  readonly unknownCharset?: 'kept' | 'guessed';
}

/**
 * Decodes the encoded-words in a text (RFC 2047); a word in an unknown charset stays unchanged, unless the options say
 * otherwise. Consecutive words are decoded as one, because many programs split within a character, against section 5.
 */
export function decodedWords(text: string, options: DecodedWordsOptions = {}): string {
  const otherwise = options.unknownCharset === 'guessed' ? (octets: Buffer) => decodeText(octets) : undefined;
  return text.replace(wordsInARow, (row) => decodedRow(row, otherwise));
}

function decodedRow(row: string, otherwise: ((octets: Buffer) => string) | undefined): string {
  const runs: { readonly charset: string; readonly octets: Buffer[]; readonly words: string[] }[] = [];
  for (const match of row.matchAll(encodedWord)) {
    const [word, charset, encoding, content] = match as string[] as [string, string, string, string];
    const octets = encoding.toLowerCase() === 'b' ? Buffer.from(content, 'base64') : qOctets(content);
    const last = runs.at(-1);
    if (last?.charset !== charset.toLowerCase())
      runs.push({ charset: charset.toLowerCase(), octets: [octets], words: [word] });
    else {
      last.octets.push(octets);
      last.words.push(word);
    }
  }
  return runs
    .map(({ charset, octets: pieces, words }) => {
      const octets = Buffer.concat(pieces);
      return decoded(charset, octets) ?? otherwise?.(octets) ?? words.join(' ');
    })
    .join('');
}

function decoded(charset: string, octets: Buffer): string | undefined {
  try {
    return new TextDecoder(charset, { ignoreBOM: true }).decode(octets);
  } catch {
    return undefined;
  }
}

function qOctets(text: string): Buffer {
  const octets = text
    .replaceAll('_', ' ')
    .replace(/=([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  return Buffer.from(octets, 'latin1');
}
