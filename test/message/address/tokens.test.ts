import { describe, expect, it } from 'vitest';
import { tokenizeAddresses } from '../../../src/message/address/tokens.ts';

describe('A token of an address field', () => {
  /** Kind, text, and a blank if something preceded. */
  const tokens = (value: string) =>
    tokenizeAddresses(value).tokens.map(({ kind, text, spaced }) => `${spaced ? ' ' : ''}${kind} ${text}`);

  it.each<[string, string[]]>([
    ['a b', ['atom a', ' atom b']],
    ['a\r\n\tb', ['atom a', ' atom b']],
    ['a(c)b', ['atom a', ' atom b']],
    ['a)b', ['atom a', ' atom b']],
    ['a\\b', ['atom a', ' atom b']],
    ['a"b', ['atom a', ' atom b']],
    ['a(b', ['atom a', ' atom b']],
    ['a[b', ['atom a', 'special [', 'atom b']],
    ['a\x7fb', ['atom a', 'special \x7f', 'atom b']],
    ['"a b"c', ['quoted a b', 'atom c']],
    ['"a\r\n b"', ['quoted a b']],
    ['"a\\\\\\"b"', ['quoted a\\"b']],
    ['[a\\]b]', ['literal [a]b]']],
    ['(a\\)b)c', [' atom c']],
    ['((a)b)c', [' atom c']],
    ['"(a)"', ['quoted (a)']],
    ['"(a"b', ['quoted (a', 'atom b']],
    ['[(a]b', ['literal [(a]', 'atom b']],
    ['"a" "b', ['quoted a', ' atom b']],
    ['"a "b" c"', ['quoted a ', 'atom b', 'quoted  c']],
    ['(a "b', [' atom a', ' atom b']],
    ['=?utf-8?Q?a,_b?=', ['atom =?utf-8?Q?a,_b?=']],
    ['=?utf-8?q?a b?=', ['atom =?utf-8?q?a b?=']],
    ['=?UTF-8?b?YQ==?=x', ['atom =?UTF-8?b?YQ==?=', 'atom x']],
    ['=?utf-8?b?Y Q?=', ['atom =?utf-8?b?Y', ' atom Q?=']],
    ['=?utf-8?q?a@b c?=', ['atom =?utf-8?q?a', 'special @', 'atom b', ' atom c?=']],
  ])('%j', (value, expected) => {
    expect(tokens(value)).toEqual(expected);
  });

  it.each([
    ['a', ''],
    ['"a', 'unterminated'],
    ['(a', 'unterminated'],
    ['(a\\)', 'unterminated,strayCharacter'],
    ['"a\\', 'unterminated,strayCharacter'],
    ['((a)', 'unterminated,strayCharacter'],
    ['[a', 'unterminated'],
    ['a)', 'strayCharacter'],
    ['a\\b', 'strayCharacter'],
    ['=?utf-8?q?a.b?=', 'looseEncodedWord'],
    ['=?utf-8?q?a b?=', 'looseEncodedWord'],
    ['=?utf-8?q?a_b?=', ''],
  ])('%j is %s', (value, wrong) => {
    const { unterminated, strayCharacter, looseEncodedWord } = tokenizeAddresses(value);
    const flags = Object.entries({ unterminated, strayCharacter, looseEncodedWord });
    expect(flags.flatMap(([name, isSet]) => (isSet ? [name] : [])).join()).toBe(wrong);
  });

  it('has the first comment before it, as it reads unescaped', () => {
    const { comments } = tokenizeAddresses('(one\\) ) (two) a (b\r\n c) ( d)e(f)');
    expect([...comments]).toEqual([
      [0, 'one)'],
      [1, 'b c'],
      [2, 'f'],
    ]);
  });
});
