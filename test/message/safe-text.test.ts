import { describe, expect, it } from 'vitest';
import { asciiLine, foldedField, hostToken, isAscii, oneLine, wrapLine } from '../../src/message/safe-text.ts';

const x = (count: number) => 'x'.repeat(count);

describe('A name of a host', () => {
  it.each([
    ['mfp-3.contoso.example', 'mfp-3.contoso.example'],
    ['[192.0.2.1]', '[192.0.2.1]'],
    ['[IPv6:2001:db8::1]', '[IPv6:2001:db8::1]'],
    ['SCAN_2', 'SCAN_2'],
    ['a b\r\nBcc: c@d', 'abBcc:cd'],
    ['(;<>"\\,/', 'unknown'],
    ['é', 'unknown'],
    ['', 'unknown'],
    [x(255), x(255)],
    [x(256), x(255)],
  ])('from %j is %j', (text, token) => {
    expect(hostToken(text, 'unknown')).toBe(token);
  });
});

describe('Foreign text on one line', () => {
  it.each([
    ['two\r\nlines', 'two lines'],
    [' \t around \0', 'around'],
    ['a\x01\x1f\x7fb', 'a b'],
    ['a\x80\x9fb', 'a b'],
    ['a\u2028b\u2029c', 'a b c'],
    ['a\u00a0b', 'a\u00a0b'],
    ['half a pair \ud800', 'half a pair \ufffd'],
  ])('%j is %j', (text, line) => {
    expect(oneLine(text)).toBe(line);
  });

  it('is cut after 2,000 characters, or where one says', () => {
    expect(oneLine(x(2001))).toBe(x(2000));
    expect(oneLine(x(9), 8)).toBe(x(8));
    expect(asciiLine(x(2001))).toBe(x(2000));
    expect(asciiLine(x(9), 8)).toBe(x(8));
  });

  it('has a question mark for each character beyond ASCII, where nothing else is taken', () => {
    expect(asciiLine('~ Grüße 😀\r\n!')).toBe('~ Gr??e ? !');
  });
});

it.each([
  ['', true],
  ['\0 ~\x7f', true],
  ['\x80', false],
  ['é', false],
  ['aé', false],
  ['éa', false],
])('%j is ASCII: %s', (text, expected) => {
  expect(isAscii(text)).toBe(expected);
});

describe('A line is wrapped', () => {
  it('at its blanks, after 76 characters', () => {
    expect(wrapLine(`${x(70)} ${x(5)}`)).toEqual([`${x(70)} ${x(5)}`]);
    expect(wrapLine(`${x(70)} ${x(6)}`)).toEqual([x(70), x(6)]);
    expect(wrapLine('a b c', 3)).toEqual(['a b', 'c']);
  });

  it('within a word that is longer than 200 characters, and never within a character', () => {
    expect(wrapLine(x(200))).toEqual([x(200)]);
    expect(wrapLine(x(401))).toEqual([x(200), x(200), 'x']);
    expect(wrapLine(`${x(199)}😀😀`)).toEqual([`${x(199)}😀`, '😀']);
    expect(wrapLine(`a ${x(201)} b`)).toEqual(['a', x(200), 'x b']);
  });

  it('and none is empty', () => {
    expect(wrapLine('')).toEqual([]);
    expect(wrapLine('  ')).toEqual([]);
    expect(wrapLine(`${x(76)}     ${x(76)}`)).toEqual([x(76), x(76)]);
  });
});

describe('A field is folded', () => {
  it('so that something of its value stands on the first line', () => {
    expect(foldedField('Name', x(300))).toBe(`Name: ${x(200)}\r\n ${x(100)}\r\n`);
    expect(foldedField('Name', `${x(70)} y`)).toBe(`Name: ${x(70)}\r\n y\r\n`);
    expect(foldedField('Name', `${x(68)} y`)).toBe(`Name: ${x(68)} y\r\n`);
    expect(foldedField('Name', '')).toBe('Name: \r\n');
  });
});
