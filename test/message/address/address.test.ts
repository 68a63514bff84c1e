import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  completeAddress,
  domainOf,
  isValidAddress,
  joinAddress,
  normalizeAddress,
  parseAddressList,
  sameAddress,
  splitAddress,
} from '../../../src/message/address/address.ts';

/** `name <address>` of each, and the problems after a bar. */
function read(value: string): string {
  const { addresses, problems } = parseAddressList(value);
  const list = addresses
    .map(({ address, name }) => (name === undefined ? address : `${name} <${address}>`))
    .join(' & ');
  return problems.length === 0 ? list : `${list} | ${problems.join(' ')}`;
}

describe('an address list', () => {
  it.each([
    ['scanner@contoso.com', 'scanner@contoso.com'],
    ['a@b.c, d@e.f', 'a@b.c & d@e.f'],
    ['a@b.c,\r\n\td@e.f,\r\n g@h.i', 'a@b.c & d@e.f & g@h.i'],
    ['John Q. Public <jqp@example.com>', 'John Q. Public <jqp@example.com>'],
    ['"Doe, John" <jd@example.com>', 'Doe, John <jd@example.com>'],
    ['"jd@contoso.com via Portal" <portal@example.com>', 'jd@contoso.com via Portal <portal@example.com>'],
    ['"a \\"b\\" \\\\c" <d@e.f>', 'a "b" \\c <d@e.f>'],
    ['"folded\r\n name"\r\n <d@e.f>', 'folded name <d@e.f>'],
    ['=?UTF-8?Q?M=C3=BCller?= <m@example.com>', '=?UTF-8?Q?M=C3=BCller?= <m@example.com>'],
    ['=?utf-8?q?a?=\r\n =?utf-8?q?b?= <m@x.y>', '=?utf-8?q?a?= =?utf-8?q?b?= <m@x.y>'],
    ['Müller <müller@exämple.com>', 'Müller <müller@exämple.com>'],
    ['joe@example.com (Joe Bloggs)', 'Joe Bloggs <joe@example.com>'],
    ['<joe@example.com> (Joe Bloggs)', 'Joe Bloggs <joe@example.com>'],
    ['joe@a.b (Joe), ann@a.b (Ann), x@a.b', 'Joe <joe@a.b> & Ann <ann@a.b> & x@a.b'],
    ['a@b.c, (next one) d@e.f', 'a@b.c & next one <d@e.f>'],
    ['Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>', 'Pete <pete@silly.test>'],
    ['a (one (two (three))) @ b . c', 'one (two (three)) <a@b.c>'.replace('one (two (three)) ', '').slice(1, -1)],
    ['undisclosed-recipients:;', ''],
    [
      'A Group(Some people):Chris Jones <c@(Chris)public.example>,joe@example.org; , x@y.z',
      'Chris Jones <c@public.example> & joe@example.org & x@y.z',
    ],
    ['"Doe; John": a@b.c;', 'a@b.c'],
    ['<@a.example,@b.example:c@d.example>', 'c@d.example'],
    ['<@a,,@b : c@d>', 'c@d'],
    ['"front desk"@contoso.com', '"front desk"@contoso.com'],
    ['"needless"@contoso.com', 'needless@contoso.com'],
    ['"with@at"@contoso.com', '"with@at"@contoso.com'],
    ['root@[192.0.2.1]', 'root@[192.0.2.1]'],
    ['root@[IPv6:2001:db8::1]', 'root@[IPv6:2001:db8::1]'],
    [', ,a@b.c,,', 'a@b.c'],
    ['', ''],
  ])('%j reads as %j', (value, expected) => {
    expect(read(value)).toBe(expected);
  });

  it.each([
    ['scanner', 'scanner | no-domain'],
    ['<scanner>', 'scanner | no-domain'],
    ['John Doe', ' | not-an-address'],
    ['<>', ' | not-an-address'],
    ['@b.c', ' | not-an-address'],
    ['a@"b.c"', ' | not-an-address'],
    ['a@b.c; d@e.f', 'a@b.c & d@e.f | group'],
    ['friends: a@b.c', 'a@b.c | group'],
    ['a@b.c d@e.f', 'a@b.c & d@e.f | stray-text'],
    ['John Doe jd@e.f', 'John Doe <jd@e.f> | stray-text'],
    ['a@b.c <d@e.f>', 'a@b.c <d@e.f> | stray-text'],
    ['<a@b.c> <d@e.f>', 'a@b.c & d@e.f | stray-text'],
    ['<<a@b.c>>', 'a@b.c | unterminated not-an-address stray-text'],
    ['<a@b.c, d@e.f', 'a@b.c & d@e.f | unterminated'],
    ['"open <a@b.c>', 'open <a@b.c> | unterminated'],
    ['(open <a@b.c>', 'open <a@b.c> | unterminated'],
    ['=?utf-8?Q?Doe,_John?= <a@b.c>', '=?utf-8?Q?Doe,_John?= <a@b.c> | encoded-word'],
    ['=?utf-8?Q?<x@y.z>?= <a@b.c>', '=?utf-8?Q?<x@y.z>?= <a@b.c> | encoded-word'],
    ['a..b.@docomo.example', '"a..b."@docomo.example | stray-text'],
    ['a@b.c\0', 'a@b.c | stray-text'],
    ['=?utf-8?Q?Ford, Ann?= <a@b.c>', '=?utf-8?Q?Ford, Ann?= <a@b.c> | encoded-word'],
    ['=?utf-8?Q?Ford Ann?= <a@b.c>', '=?utf-8?Q?Ford Ann?= <a@b.c> | encoded-word'],
    ['=?utf-8?Q?Ann <x@y.z>, ?= <a@b.c>', '=?utf-8?Q?Ann <x@y.z> & ?= <a@b.c>'],
    ['=?utf-8?B?YQ, b?= <a@b.c>', '=?utf-8?B?YQ & b?= <a@b.c> | no-domain'],
    // Where such an address ends is ambiguous.
    ['a@b@c', ' | not-an-address stray-text'],
    ['a@b@c.com, d@e.f', 'd@e.f | not-an-address stray-text'],
    ['a@con toso.com', ' | not-an-address'],
    ['a@b.c Ann', 'a@b.c | stray-text'],
    ['a@b.c d@e.f Ann', 'a@b.c & d@e.f | stray-text'],
    ['friends: a@con toso.com, d@e.f;', 'd@e.f | not-an-address'],
  ])('garbage %j reads as %j', (value, expected) => {
    expect(read(value)).toBe(expected);
  });

  it('finds every well-formed address again, whatever names, comments and folding stand around', () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    const address = fc.tuple(fc.oneof(word, fc.string({ minLength: 1, maxLength: 8 }).filter(isPrintable)), word);
    const space = fc.constantFrom('', ' ', '\r\n ', '\t', '(c@d.e, <x>)');
    const name = fc.oneof(word, fc.string({ maxLength: 10 }).filter(isPrintable).map(quoted));
    const entry = fc.tuple(name, space, address, space);
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const expected = entries.map(([, , [local, domain]]) => joinAddress(local, `${domain}.test`));
        const value = entries.map(([n, s1, , s2], i) => `${n}${s1}<${s2}${expected[i]}${s1}>${s2}`).join(',');
        const list = parseAddressList(value);
        expect(list.addresses.map(({ address }) => address)).toEqual(expected);
        expect(list.problems).toEqual([]);
      }),
    );
  });

  it('reads an address alike alone, among blanks, before a comma and in a group', () => {
    const word = fc.oneof(
      fc.stringMatching(/^[A-Za-z0-9_+-]{1,6}$/),
      fc.constantFrom('=?', "O'Brien", 'é', '=?a?q?b?='),
    );
    const dotted = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('.'));
    const address = fc.tuple(dotted, fc.constantFrom('@', '@', '@', '.', '@@'), dotted).map((parts) => parts.join(''));
    const name = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(' '));
    const named = fc.tuple(name, fc.constantFrom(' ', ' ', '', '  '), address);
    const value = fc.oneof(
      address,
      named.map(([before, space, inside]) => `${before}${space}<${inside}>`),
    );
    fc.assert(
      fc.property(value, (plain) => {
        const expected = parseAddressList(plain);
        expect(parseAddressList(` ${plain} `)).toEqual(expected);
        expect(parseAddressList(`${plain},`)).toEqual(expected);
        expect(parseAddressList(`g: ${plain};`)).toEqual(expected);
      }),
      { numRuns: 5000 },
    );
  });

  it('never throws, and never makes up an address without an address character', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '(',
      ')',
      '"',
      '\\',
      '@',
      ',',
      ';',
      ':',
      '.',
      '[',
      ']',
      ' ',
      '\r\n ',
      '=?',
      '?=',
      'é',
      '\0',
      'a',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        for (const { address } of parseAddressList(pieces.join('')).addresses)
          expect(address).toMatch(/[^<>(),;:.[\]@]/);
      }),
      { numRuns: 3000 },
    );
  });

  // In quadratic time, these would take longer than a test may.
  it.each([
    '(',
    '((a)',
    '<',
    '"',
    '"\\',
    '[',
    '[]',
    '<a@b>',
    '<@a,',
    'a@b ',
    '=?a?q?',
    '=?a?q? ',
    ' =?a?q?b c',
    '@',
    '.',
    ',',
    ':',
    ';',
    '\\',
    'a.',
    '\r\n ',
  ])('200,000 characters of %j are no burden', (piece) => {
    const { problems } = parseAddressList(piece.repeat(200_000 / piece.length));
    expect(problems.length).toBeLessThan(7);
  });
});

