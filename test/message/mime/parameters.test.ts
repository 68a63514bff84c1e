import { describe, expect, it } from 'vitest';
import { parseParameterized } from '../../../src/message/mime/parameters.ts';

describe('A value with parameters', () => {
  it.each<[string, string, Record<string, string>]>([
    ['Text/Plain; Charset=UTF-8', 'text/plain', { charset: 'UTF-8' }],
    ['multipart/mixed; boundary="a;b=\\"c"', 'multipart/mixed', { boundary: 'a;b="c' }],
    ['text/plain (plain; text=x); charset=utf-8 (of (course))', 'text/plain', { charset: 'utf-8' }],
    ['attachment; filename=my report.pdf ; x', 'attachment', { filename: 'my report.pdf' }],
    ['attachment; filename=report(1).pdf; x=y(z)', 'attachment', { filename: 'report(1).pdf', x: 'y' }],
    ['a/b; Name = my report (1).pdf', 'a/b', { name: 'my report (1).pdf' }],
    ['a/b; name="x.pdf" (a name); n=y', 'a/b', { name: 'x.pdf', n: 'y' }],
    ['a/b; (name=x) n=y(z)', 'a/b', { n: 'y' }],
    ['a; filename*0=report(; filename*1=1).pdf', 'a', { filename: 'report(1).pdf' }],
    ['a/b; n=one; n=two', 'a/b', { n: 'one' }],
    ['a/b;n = "x" ;;', 'a/b', { n: 'x' }],
    ['a/b; n="open', 'a/b', { n: 'open' }],
    ["a; filename*=utf-8'de'%C3%9Cber%20x.pdf", 'a', { filename: 'Über x.pdf' }],
    ["a; filename*=ISO-8859-1''%DCber; filename=Uber", 'a', { filename: 'Über' }],
    ["a; filename=Uber; filename*=utf-8''%C3%9Cber", 'a', { filename: 'Über' }],
    ["a; filename*1*=%BCr; filename*0*=utf-8''f%C3", 'a', { filename: 'für' }],
    ['a; n*0*=utf-8\'\'%C3%A4; n*1=%20; n*2="c d"', 'a', { n: 'ä%20c d' }],
    ['a; n*0=one; n*1=two', 'a', { n: 'onetwo' }],
    ["a; n*=x-unknown''%41", 'a', { n: 'A' }],
    ['a; n*=%zz', 'a', { n: '%zz' }],
    // Names and signs.
    ['a;=x; =x; y; z=', 'a', { z: '' }],
    ['a; n=x=y', 'a', { n: 'x=y' }],
    ['a ; N = x', 'a', { n: 'x' }],
    ['a; n="x" y; m="x\\"y', 'a', { n: 'x', m: 'x"y' }],
    ['a; n=x"y', 'a', { n: 'x"y' }],
    ['a; n="a\\\\b\\;c"', 'a', { n: 'a\\b;c' }],
    ['a; n=x\\;y=z', 'a', { n: 'x\\;y=z' }],
    ['a\\', 'a\\', {}],
    // Comments, RFC 5322 section 3.2.2, which are no part of a file name.
    ['a(b(c)d)e; n=(x)y', 'ae', { n: 'y' }],
    ['a(\\)b)c', 'ac', {}],
    ['a)b; n=x)y', 'a)b', { n: 'x)y' }],
    ['a (open; n=x', 'a', {}],
    ['a; FILENAME=x(1).pdf; n=y(2)', 'a', { filename: 'x(1).pdf', n: 'y' }],
    ['a; NAME*1=(1)', 'a', { name: '(1)' }],
    ['a; filename2=x(1).pdf; xname=y(2); names=z(3)', 'a', { filename2: 'x.pdf', xname: 'y', names: 'z' }],
    ['a; n=name=(x)', 'a', { n: 'name=' }],
    // Pieces, RFC 2231.
    [
      `a; ${Array.from({ length: 12 }, (_, index) => `n*${11 - index}=${(11 - index).toString(16)}`).join('; ')}`,
      'a',
      { n: '0123456789ab' },
    ],
    ["a; n*0=utf-8'de'x; n*1=y", 'a', { n: "utf-8'de'xy" }],
    ["a; n*0*='de'%41; n*1*=%42", 'a', { n: "'de'AB" }],
    ["a; n*0*=utf-8'de'%41'%42; n*1*=x'y'z", 'a', { n: "A'Bx'y'z" }],
    ["a; n*0=x; n*1*=utf-8''y%41", 'a', { n: "xutf-8''yA" }],
    ['a; n*1234=x', 'a', { 'n*1234': 'x' }],
    ['a; *0=x', 'a', { '*0': 'x' }],
    ["a; n*=utf-8''%4a%zz%4", 'a', { n: 'J%zz%4' }],
    ["a; n*=utf-8''ü", 'a', { n: 'ü' }],
    ["a; n*=x-unknown''%FC", 'a', { n: 'ü' }],
    ['', '', {}],
    [';', '', {}],
  ])('%s', (text, value, parameters) => {
    const parsed = parseParameterized(text);
    expect(parsed.value).toBe(value);
    expect(Object.fromEntries(parsed.parameters)).toEqual(parameters);
  });

  it('is told as written, too, each piece under its own name', () => {
    const { written } = parseParameterized('a; n*1="b c"; N*0*=utf-8\'\'%41; m=x; m=y');
    expect([...written]).toEqual([
      ['n*1', 'b c'],
      ['n*0*', "utf-8''%41"],
      ['m', 'x'],
    ]);
  });

  it('takes linear time', () => {
    for (const piece of ['(', '()', ' ()', '"', '\\', ';', ';a*0=', ';a*0*=%', "'", '=']) {
      expect(parseParameterized(`a; n=${piece.repeat(100_000)}`).value).toBe('a');
    }
  });
});
