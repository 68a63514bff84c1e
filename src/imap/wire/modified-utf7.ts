/** Decodes folder names from modified UTF-7 (RFC 3501 section 5.1.3). Malformed sequences stay as they are. */
export function decodeModifiedUtf7(text: string): string {
  return text.replace(/&([A-Za-z0-9+,]*)-/g, (whole, encoded: string) => {
    if (encoded === '') return '&';
    const octets = Buffer.from(encoded.replaceAll(',', '/'), 'base64');
    if (octets.length === 0 || octets.length % 2 !== 0) return whole;
    return octets.swap16().toString('utf16le');
  });
}

export function encodeModifiedUtf7(text: string): string {
  return text.replace(/&|[^\u0020-\u007e]+/g, (stretch) => {
    if (stretch === '&') return '&-';
    const base64 = Buffer.from(stretch, 'utf16le').swap16().toString('base64');
    return `&${base64.replace(/=+$/, '').replaceAll('/', ',')}-`;
  });
}
