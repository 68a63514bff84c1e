import { describe, expect, it } from 'vitest';
import { parseAddressPath } from '../../src/smtp/address-path.ts';

const mail = (rest: string) => parseAddressPath('MAIL FROM', `MAIL FROM:${rest}`);
const address = (rest: string) => mail(rest)?.address;

describe('MAIL FROM and RCPT TO as devices write them', () => {
  it.each([
    ['<a@b.c>', 'a@b.c'],
    [' < a@b.c > ', 'a@b.c'],
    ['a@b.c', 'a@b.c'],
    ['<>', ''],
    ['<a>', 'a'],
    ['<@one.example,@two.example:a@b.c>', 'a@b.c'],
    ['<"a b"@b.c>', '"a b"@b.c'],
    ['"a b"@b.c', '"a b"@b.c'],
    ['<"a>b"@b.c>', '"a>b"@b.c'],
    ['<"a\\"b"@b.c>', '"a\\"b"@b.c'],
    ['<"a@b"@b.c>', '"a@b"@b.c'],
    ['<jörg@müller.example>', 'jörg@müller.example'],
    ['<a@[192.0.2.1]>', 'a@[192.0.2.1]'],
    ['<a@[IPv6:2001:db8::1]>', 'a@[IPv6:2001:db8::1]'],
    ['<a@[ipv6:2001:db8::1]>', 'a@[ipv6:2001:db8::1]'],
    ['<a@b_c.example>', 'a@b_c.example'],
    ['<a@b-c>', 'a@b-c'],
    ['<a@b>', 'a@b'],
  ])('%j is %j', (rest, expected) => {
    expect(address(rest)).toBe(expected);
  });

  it.each([
    '',
    ' ',
    '<a@b.c',
    '<a@b.example',
    'a@b.c>',
    '<a<b@c.d>',
    'a<b@c.d',
    '<@x<y.example:a@b.c>',
    '@x>y.example:a@b.c',
    '<@x.example,@y<z.example:a@b.c>',
    '<a b@c.d>',
    '<"a@b.c>',
    '"a@b.c',
    '<a@>',
    '<@b.c>',
    '<a@b..c>',
    '<a@.b>',
    '<a@b.>',
    '<a@-b.c>',
    '<a@b-.c>',
    '<a@b c>',
    '<a,b@c.d>',
    '<a;b@c.d>',
    '<a:b@c.d>',
    '<(a)@c.d>',
    '<a\\b@c.d>',
    '<a[1]@c.d>',
    '<a@@c.d>',
    '<x"a"@c.d>',
    '<"a"x@c.d>',
    '<a@[192.0.2.1>',
    '<a@192.0.2.1]>',
    '<a@[x]>',
    '<a@b.c>d',
    'nobody here',
  ])('%j makes no sense', (rest) => {
    expect(mail(rest)).toBeUndefined();
  });

  it.each(['\x00', '\x1b', '\x7f', '\x9f', '\u200b', '\u2060', '\ufeff', '\ufffd'])(
    'an address that would spoil a log is refused: %j',
    (character) => {
      expect(mail(`<"a${character}"@b.c>`)).toBeUndefined();
      expect(mail(`<a@b.c> ENVID=x${character}y`)).toBeUndefined();
    },
  );

  it('254 octets are an address, 255 are none', () => {
    const most = `${'a'.repeat(250)}@b.c`;
    expect(address(`<${most}>`)).toBe(most);
    expect(address(`<a${most}>`)).toBeUndefined();
    expect(address(`<ü${most.slice(1)}>`)).toBeUndefined();
  });

  it('the verb is taken in any case and with blanks before the colon; another is refused', () => {
    expect(parseAddressPath('RCPT TO', ' rcpt to : <a@b.c>')).toMatchObject({ address: 'a@b.c' });
    expect(parseAddressPath('RCPT TO', 'RCPT <a@b.c>')).toBeUndefined();
    expect(parseAddressPath('RCPT TO', 'MAIL FROM:<a@b.c>')).toBeUndefined();
    expect(parseAddressPath('RCPT TO', 'x')).toBeUndefined();
  });
});

describe('parameters', () => {
  it.each([
    ['', {}],
    [' SIZE=10 BODY=8BITMIME', { SIZE: '10', BODY: '8BITMIME' }],
    [' size=10', { SIZE: '10' }],
    ['\tSMTPUTF8  REQUIRETLS', { SMTPUTF8: true, REQUIRETLS: true }],
    [
      ' SIZE BODY RET ENVID NOTIFY ORCPT AUTH',
      { SIZE: true, BODY: true, RET: true, ENVID: true, NOTIFY: true, ORCPT: true, AUTH: true },
    ],
    [' SIZE=', { SIZE: true }],
    [' ENVID=a+2Bb+3Dc=d', { ENVID: 'a+b=c=d' }],
    [' ENVID=+2b', { ENVID: '+2b' }],
    [' X-OTHER=1', { 'X-OTHER': '1' }],
    [' __PROTO__=1', undefined],
  ])('%j', (text, expected) => {
    expect(mail(`<a@b.c>${text}`)?.parameters).toEqual(expected);
  });

  it.each([' OTHER', ' here', ' A_B=1', ' =1', ' ENVID=+0D+0A', ' ENVID=+00'])('%j makes no sense', (text) => {
    expect(mail(`<a@b.c>${text}`)).toBeUndefined();
  });

  it('one that is given twice is named', () => {
    expect(mail('<a@b.c> SIZE=1 size=2')).toEqual({ address: 'a@b.c', parameters: { SIZE: '2' }, duplicate: 'SIZE' });
    expect(mail('<a@b.c> SIZE=1 BODY=7BIT')).not.toHaveProperty('duplicate');
  });

  it('a key that every object has is a key like another', () => {
    expect(mail('<a@b.c> CONSTRUCTOR=1')).toEqual({ address: 'a@b.c', parameters: { CONSTRUCTOR: '1' } });
  });

  it('a path without brackets may have them, too', () => {
    expect(mail('a@b.c SIZE=10')).toMatchObject({ address: 'a@b.c', parameters: { SIZE: '10' } });
    expect(mail('a@b.c\tSIZE=10')).toMatchObject({ address: 'a@b.c', parameters: { SIZE: '10' } });
  });
});
