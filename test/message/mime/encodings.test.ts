import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodedWords, encodedWords, quotedPrintable } from '../../../src/message/mime/encodings.ts';
import { foldedField, oneLine, wrapLine } from '../../../src/message/safe-text.ts';

function decodeQuotedPrintable(text: string): Buffer {
  const joined = text.replace(/=\r\n/g, '');
  return Buffer.from(
    joined.replace(/=([0-9A-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
    'latin1',
  );
}

describe('quotedPrintable', () => {
  it.each([
    ['Grüße = 1', 'Gr=C3=BC=C3=9Fe =3D 1'],
    ['blank \r\ntab\t\r\n', 'blank=20\r\ntab=09\r\n'],
    ['.\r\nFrom me\r\n', '=2E\r\n=46rom me\r\n'],
    ['a\nb\rc', 'a=0Ab=0Dc'],
    ['x'.repeat(77), `${'x'.repeat(75)}=\r\nxx`],
    ['x'.repeat(76), 'x'.repeat(76)],
    [`${'x'.repeat(73)}éé`, `${'x'.repeat(73)}=\r\n=C3=A9=C3=A9`],
    [`${'x'.repeat(72)}éé`, `${'x'.repeat(72)}=C3=\r\n=A9=C3=A9`],
    [`${'x'.repeat(74)}éé`, `${'x'.repeat(74)}=\r\n=C3=A9=C3=A9`],
  ])('%j becomes %j', (text, expected) => {
    expect(quotedPrintable(Buffer.from(text)).toString()).toBe(expected);
  });

  it('is ASCII in lines of up to 76 characters, and decodes to every octet given', () => {
    const piece = fc.oneof(
      fc.uint8Array(),
      fc.constantFrom(...['\r\n', '=', ' ', '\n', '\r', 'x'.repeat(80), '.'].map((t) => Buffer.from(t))),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const octets = Buffer.concat(pieces);
        const text = quotedPrintable(octets).toString('latin1');
        expect(text).toMatch(/^(?:[\t -~]{0,76}(?:\r\n|$))*$/);
        expect(text).not.toMatch(/[ \t]\r\n|[ \t]$/);
        expect(text).not.toMatch(/=[0-9A-F]?=\r\n/);
        expect(decodeQuotedPrintable(text).equals(octets)).toBe(true);
      }),
    );
  });
});

describe('encoded-words', () => {
  it.each([
    ['=?utf-8?Q?Gr=C3=BC=C3=9Fe_x?=', 'Grüße x'],
    ['=?ISO-8859-1?B?R3L8?= =?utf-8?q?=C3=9Fe?= plain', 'Grüße plain'],
    ['=?utf-8*de?q?a?=  \t =?utf-8?q?b?=', 'ab'],
    ['=?koi8-r?B?8NLJ18XU?=', 'Привет'],
    ['=?x-unknown?q?a?= b', '=?x-unknown?q?a?= b'],
    ['=?utf-8?x?a?= =?', '=?utf-8?x?a?= =?'],
    ['=?utf-8?B?YcM=?= =?UTF-8?B?vA==?= x', 'aü x'],
    ['=?utf-8?Q?=C3?=\t=?utf-8?Q?=BC_?= =?x-unknown?q?a?= =?x-unknown?q?b?=', 'ü =?x-unknown?q?a?= =?x-unknown?q?b?='],
    ['=?utf-8?Q?Ford, Ann?= x', 'Ford, Ann x'],
    ['=?utf-8?B?YQ ==?=', '=?utf-8?B?YQ ==?='],
    ['=?utf-8?q?=FF=4?=', '\ufffd=4'],
    ['=?utf-8?q?=c3=Bc=zz=5f?=', 'ü=zz_'],
    ['=?utf-8?B?77u/YQ==?=', '\ufeffa'],
    ['=?utf-8?q??=', ''],
    ['x=?utf-8?q?a?=y', 'xay'],
    ['=?utf-8?q?a?= b =?utf-8?q?c?=', 'a b c'],
    ['=?utf-8?q?a?=\r\n =?utf-8?q?b?=', 'a\r\n b'],
    ['=?utf-8?q?a?==?utf-8?q?b?=', 'ab'],
    ['=?utf-8?Q?=FC?= =?iso-8859-1?Q?=FC?= =?utf-8?q?a?=', '\ufffdüa'],
    ['=?utf 8?q?a?=', '=?utf 8?q?a?='],
    ['=??q?a?=', '=??q?a?='],
    ['=?utf-8?q?a\r\nb?=', '=?utf-8?q?a\r\nb?='],
  ])('%s is read as %s', (text, expected) => {
    expect(decodedWords(text)).toBe(expected);
  });

  it('in an unknown charset are read by guess where one says so: as UTF-8, or as Windows-1252', () => {
    const guessed = (text: string) => decodedWords(text, { unknownCharset: 'guessed' });
    expect(guessed('=?x-unknown?q?=C3=BC?= =?utf-8?q?a?= x')).toBe('üa x');
    expect(guessed('=?x-unknown?q?=FC=80?=')).toBe('ü€');
    expect(guessed('=?koi8-r?B?8NLJ18XU?=')).toBe('Привет');
    expect(decodedWords('=?x-unknown?q?=FC?=', { unknownCharset: 'kept' })).toBe('=?x-unknown?q?=FC?=');
  });

  it('are written as UTF-8 in base64, 45 octets in each, never a part of a character', () => {
    const word = (text: string) => `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`;
    expect(encodedWords('')).toBe('');
    expect(encodedWords('x'.repeat(45))).toBe(word('x'.repeat(45)));
    expect(encodedWords('x'.repeat(46))).toBe(`${word('x'.repeat(45))} ${word('x')}`);
    expect(encodedWords(`${'x'.repeat(42)}😀y`)).toBe(`${word('x'.repeat(42))} ${word('😀y')}`);
  });

  it('come back as the text they were made of, none longer than 75 characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        const words = encodedWords(text);
        for (const word of words.split(' ')) expect(word.length).toBeLessThanOrEqual(75);
        expect(decodedWords(words)).toBe(text);
      }),
    );
  });

  it('that never end are no burden', () => {
    for (const piece of ['=?', '=?a?q?', '=?a?q?b?= ', ' \t', '=?a?q? ', '=?a?q?b c']) {
      expect(decodedWords(piece.repeat(50_000)).length).toBeGreaterThan(0);
    }
  });
});

