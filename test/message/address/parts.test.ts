import { describe, expect, it } from 'vitest';
import { domainOf, isValidAddress, normalizeAddress, sameAddress } from '../../../src/message/address/address.ts';
import { asciiDomain, joinAddress, splitAddress } from '../../../src/message/address/parts.ts';

describe('The two sides of an address', () => {
  it.each([
    ['a@b.c', 'a', 'b.c'],
    ['a@b@c.d', 'a@b', 'c.d'],
    ['"a@b"@c.d', 'a@b', 'c.d'],
    ['"a@b"', 'a@b', ''],
    ['a', 'a', ''],
    ['a@', 'a', ''],
    ['@b.c', '', 'b.c'],
    ['""@b.c', '', 'b.c'],
    ['"@b.c', '"', 'b.c'],
    ['"a@b.c', '"a', 'b.c'],
    ['a"@b.c', 'a"', 'b.c'],
    ['"a\\"\\\\b"@c.d', 'a"\\b', 'c.d'],
    ['"a\\\nb"@c.d', 'a\nb', 'c.d'],
    ['a\\b@c.d', 'a\\b', 'c.d'],
  ])('of %j are %j and %j', (address, local, domain) => {
    expect(splitAddress(address)).toEqual({ local, domain });
  });

  it.each<[string, string]>([
    // RFC 5321 section 4.1.2: a dot-string unquoted, everything else quoted.
    ['a.b-c', 'a.b-c@x.y'],
    ["!#$%&'*+-/=?^_`{|}~", "!#$%&'*+-/=?^_`{|}~@x.y"],
    ['é', 'é@x.y'],
    ['', '""@x.y'],
    ['.a', '".a"@x.y'],
    ['a.', '"a."@x.y'],
    ['a..b', '"a..b"@x.y'],
    ['a b', '"a b"@x.y'],
    ['a"b\\c', '"a\\"b\\\\c"@x.y'],
    ['a\0b', '"a\0b"@x.y'],
    ['a\x7f', '"a\x7f"@x.y'],
    ...[...'(),:;<>@[]'].map((sign): [string, string] => [`a${sign}b`, `"a${sign}b"@x.y`]),
  ])('joined from %j are %j', (local, address) => {
    expect(joinAddress(local, 'x.y')).toBe(address);
    expect(joinAddress(local, '')).toBe(address.slice(0, -'@x.y'.length));
  });
});

describe('The domain of an address', () => {
  it.each([
    ['Contoso.COM', 'contoso.com'],
    ['B_C-1', 'b_c-1'],
    ['0x7F.1', '0x7f.1'],
    ['MÜNCHEN.example', 'xn--mnchen-3ya.example'],
    ['contoso.com/x', undefined],
    ['x/contoso.com', undefined],
    ['é.com/x', undefined],
    ['x/é.com', undefined],
    ['%63ontoso.com', undefined],
    ['[192.0.2.1]', undefined],
    ['xn--a.é', undefined],
    ['', undefined],
  ])('%j is compared as %j', (domain, expected) => {
    expect(asciiDomain(domain)).toBe(expected);
  });

  it('that is none is compared in small letters', () => {
    expect(domainOf('a@[IPv6:2001:DB8::1]')).toBe('[ipv6:2001:db8::1]');
    expect(sameAddress('a@[IPv6:2001:DB8::1]', 'A@[ipv6:2001:db8::1]')).toBe(true);
    expect(normalizeAddress('a@B/C')).toBe('a@b/c');
    expect(sameAddress('a@contoso.com/x', 'a@contoso.com')).toBe(false);
    expect(sameAddress('a@0x7f.1', 'a@127.0.0.1')).toBe(false);
  });
});

describe('A domain for the wire', () => {
  it.each([
    'a@b.c?x',
    'a@b.c/x',
    'a@b.c#x',
    'a@b.c:25',
    'a@?b.c',
    'a@b c',
    'a@%62.c',
    'a@xn--é.c',
    'a@b.é_',
    'a@[192.0.2.10',
    'a@x192.0.2.1]',
    'a@[xIPv6::1]',
    'a@[192.0.2.1]x',
    'a@x[192.0.2.1]',
    'a@[]',
    'a@[IPv6:]',
    'a@[IPv6:192.0.2.1]',
  ])('is not that of %s', (address) => {
    expect(isValidAddress(address)).toBe(false);
    expect(isValidAddress(address, { smtpUtf8: true })).toBe(false);
  });

  it('has 255 octets at most, in its ASCII form too, which may be longer (RFC 5321 section 4.5.3.1.2)', () => {
    // Each becomes `viii`.
    const label = 'Ⅷ'.repeat(15);
    const four = `${label}.`.repeat(4);
    expect(isValidAddress(`a@${four}${'b'.repeat(11)}`, { smtpUtf8: true })).toBe(true);
    expect(isValidAddress(`a@${four}${'b'.repeat(12)}`, { smtpUtf8: true })).toBe(false);
  });
});
