import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { parseAddressList } from '../../../src/message/address/address.ts';
import { phrase, writtenAddress, writtenAddresses } from '../../../src/message/address/written.ts';
import { decodedWords } from '../../../src/message/mime/encodings.ts';

const address = 'ann@contoso.com';

describe('A display name', () => {
  it.each([
    ['Front Desk', 'Front Desk'],
    ["O'Brien & Co", "O'Brien & Co"],
    ['Ford, Ann', '"Ford, Ann"'],
    ['the "big" one', '"the \\"big\\" one"'],
    ['Dr. Ann', '"Dr. Ann"'],
    ['Jürgen', '=?utf-8?B?SsO8cmdlbg==?='],
    // Encoded-words valid in a phrase (RFC 2047 section 5(3)) stay, in any charset.
    ['=?utf-8?Q?J=C3=BCrgen?=', '=?utf-8?Q?J=C3=BCrgen?='],
    ['=?x-klingon?B?YQ==?= Sales', '=?x-klingon?B?YQ==?= Sales'],
    // Others are rewritten.
    ['=?utf-8?Q?Dr._M=C3=BCller?=', '=?utf-8?B?RHIuIE3DvGxsZXI=?='],
    ['=?utf-8?Q?Ford, Ann?=', '"Ford, Ann"'],
    ['=?utf-8?Q?Ford Ann?=', 'Ford Ann'],
    ['=?iso-8859-1?Q?M=FCller?=, Ann', '=?utf-8?B?TcO8bGxlciwgQW5u?='],
    ['=?iso-8859-1?Q?M=FCller?= "Ann"', '=?utf-8?B?TcO8bGxlciAiQW5uIg==?='],
    ['=?utf-8?Q?a.=0D=0ABcc:_eve@x.example?=', '"a. Bcc: eve@x.example"'],
    // What reads like an encoded-word once decoded, or cannot be decoded, must not be decoded again.
    ['=?utf-8?Q?.=3D=3Futf-8=3FQ=3Fx=3F=3D?=', '=?utf-8?B?Lj0/dXRmLTg/UT94Pz0=?='],
    ['=?x-klingon?Q?Dr._A?=', '=?utf-8?B?PT94LWtsaW5nb24/UT9Eci5fQT89?='],
  ])('%s is written %s', (name, written) => {
    expect(phrase(name)).toBe(written);
  });

  it.each([
    // A word attached to an encoded-word does not conform to RFC 2047 section 5.
    ['=?utf-8?Q?a?=x', 'ax'],
    ['x=?utf-8?Q?a?=', 'xa'],
    ['=?utf-8?Q?a?==?utf-8?Q?b?=', 'ab'],
    ['=?utf-8?Q??=', ''],
    ['=?utf-8?X?a?=', '=?utf-8?B?PT91dGYtOD9YP2E/PQ==?='],
    ['=?', '=?utf-8?B?PT8=?='],
    ['=?UTF-8?b?YQ==?=', '=?UTF-8?b?YQ==?='],
    // The limit of 75 characters, section 2.
    [`=?utf-8?q?${'x'.repeat(63)}?=`, `=?utf-8?q?${'x'.repeat(63)}?=`],
    [`=?utf-8?q?${'x'.repeat(64)}?=`, 'x'.repeat(64)],
    // Only atoms stay unquoted.
    ["!#$%&'*+/^_`{|}~-", "!#$%&'*+/^_`{|}~-"],
    [' Ann ', 'Ann'],
    ['Ann.', '"Ann."'],
    ['.Ann', '".Ann"'],
    ['Ann\\', '"Ann\\\\"'],
    [`${'x'.repeat(199)}.`, `"${'x'.repeat(199)}."`],
    [`${'x'.repeat(200)}.`, 'x'.repeat(200)],
  ])('%s is written %s: words as they are where they may stand so', (name, written) => {
    expect(phrase(name)).toBe(written);
  });

  it('that is too long is cut after 200 characters, not within an encoded-word', () => {
    expect(phrase('x'.repeat(300))).toBe('x'.repeat(200));
    const words = Array.from(
      { length: 30 },
      () => `=?utf-8?B?${Buffer.from('請求書係'.repeat(3)).toString('base64')}?=`,
    );
    expect(decodedWords(phrase(words.join(' ')).replaceAll('\r\n', ''))).toBe('請求書係'.repeat(50));
  });

  it('that takes several encoded-words is folded between them', () => {
    const written = writtenAddress({ address, name: '請'.repeat(200) });
    expect(written).toMatch(/^=\?utf-8\?B\?\S+\?=(?:\r\n =\?utf-8\?B\?\S+\?=){13} <ann@contoso\.com>$/);
    for (const line of `From: ${written}`.split('\r\n')) expect(line.length).toBeLessThan(110);
  });

  it('that says nothing is left out', () => {
    for (const name of ['', ' ', '\0', '=?utf-8?Q??=', '=?utf-8?Q?_?=\0']) {
      expect(writtenAddress({ address, name })).toBe(address);
    }
  });
});

test('whatever the name: a field of short lines that gives back this address alone', () => {
  const piece = fc.constantFrom(
    ...['=?', '?=', '=?utf-8?Q?', '=?utf-8?B?', '=?utf-8?Q?a=2Cb_?=', '=?utf-8?B?4oKs?=', '=0D=0A', '=22', '=40'],
    ...[
      '"',
      '\\',
      '(',
      ')',
      '<',
      '>',
      '@',
      ',',
      ';',
      ':',
      '.',
      ' ',
      '\t',
      '\0',
      '\x7f',
      'a',
      'é',
      '請',
      '😀',
      '\ud83d',
    ],
  );
  const name = fc.oneof(
    fc.array(piece, { maxLength: 300, size: 'max' }).map((pieces) => pieces.join('')),
    fc.string({ unit: 'binary', maxLength: 400 }),
  );
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 3 }), (names) => {
      const written = writtenAddresses(names.map((each) => ({ address, name: each })));
      for (const line of `From: ${written}`.split('\r\n')) {
        expect(line).toMatch(/^(?:From:)? ?[!-~](?:[ -~]*[!-~])?$/);
        expect(line.length).toBeLessThan(998);
      }
      const { addresses, problems } = parseAddressList(written.replaceAll('\r\n', ''));
      expect(addresses.map((each) => each.address)).toEqual(names.map(() => address));
      expect(problems).toEqual([]);
    }),
    { numRuns: 2000 },
  );
});
