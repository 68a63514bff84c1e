import { describe, expect, it } from 'vitest';
import { decodeText, isKnownCharset } from '../../../src/message/mime/charset.ts';

describe('Text in a charset', () => {
  it.each<[string | undefined, string, string]>([
    ['utf-8', '\xc3\xbc', 'ü'],
    ['utf8', '\xef\xbb\xbfa', 'a'],
    ['ISO-8859-1', 'a\xfc\x80', 'aü€'],
    ['iso-8859-2', '\xb1', 'ą'],
    ['cp1251', '\xcf', 'П'],
    ['shift_jis', '\x93\xfa', '日'],
    ['iso-2022-jp', '\x1b$BF|\x1b(B', '日'],
    ['gb2312', '\xd6\xd0', '中'],
    ['utf-16be', '\x00a', 'a'],
    ['utf-16', '\xfe\xff\x00a', 'a'],
    ['utf-16', '\xff\xfea\x00', 'a'],
    ['utf-16', 'a\x00', 'a'],
    ['utf-16le', '\xfe\xff\x00a', 'a'],
    ['utf-16be', '\xff\xfea\x00', 'a'],
    ['utf-16', '\xef\xbb\xbf\xc3\xbc', 'ü'],
    ['iso-8859-1', '\xef\xbb\xbf\xc3\xbc', 'ü'],
    ['iso-8859-1', '\xef\xbb\xbf\xfc', 'ï»¿ü'],
    [undefined, '\xff\xfea\x00', 'a'],
    ['us-ascii', 'plain', 'plain'],
    ['us-ascii', '\x93x\x94', '“x”'],
    ['us-ascii', '\xc3\xbc', 'ü'],
    [undefined, '\xfc', 'ü'],
    ['unknown-8bit', '\xe2\x82\xac', '€'],
    ['utf-8', 'Gr\xfc\xdfe', 'Grüße'],
  ])('%s %j is %s', (charset, octets, text) => {
    expect(isKnownCharset(charset)).toBe(true);
    expect(decodeText(Buffer.from(octets, 'latin1'), charset)).toBe(text);
  });

  it.each(['', 'US-ASCII', 'ascii', 'unknown-8bit', 'x-unknown', 'unknown', '8bit', '7bit', 'default', ' Default '])(
    '%j says no more than that there are octets above 127: they are UTF-8 where they can be, else Windows-1252',
    (charset) => {
      expect(isKnownCharset(charset)).toBe(true);
      expect(decodeText(Buffer.from('ü'), charset)).toBe('ü');
      expect(decodeText(Buffer.from('\x93\xfc\x94', 'latin1'), charset)).toBe('“ü”');
    },
  );

  it('is named in any case, blanks around', () => {
    expect(decodeText(Buffer.from('\xcf', 'latin1'), ' Windows-1251\t')).toBe('П');
  });

  it.each(['utf-7', 'ibm-850', 'x-mac-klingon', 'iso-2022-kr'])('%s is not known', (charset) => {
    expect(isKnownCharset(charset)).toBe(false);
  });
});