describe('foldedField', () => {
  it.each([
    ['A', 'x', 'A: x\r\n'],
    ['A', '', 'A: \r\n'],
    ['A', `${'x'.repeat(70)} ${'y'.repeat(10)}`, `A: ${'x'.repeat(70)}\r\n ${'y'.repeat(10)}\r\n`],
    ['A', 'x'.repeat(300), `A: ${'x'.repeat(200)}\r\n ${'x'.repeat(100)}\r\n`],
  ])('%s with %j is %j', (name, value, expected) => {
    expect(foldedField(name, value)).toBe(expected);
  });

  it('is one field of short lines, none blank, whatever the value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 1500 }), (text) => {
        const field = foldedField('Name', oneLine(text));
        expect(field).toMatch(/^Name: [^\r\n]*\r\n(?: [^ \r\n][^\r\n]*\r\n)*$/);
        for (const line of field.split('\r\n')) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(998);
      }),
    );
  });

  it('holds no half of a surrogate pair, though its value may be cut within one', () => {
    expect(oneLine('ab\u{1f69a}', 3)).toBe('ab\ufffd');
  });

  it('loses no word', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,30}$/)), (words) => {
        expect(wrapLine(words.join(' ')).join(' ')).toBe(words.join(' '));
      }),
    );
  });
});
