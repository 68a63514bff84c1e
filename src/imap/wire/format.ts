import { safeLine } from '../../base/visible.ts';
import { encodeModifiedUtf7 } from './modified-utf7.ts';

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** Formats bytes, one per character, as a string for the wire: quoted if possible, otherwise as a literal. */
export function formatOctets(octets: string): string {
  if (octets.length <= 1024 && /^[\u0020-\u007e]*$/.test(octets)) return `"${octets.replace(/["\\]/g, '\\$&')}"`;
  return `{${octets.length}}\r\n${octets}`;
}

/** Formats text as a string for the wire, in UTF-8. */
export function formatString(text: string): string {
  return formatOctets(Buffer.from(text).toString('latin1'));
}

/** Formats text as a string for the wire, in UTF-8, or NIL. */
export function formatNstring(text: string | undefined): string {
  return text === undefined ? 'NIL' : formatString(text);
}

/**
 * Formats a folder name: as an atom if possible, otherwise as a string.
 * @param utf8 the client accepts UTF-8 in quoted strings (RFC 6855 section 3)
 */
export function formatMailbox(name: string, utf8 = false): string {
  if (utf8 && !/^[\u0020-\u007e]*$/.test(name)) return formatUtf8(name);
  const encoded = utf8 ? name : encodeModifiedUtf7(name);
  return /^[!#$&'+-[\]^-z|}~]+$/.test(encoded) && encoded.toUpperCase() !== 'NIL' ? encoded : formatString(encoded);
}

function formatUtf8(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no quoted string holds them
  if (/[\x00-\x1f\x7f]/.test(text)) return formatString(text);
  return Buffer.from(`"${text.replace(/["\\]/g, '\\$&')}"`).toString('latin1');
}

/** `"17-Jul-1996 02:44:25 +0000"`, always in UTC. */
export function formatDateTime(date: Date): string {
  const day = String(date.getUTCDate()).padStart(2, ' ');
  const time = date.toISOString().slice(11, 19);
  return `"${day}-${months[date.getUTCMonth()]}-${date.getUTCFullYear()} ${time} +0000"`;
}

/** Parses the date-time of APPEND; undefined if it is invalid. */
export function parseDateTime(text: string): Date | undefined {
  const match = /^ ?(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d:\d\d:\d\d) ([+-])(\d\d)(\d\d)$/.exec(text);
  const day = match === null ? undefined : parseDate(`${match[1]}-${match[2]}-${match[3]}`);
  if (match === null || day === undefined) return undefined;
  const midnight = day.toISOString().slice(0, 10);
  const date = new Date(`${midnight}T${match[4]}${match[5]}${match[6]}:${match[7]}`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** Parses the date of SEARCH, `1-Feb-1994`, as midnight UTC; undefined if it is invalid. */
export function parseDate(text: string): Date | undefined {
  const match = /^(\d{1,2})-([A-Za-z]{3})-(\d{4})$/.exec(text);
  const month = months.findIndex((name) => name.toLowerCase() === match?.[2]?.toLowerCase());
  if (match === null || month < 0) return undefined;
  const date = new Date(Date.UTC(Number(match[3]), month, Number(match[1])));
  return date.getUTCMonth() === month ? date : undefined;
}

/** Parses the date of SEARCH to `1994-02-01`; undefined if it is invalid. */
export function parseDay(text: string): string | undefined {
  return parseDate(text)?.toISOString().slice(0, 10);
}

/** Returns text for a response, always as one line. */
export function responseText(text: string): string {
  return safeLine(text) || 'Done.';
}
