import { isUtf8 } from 'node:buffer';

/** Names that only say that there may be bytes above 127. */
const noCharset = new Set(['', 'us-ascii', 'ascii', 'unknown-8bit', 'x-unknown', 'unknown', '8bit', '7bit', 'default']);

/** Tells whether {@link decodeText} supports a charset; having none counts as supported. */
export function isKnownCharset(charset: string | undefined): boolean {
  const name = nameOf(charset);
  return noCharset.has(name) || decoderOf(name) !== undefined;
}

/**
 * Decodes bytes to text, with the names and tables of the WHATWG Encoding Standard, in which ISO-8859-1 is
 * Windows-1252. Without a charset, or with US-ASCII but bytes above 127, they are UTF-8 if valid, otherwise
 * Windows-1252. The same applies to invalid UTF-8. A byte order mark overrides the charset, and is removed.
 *
 * UTF-16 without a mark is treated as little endian, as in browsers, .NET and Windows (code page 1200), because that is
 * how it is written. RFC 2781 section 4.3 specifies big endian.
 */
export function decodeText(octets: Buffer, charset?: string): string {
  const name = markedCharset(octets) ?? nameOf(charset);
  const decoder = noCharset.has(name) ? undefined : decoderOf(name);
  if (decoder !== undefined && decoder.encoding !== 'utf-8') return decoder.decode(octets);
  return new TextDecoder(isUtf8(octets) ? 'utf-8' : 'windows-1252').decode(octets);
}

/** Returns the charset of a byte order mark (WHATWG Encoding Standard, "BOM sniff"). */
function markedCharset(octets: Buffer): string | undefined {
  const mark = octets.toString('hex', 0, 3);
  if (mark.startsWith('feff')) return 'utf-16be';
  if (mark.startsWith('fffe')) return 'utf-16le';
  return mark === 'efbbbf' && isUtf8(octets) ? 'utf-8' : undefined;
}

function nameOf(charset: string | undefined): string {
  return (charset ?? '').trim().toLowerCase();
}

function decoderOf(name: string): TextDecoder | undefined {
  try {
    return new TextDecoder(name);
  } catch {
    return undefined;
  }
}
