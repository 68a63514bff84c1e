/** Messages under their file names; each character of the text is one octet. */
export type Recipes = Readonly<Record<string, string>>;

/** A message as written in the template literal: CRLF line ends, UTF-8 octets. */
export function mail(strings: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return octets(String.raw({ raw: strings.raw }, ...values).replace(/^\n/, ''));
}

/** The same, each character one octet of Latin-1. */
export function latin1Mail(strings: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return String.raw({ raw: strings.raw }, ...values).replace(/^\n/, '').replace(/\r?\n/g, '\r\n');
}

/** Text with LF line ends as CRLF and UTF-8 octets. Values that are octets already must not pass it twice. */
export function octets(text: string): string {
  return Buffer.from(text.replace(/\r?\n/g, '\r\n')).toString('latin1');
}

/** The fields that most messages here begin with. */
export function head(subject: string, number: number): string {
  const minute = String(number % 60).padStart(2, '0');
  return [
    'From: Reports <reports@contoso.com>',
    'To: Alex Wilber <alex@contoso.com>',
    `Subject: ${subject}`,
    `Date: Mon, 05 Jan 2026 09:${minute}:00 +0100`,
    `Message-ID: <corpus-${number}@contoso.com>`,
    'MIME-Version: 1.0',
  ].join('\n');
}

/** Octets that look random and are the same in every run (a linear congruential generator). */
export function noise(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** Base64 in lines of `width` characters. */
export function base64(content: Buffer | string, width = 76): string {
  const text = Buffer.from(content as string).toString('base64');
  return (text.match(new RegExp(`.{1,${width}}`, 'g')) ?? []).join('\n');
}

/** The smallest PDF that viewers open, padded with a comment of `filler` octets. */
export function pdf(filler: number): Buffer {
  return Buffer.concat([
    Buffer.from('%PDF-1.4\n%\xe2\xe3\xcf\xd3\n', 'latin1'),
    Buffer.from('1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n'),
    Buffer.from('3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n%'),
    Buffer.from(noise(filler, 7).toString('hex').slice(0, filler)),
    Buffer.from('\ntrailer<</Root 1 0 R/Size 4>>\n%%EOF\n'),
  ]);
}

/** A one-pixel PNG. */
export const pixelPng = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
