import fc from 'fast-check';
import { quotedPrintable } from '../../src/message/mime/encodings.ts';

/** A leaf of a generated message, and what a reader must find in it. */
export interface Leaf {
  readonly type: string;
  readonly name?: string;
  readonly contentId?: string;
  readonly content: Buffer;
  /** Shown by the HTML. */
  readonly isInline: boolean;
}

/** A generated message. */
export interface Generated {
  readonly source: Buffer;
  readonly subject: string;
  /** As Graph must receive it. */
  readonly body: { readonly contentType: 'text' | 'html'; readonly content: string };
  /** In order. */
  readonly attachments: readonly Leaf[];
}

const charsets = [
  { label: 'utf-8', text: 'Grüße, 世界 😀', octets: Buffer.from('Grüße, 世界 😀') },
  { label: 'ISO-8859-1', text: 'Grüße', octets: Buffer.from('Grüße', 'latin1') },
  { label: 'windows-1252', text: 'naïve “quotes” €', octets: Buffer.from('na\xefve \x93quotes\x94 \x80', 'latin1') },
  { label: 'iso-8859-15', text: '10 €', octets: Buffer.from('10 \xa4', 'latin1') },
  { label: 'koi8-r', text: 'Привет', octets: Buffer.from('\xf0\xd2\xc9\xd7\xc5\xd4', 'latin1') },
  { label: 'iso-2022-jp', text: '日本', octets: Buffer.from('\x1b$BF|K\\\x1b(B', 'latin1') },
  { label: 'utf-16le', text: 'aé', octets: Buffer.from('aé', 'utf16le') },
] as const;

type Encoding = 'base64' | 'quoted-printable' | '8bit' | 'binary';

function encoded(content: Buffer, encoding: Encoding): Buffer {
  if (encoding === 'base64') return Buffer.from(content.toString('base64').replace(/.{76}/g, '$&\r\n'));
  return encoding === 'quoted-printable' ? quotedPrintable(content) : content;
}

/** Percent-encoded according to RFC 2231. */
function extended(text: string): string {
  return [...Buffer.from(text)].map((octet) => `%${octet.toString(16).padStart(2, '0')}`).join('');
}

const name = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9 _.-]{1,20}[a-z]$/).map((text) => text.trim()),
  fc.constantFrom('Übersicht März.pdf', '請求書.xlsx', 'a "quoted" name.txt', 'semi;colon (1).bin', 'x'.repeat(90)),
);

/** Ways to write a file name. */
const naming = fc.constantFrom(
  (text: string) => `Content-Disposition: attachment; filename*=utf-8''${extended(text)}`,
  (text: string) =>
    `Content-Disposition: attachment;\r\n filename="=?utf-8?B?${Buffer.from(text).toString('base64')}?="`,
  (text: string) => `Content-Disposition: attachment; filename="${text.replace(/["\\]/g, '\\$&')}"`,
  (text: string) => {
    const octets = extended(text);
    const half = Math.floor(octets.length / 6) * 3;
    return `Content-Disposition: attachment;\r\n filename*1*=${octets.slice(half)};\r\n filename*0*=UTF-8''${octets.slice(0, half)}`;
  },
);

/** Content that looks like MIME. */
const content = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 3000 }).map((octets) => Buffer.from(octets)) },
  fc.constantFrom(
    ...['', '\r\n', '--', '--b1', '\r\n--b1x\r\n', '-', 'a\r\n', '\r\n\r\n', '--\r\n--'].map((t) => Buffer.from(t)),
  ),
);

interface Written {
  readonly source: Buffer;
  readonly leaf: Leaf;
}

