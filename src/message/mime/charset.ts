import { isUtf8 } from 'node:buffer';

/** Names that say no more than that there are octets above 127. */
const noCharset = new Set(['', 'us-ascii', 'ascii', 'unknown-8bit', 'x-unknown', 'unknown', '8bit', '7bit', 'default']);

/** Whether {@link decodeText} knows how to read that charset; none at all is known. */
export function isKnownCharset(charset: string | undefined): boolean {
  const name = nameOf(charset);
  return noCharset.has(name) || decoderOf(name) !== undefined;
}

/**
 * Octets as text, by the names and tables of the WHATWG Encoding Standard, in which ISO-8859-1 is Windows-1252.
 * Without a charset, or as US-ASCII with octets above 127, they are UTF-8 where they can be, else Windows-1252. So is
 * what is called UTF-8 and is not. A byte order mark counts more than the charset, and is left out.
 *
 * UTF-16 without a mark is little endian, as browsers, .NET and Windows (code page 1200) have it: so it is written.
 * RFC 2781 section 4.3 has it big endian.
 */
export function decodeText(octets: Buffer, charset?: string): string {
  const name = markedCharset(octets) ?? nameOf(charset);
  const decoder = noCharset.has(name) ? undefined : decoderOf(name);
  if (decoder !== undefined && decoder.encoding !== 'utf-8') return decoder.decode(octets);
  return new TextDecoder(isUtf8(octets) ? 'utf-8' : 'windows-1252').decode(octets);
}

/** What a byte order mark says (WHATWG Encoding Standard, "BOM sniff"). */
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
