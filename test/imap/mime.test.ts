import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAddresses } from '../../src/imap/mime/addresses.ts';
import { formatBodyStructure } from '../../src/imap/mime/body-structure.ts';
import { decodeHeaderValue } from '../../src/imap/mime/decode.ts';
import { formatEnvelope } from '../../src/imap/mime/envelope.ts';
import { type BodyPart, parseMime } from '../../src/imap/mime/part.ts';
import { type Section, sectionOctets } from '../../src/imap/mime/section.ts';

function message(text: string): BodyPart {
  return parseMime(Buffer.from(text.replaceAll('\n', '\r\n')));
}

function section(part: BodyPart, path: number[], what: Section['what'] = 'ALL'): string | undefined {
  return sectionOctets(part, { path, what, fields: [] })?.toString();
}

const forwarded = `From: a@b.c
Subject: outer
Content-Type: multipart/mixed; boundary="o(1)"

preamble
--o(1)
Content-Type: text/plain

one
--o(1)
Content-Type: message/rfc822

Subject: inner
From: "Doe, Jane" <jane@x.y>
Content-Type: multipart/alternative; boundary=i

--i

plain
--i
Content-Type: text/html; charset="utf-8"

<p>html</p>
--i--
--o(1)
Content-Type: image/png; name=p.png
Content-Transfer-Encoding: base64
Content-Disposition: inline; filename="p \\"q\\".png"

AAAA
--o(1)--
epilogue
`;

describe('the parts of a message', () => {
  it('are found by number, through the message inside a message', () => {
    const whole = message(forwarded);
    expect(section(whole, [1])).toBe('one');
    expect(section(whole, [1], 'MIME')).toBe('Content-Type: text/plain\r\n\r\n');
    expect(section(whole, [2, 1])).toBe('plain');
    expect(section(whole, [2, 2])).toBe('<p>html</p>');
    expect(section(whole, [2], 'HEADER')).toMatch(/^Subject: inner\r\n/);
    expect(section(whole, [2], 'TEXT')).toMatch(/^--i\r\n/);
    expect(section(whole, [3])).toBe('AAAA');
    expect(section(whole, [4])).toBeUndefined();
    expect(section(whole, [1, 1])).toBeUndefined();
    expect(section(whole, [1], 'HEADER')).toBeUndefined();
    expect(section(whole, [])).toBe(forwarded.replaceAll('\n', '\r\n'));
  });

  it('of a message without parts: the body is number one', () => {
    const simple = message('Subject: x\n\nbody\n');
    expect(section(simple, [1])).toBe('body\r\n');
    expect(section(simple, [1, 1])).toBeUndefined();
    expect(section(simple, [2])).toBeUndefined();
  });

  it('are described', () => {
    expect(formatBodyStructure(message(forwarded), true)).toBe(
      '(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3 0 NIL NIL NIL NIL)' +
        '("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 178 ' +
        '(NIL "inner" (("Doe, Jane" NIL "jane" "x.y")) (("Doe, Jane" NIL "jane" "x.y")) (("Doe, Jane" NIL "jane" "x.y")) NIL NIL NIL NIL NIL) ' +
        '(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 5 0 NIL NIL NIL NIL)' +
        '("TEXT" "HTML" ("CHARSET" "utf-8") NIL NIL "7BIT" 11 0 NIL NIL NIL NIL) "ALTERNATIVE" ("BOUNDARY" "i") NIL NIL NIL) ' +
        '11 NIL NIL NIL NIL)' +
        '("IMAGE" "PNG" ("NAME" "p.png") NIL NIL "BASE64" 4 NIL ("INLINE" ("FILENAME" "p \\"q\\".png")) NIL NIL) ' +
        '"MIXED" ("BOUNDARY" "o(1)") NIL NIL NIL)',
    );
  });

  it('are none where the boundary is missing or lies', () => {
    const lie = message('Content-Type: multipart/mixed; boundary=x\n\nno such boundary\n');
    expect(formatBodyStructure(lie, false)).toMatch(/^\("TEXT" "PLAIN" /);
    expect(message('Content-Type: multipart/mixed\n\nbody\n').parts).toEqual([]);
  });

  it('beyond all reason are not looked into', () => {
    const deep = Array.from({ length: 300 }, (_, n) => `Content-Type: multipart/mixed; boundary=${n}\n\n--${n}\n`).join(
      '',
    );
    expect(() => formatBodyStructure(message(deep), true)).not.toThrow();
    const many = `Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\n'.repeat(20_000)}--b--\n`;
    expect(message(many).parts.length).toBeLessThan(5_001);
  });

  it('of any octets at all give some structure', () => {
    const piece = fc.constantFrom(
      '\r\n',
      '\n',
      '--b',
      '--b--',
      'Content-Type: multipart/mixed; boundary=b',
      '"',
      '(',
      'a',
      ': ',
      '\0',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const part = parseMime(Buffer.from(pieces.join('')));
        expect(formatBodyStructure(part, true)).toMatch(/^\(/);
        expect(Buffer.concat([part.header, part.body]).toString()).toBe(pieces.join(''));
      }),
    );
  });
});

describe('headers', () => {
  it('are told in the envelope as they stand', () => {
    const { fields } = message(
      'Date: now\nSubject: =?utf-8?q?=C3=A9?=\n folded\nFrom: A B (comment) <a@b.c>\nTo: friends: x@y.z, "q\\"" <q@r.s>;, last@one\nCc:\nMessage-ID: <1@2>\n\n',
    );
    expect(formatEnvelope(fields)).toBe(
      '("now" "=?utf-8?q?=C3=A9?= folded" (("A B" NIL "a" "b.c")) (("A B" NIL "a" "b.c")) (("A B" NIL "a" "b.c")) ' +
        '((NIL NIL "friends" NIL)(NIL NIL "x" "y.z")("q\\"" NIL "q" "r.s")(NIL NIL NIL NIL)(NIL NIL "last" "one")) NIL NIL NIL "<1@2>")',
    );
  });

  it('of any shape give some addresses', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const { local } of parseAddresses(text)) expect(['string', 'undefined']).toContain(typeof local);
      }),
    );
  });

  it('are decoded for a search', () => {
    expect(decodeHeaderValue('=?iso-8859-1?Q?Gr=FC=DFe?= =?UTF-8?B?w7w=?= x')).toBe('Grüßeü x');
    expect(decodeHeaderValue(Buffer.from('roh: ü').toString('latin1'))).toBe('roh: ü');
    expect(decodeHeaderValue('=?no-such-charset?Q?a?=')).toBe('a');
  });
});