function part(fields: readonly string[], body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${fields.map((field) => `${field}\r\n`).join('')}\r\n`), body]);
}

const file: fc.Arbitrary<Written> = fc
  .record({
    name,
    naming,
    content,
    encoding: fc.constantFrom<Encoding>('base64', 'quoted-printable', 'base64'),
    type: fc.constantFrom(
      'application/octet-stream',
      'text/plain',
      'text/html',
      'image/png',
      'application/pdf',
      'application/json',
    ),
  })
  .map(({ name, naming, content, encoding, type }) => ({
    source: part(
      [`Content-Type: ${type}; x=y`, naming(name), `Content-Transfer-Encoding: ${encoding}`],
      encoded(content, encoding),
    ),
    leaf: { type, name, content, isInline: false },
  }));

const nested: fc.Arbitrary<Written> = fc.constantFrom('Fwd', 'Übersicht').map((subject) => {
  const content = Buffer.from(
    `Subject: ${subject}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=inner\r\n\r\n--inner\r\n\r\n  deep\t\r\n--inner--\r\n`,
  );
  return {
    source: part(['Content-Type: message/rfc822', 'Content-Disposition: attachment; filename=forwarded.eml'], content),
    leaf: { type: 'message/rfc822', name: 'forwarded.eml', content, isInline: false },
  };
});

const text = fc.record({
  charset: fc.constantFrom(...charsets),
  encoding: fc.constantFrom<Encoding>('base64', 'quoted-printable', '8bit'),
});

function textPart(subtype: 'plain' | 'html', octets: Buffer, label: string, encoding: Encoding): Buffer {
  // These octets cannot be sent unencoded.
  const fit = label === 'utf-16le' ? 'base64' : encoding;
  return part(
    [`Content-Type: text/${subtype}; charset="${label}"`, `Content-Transfer-Encoding: ${fit}`],
    encoded(octets, fit),
  );
}

let boundaries = 0;

function multipart(subtype: string, parts: readonly Buffer[], closed = true): Buffer {
  boundaries += 1;
  const boundary = `b${boundaries}=_(${subtype}`;
  const pieces = parts.flatMap((each) => [Buffer.from(`\r\n--${boundary}\r\n`), each]);
  const head = `Content-Type: multipart/${subtype};\r\n boundary="${boundary}"\r\n\r\nThis is MIME.`;
  return Buffer.concat([
    Buffer.from(head),
    ...pieces,
    Buffer.from(closed ? `\r\n--${boundary}-- \r\nepilogue\r\n` : ''),
  ]);
}

const image = fc.record({ content, id: fc.uuid() });

/** The text of a message in one of its usual forms, and the pictures that belong to it. */
const shape = fc
  .record({
    kind: fc.constantFrom('plain', 'html', 'alternative', 'related', 'alternative-related', 'related-alternative'),
    text,
    images: fc.array(image, { minLength: 1, maxLength: 3 }),
  })
  .map(({ kind, text: { charset, encoding }, images }) => {
    const { label, text: words, octets } = charset;
    const plain = textPart('plain', octets, label, encoding);
    if (kind === 'plain')
      return { source: plain, body: { contentType: 'text' as const, content: words }, attachments: [] };
    const isRelated = kind.includes('related');
    const tags = isRelated ? images.map(({ id }) => `<img src="cid:${id}@x">`).join('') : '';
    const htmlOctets = Buffer.concat([octets, Buffer.from(tags, label === 'utf-16le' ? 'utf16le' : 'latin1')]);
    const html = textPart('html', htmlOctets, label, encoding);
    const body = { contentType: 'html' as const, content: `${words}${tags}` };
    const pictures = images.map(({ content: octetsOf, id }) =>
      part(
        ['Content-Type: image/png; name=p.png', `Content-ID: <${id}@x>`, 'Content-Transfer-Encoding: base64'],
        encoded(octetsOf, 'base64'),
      ),
    );
    const attachments: Leaf[] = isRelated
      ? images.map(({ content: octetsOf, id }) => ({
          type: 'image/png',
          name: 'p.png',
          contentId: `${id}@x`,
          content: octetsOf,
          isInline: true,
        }))
      : [];
    const shapes: Readonly<Record<string, () => Buffer>> = {
      html: () => html,
      alternative: () => multipart('alternative', [plain, html]),
      related: () => multipart('related', [html, ...pictures]),
      'alternative-related': () => multipart('alternative', [plain, multipart('related', [html, ...pictures])]),
      'related-alternative': () => multipart('related', [multipart('alternative', [plain, html]), ...pictures]),
    };
    return { source: shapes[kind]!(), body, attachments };
  });

/** Messages that the JSON form can carry, with their content. */
export const generatedMessage: fc.Arbitrary<Generated> = fc
  .record({
    subject: fc.constantFrom('Hello', 'Grüße', '請求書 47', ''),
    shape,
    files: fc.array(fc.oneof({ weight: 5, arbitrary: file }, nested), { maxLength: 6 }),
    isDeep: fc.boolean(),
    closed: fc.boolean(),
  })
  .map(({ subject, shape: { source, body, attachments }, files, isDeep, closed }) => {
    const sources = files.map((each) => each.source);
    const parts = isDeep ? [source, multipart('mixed', sources)] : [source, ...sources];
    const whole = files.length === 0 ? source : multipart('mixed', parts, closed);
    const header = `From: a@contoso.com\r\nSubject: =?utf-8?B?${Buffer.from(subject).toString('base64')}?=\r\nMIME-Version: 1.0\r\n`;
    return {
      source: Buffer.concat([Buffer.from(header), whole]),
      subject,
      body,
      attachments: [...attachments, ...files.map((each) => each.leaf)],
    };
  });
