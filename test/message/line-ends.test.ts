import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CrlfChecker, LineEndError } from '../../src/message/line-ends.ts';

function verdict(chunks: readonly (string | Buffer)[], maxBytes?: number): string {
  const checker = new CrlfChecker(maxBytes);
  try {
    for (const chunk of chunks) checker.push(Buffer.from(chunk as string, 'latin1'));
    checker.end();
    return `fine ${checker.octets} ${checker.endsWithCrlf ? 'whole lines' : 'cut line'}`;
  } catch (error) {
    if (!(error instanceof LineEndError)) throw error;
    return `${error.kind} at ${error.offset}`;
  }
}

describe('CrlfChecker', () => {
  it.each([
    [['a\r\nb\r\n'], 'fine 6 whole lines'],
    [[], 'fine 0 cut line'],
    [['a'], 'fine 1 cut line'],
    [['a\r', '\nb'], 'fine 4 cut line'],
    [['a\r', '\n'], 'fine 3 whole lines'],
    [['a\r', '', '\n'], 'fine 3 whole lines'],
    [['\r\n\r\n\r\n'], 'fine 6 whole lines'],
    [['a\n'], 'bare-lf at 1'],
    [['\n'], 'bare-lf at 0'],
    [['a', '\n'], 'bare-lf at 1'],
    [['a\r\n', '\n'], 'bare-lf at 3'],
    [['a\r\n\n'], 'bare-lf at 3'],
    [['a\rb'], 'bare-cr at 1'],
    [['a\r', 'b'], 'bare-cr at 1'],
    [['a\r', '\r\n'], 'bare-cr at 1'],
    [['a\r\r\n'], 'bare-cr at 1'],
    [['ab\r'], 'bare-cr at 2'],
    [['x\rx\ny\r\n'], 'bare-cr at 1'],
    [['one\r\n', 'mail\n.\r\nMAIL FROM:<x@y>\r\n'], 'bare-lf at 9'],
    [['one\r\n', 'mail\r.\r\n'], 'bare-cr at 9'],
  ])('%j is %s', (chunks, expected) => {
    expect(verdict(chunks)).toBe(expected);
  });

  it('accepts exactly as many octets as allowed', () => {
    expect(verdict(['abc', 'de\r\n'], 7)).toBe('fine 7 whole lines');
    expect(verdict(['abc', 'de\r\n'], 6)).toBe('too-large at 6');
  });

  it('says the same however the octets are cut into chunks', () => {
    const octets = fc.array(fc.constantFrom('\r\n', '\r\n', '\r\n', 'a', 'bc', '\r', '\n', '.'), { maxLength: 12 });
    fc.assert(
      fc.property(octets, fc.array(fc.nat(3)), (parts, cuts) => {
        const text = parts.join('');
        const chunks: string[] = [];
        let position = 0;
        for (const cut of cuts) {
          chunks.push(text.slice(position, position + cut));
          position += cut;
        }
        chunks.push(text.slice(position));
        const first = /\r(?!\n)|(?<!\r)\n/.exec(text);
        const expected = first ? `bare-${first[0] === '\n' ? 'lf' : 'cr'} at ${first.index}` : 'fine';
        expect(verdict(chunks).startsWith(expected)).toBe(true);
        expect(verdict(chunks)).toBe(verdict([text]));
      }),
      { numRuns: 2000 },
    );
  });
});
