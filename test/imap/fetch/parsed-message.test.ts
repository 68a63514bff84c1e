import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBodyStructure } from '../../../src/imap/fetch/body-structure.ts';
import { ParsedMessage } from '../../../src/imap/fetch/parsed-message.ts';
import { type Section, sectionOctets } from '../../../src/imap/fetch/section.ts';

function message(text: string): ParsedMessage {
  return new ParsedMessage(Buffer.from(text.replaceAll('\n', '\r\n')));
}

function section(of: ParsedMessage, path: number[], what: Section['what'] = 'ALL'): string | undefined {
  return sectionOctets(of, { path, what, fields: [] })?.toString();
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

  it('have their transfer encoding told without its comments', () => {
    const told = formatBodyStructure(message('Content-Transfer-Encoding: (none) 8bit (really)\n\nx\n'), false);
    expect(told).toBe('("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "8BIT" 3 1)');
  });

  it('are none where the boundary is missing or lies', () => {
    const lie = message('Content-Type: multipart/mixed; boundary=x\n\nno such boundary\n');
    expect(formatBodyStructure(lie, false)).toMatch(/^\("TEXT" "PLAIN" /);
    expect(message('Content-Type: multipart/mixed\n\nbody\n').root.parts).toEqual([]);
  });

  it('beyond all reason are not looked into', () => {
    const deep = Array.from({ length: 300 }, (_, n) => `Content-Type: multipart/mixed; boundary=${n}\n\n--${n}\n`).join(
      '',
    );
    expect(() => formatBodyStructure(message(deep), true)).not.toThrow();
    const many = `Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\n'.repeat(20_000)}--b--\n`;
    expect(message(many).root.parts.length).toBeLessThan(5_001);
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
        const parsed = new ParsedMessage(Buffer.from(pieces.join('')));
        expect(formatBodyStructure(parsed, true)).toMatch(/^\(/);
        expect(`${section(parsed, [], 'HEADER')}${section(parsed, [], 'TEXT')}`).toBe(pieces.join(''));
      }),
    );
  });
});
