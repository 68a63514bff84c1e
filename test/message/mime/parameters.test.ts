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
    ['', '', {}],
    [';', '', {}],
  ])('%s', (text, value, parameters) => {
    const parsed = parseParameterized(text);
    expect(parsed.value).toBe(value);
    expect(Object.fromEntries(parsed.parameters)).toEqual(parameters);
  });

  it('takes linear time', () => {
    for (const piece of ['(', '()', ' ()', '"', '\\', ';', ';a*0=', ';a*0*=%', "'", '=']) {
      expect(parseParameterized(`a; n=${piece.repeat(100_000)}`).value).toBe('a');
    }
  });
});