describe('sameAddress', () => {
  it.each([
    ['Reports@Contoso.COM', 'reports@contoso.com'],
    ['"reports"@contoso.com', 'reports@contoso.com'],
    ['a@münchen.example', 'a@xn--mnchen-3ya.example'],
    ['mu\u0308ller@x.y', 'müller@x.y'],
    ['"front\\ desk"@x.y', '"front desk"@x.y'],
  ])('%s and %s are one', (one, other) => {
    expect(sameAddress(one, other)).toBe(true);
  });

  it.each([
    ['a@contoso.com', 'a@contoso.co'],
    ['a.b@contoso.com', 'ab@contoso.com'],
    ['"a@b"@contoso.com', 'a@b'],
    ['', 'a@b'],
  ])('%s and %s are two', (one, other) => {
    expect(sameAddress(one, other)).toBe(false);
  });

  it('normalizing twice changes nothing more', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(normalizeAddress(normalizeAddress(text))).toBe(normalizeAddress(text));
      }),
    );
  });
});

describe('parts of an address', () => {
  it.each([
    ['a@B.C', 'b.c'],
    ['"x@y"', ''],
    ['"x@y"@Z', 'z'],
    ['scanner', ''],
    ['a@Ü.example', 'xn--tda.example'],
  ])('the domain of %s is %j', (address, expected) => {
    expect(domainOf(address)).toBe(expected);
  });

  it.each([
    ['scanner', 'scanner@contoso.com'],
    ['front desk', '"front desk"@contoso.com'],
    ['"front desk"', '"front desk"@contoso.com'],
    ['scanner@', 'scanner@contoso.com'],
    ['a@b', 'a@b'],
    ['', ''],
    ['@', '@'],
  ])('%j is completed to %j', (address, expected) => {
    expect(completeAddress(address, 'contoso.com')).toBe(expected);
  });

  it('what is joined splits into the same parts', () => {
    fc.assert(
      fc.property(fc.string(), (local) => {
        expect(splitAddress(joinAddress(local, 'x.y'))).toEqual({ local, domain: 'x.y' });
      }),
    );
  });
});

