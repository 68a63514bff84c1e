import { describe, expect, it } from 'vitest';
import {
  completeAddress,
  domainOf,
  isValidAddress,
  normalizeAddress,
  sameAddress,
} from '../../src/message/address/address.ts';

describe('one spelling of an address', () => {
  it.each([
    ['', ''],
    [' ', ''],
    ['@', ''],
    ['A@B.Example', 'a@b.example'],
    [' a@b.example ', 'a@b.example'],
    ['a', 'a'],
    ['@b.example', '""@b.example'],
    ['"a"@b.example', 'a@b.example'],
    ['"A B"@b.example', '"a b"@b.example'],
    ['a@Müller.example', 'a@xn--mller-kva.example'],
    ['u\u0308@b.example', 'ü@b.example'],
    ['a@B_C', 'a@b_c'],
  ])('%j is %j', (address, expected) => {
    expect(normalizeAddress(address)).toBe(expected);
  });

  it('tells the same from another', () => {
    expect(sameAddress('A@b.example', '"a"@B.EXAMPLE')).toBe(true);
    expect(sameAddress('a@b.example', 'a@c.example')).toBe(false);
    expect(sameAddress('b@b.example', 'a@b.example')).toBe(false);
  });

  it.each([
    ['a@B.Example', 'b.example'],
    ['a@Müller.example ', 'xn--mller-kva.example'],
    ['a', ''],
    ['', ''],
  ])('the domain of %j is %j', (address, expected) => {
    expect(domainOf(address)).toBe(expected);
  });

  it.each([
    ['scanner', 'scanner@c.example'],
    ['scanner@', 'scanner@c.example'],
    ['front desk', '"front desk"@c.example'],
    ['a@b.example', 'a@b.example'],
    ['', ''],
    ['@', '@'],
  ])('%j is completed to %j', (address, expected) => {
    expect(completeAddress(address, 'c.example')).toBe(expected);
  });
});

describe('an address for the wire', () => {
  const local = (count: number) => 'a'.repeat(count);

  it.each([
    ['64 octets before the at', `${local(64)}@b.example`, true],
    ['65', `${local(65)}@b.example`, false],
    ['254 in all', `${local(60)}@${`${local(63)}.`.repeat(3)}b`, true],
    ['255', `${local(62)}@${`${local(63)}.`.repeat(3)}b`, false],
    ['a label of 63', `a@${local(63)}.example`, true],
    ['a label of 64', `a@${local(64)}.example`, false],
    ['nothing before the at', '@b.example', false],
    ['nothing behind it', 'a@', false],
    ['no at', 'ab', false],
    ['one letter', 'a@b', true],
    ['two dots', 'a..b@c.example', false],
    ['a dot at the end', 'a.@c.example', false],
    ['a quoted dot', '"a..b"@c.example', true],
    ['a quoted at', '"a@b"@c.example', true],
    ['a quoted quote', '"a\\"b"@c.example', true],
    ['an open quote', '"a"b"@c.example', false],
    ['a hyphen at the end of a label', 'a@b-.example', false],
    ['a hyphen at its beginning', 'a@-b.example', false],
    ['an IPv4 literal', 'a@[192.0.2.1]', true],
    ['an IPv4 literal that is none', 'a@[192.0.2.256]', false],
    ['an IPv6 literal', 'a@[IPv6:2001:db8::1]', true],
    ['one in small letters', 'a@[ipv6:2001:db8::1]', true],
    ['one with a zone', 'a@[IPv6:fe80::1%eth0]', false],
    ['one without its tag', 'a@[2001:db8::1]', false],
    ['an open literal', 'a@[192.0.2.1', false],
    ['an emoji', '\u{1f4e0}@b.example', false],
  ])('%s: %s', (_, address, valid) => {
    expect(isValidAddress(address)).toBe(valid);
  });

  it.each([
    ['\u{1f4e0}@b.example', true],
    ['ü@müller.example', true],
    ['"ü b"@b.example', true],
    ['\ud800@b.example', false],
    ['a\u0085@b.example', false],
    ['a@0x7f.1', false],
    ['a@１２７.0.0.1', false],
    ['a@b.example', true],
  ])('with SMTPUTF8 %j: %s', (address, valid) => {
    expect(isValidAddress(address, { smtpUtf8: true })).toBe(valid);
  });
});