describe('isValidAddress', () => {
  const local64 = 'l'.repeat(64);
  const domain189 = `${'d'.repeat(62)}.${'d'.repeat(62)}.${'d'.repeat(63)}`;
  it.each([
    'a@b',
    'a.b+c@d-e.f',
    "!#$%&'*+-/=?^_`{|}~@x.y",
    '"front desk"@x.y',
    '"a\\"b@c"@x.y',
    '""@x.y',
    'a@[192.0.2.1]',
    'a@[IPv6:2001:db8::1]',
    'a@xn--mnchen-3ya.example',
    `${local64}@${domain189}`,
  ])('%s may be used', (address) => {
    expect(isValidAddress(address)).toBe(true);
  });

  it.each([
    '',
    'a',
    '@b',
    'a@',
    'a b@c',
    'a..b@c',
    '.a@c',
    'a.@c',
    'a@-b',
    'a@b-',
    'a@b..c',
    'a@b.',
    'a@b_c',
    'a@[300.1.1.1]',
    'a@[2001:db8::1]',
    'a@[IPv6:fe80::1%eth0]',
    'a\r\nb@c',
    '"a\r\nb"@c',
    '"a"b"@c',
    '"a\\"@c',
    'a@b>c',
    'é@x.y',
    'a@é.y',
    `${local64}l@x.y`,
    `${local64}@d${domain189}`,
    `a@${'d'.repeat(64)}.y`,
  ])('%j may not be used', (address) => {
    expect(isValidAddress(address)).toBe(false);
  });

  it('UTF-8 on both sides may be used with SMTPUTF8', () => {
    for (const address of ['é@x.y', 'a@é.y', '"用 户"@例え.テスト']) {
      expect(isValidAddress(address, { smtpUtf8: true })).toBe(true);
    }
    for (const address of [
      'é\u0085@x.y',
      'a@\u{ff10}x7f.1',
      'a@0x7f.1',
      'a@127.1',
      'a@b.0x7f',
      'a@[é]',
      'é b@x.y',
      'a\u202eb@x.y',
      'a@x\u200b.y',
      '"a\u00adb"@x.y',
    ]) {
      expect(isValidAddress(address, { smtpUtf8: true })).toBe(false);
    }
  });
});

function isPrintable(text: string): boolean {
  return /^[ -~]*$/.test(text) && text.trim() === text;
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
