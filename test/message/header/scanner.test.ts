import { describe, expect, it, test } from 'vitest';
import { HeaderScanner } from '../../../src/message/header/scanner.ts';

const field = (length: number) => `${'x'.repeat(length)}: y\r\n`;

/** Where the body starts once this much has arrived and more may follow; undefined while that is unknown. */
function bodyStart(text: string): number | undefined {
  const scanner = new HeaderScanner();
  scanner.scan(Buffer.from(text, 'latin1'), false);
  return scanner.bodyStart;
}

describe('While a header arrives', () => {
  it.each([
    ['', undefined],
    ['Subj', undefined],
    ['Subject : ', undefined],
    ['A: 1\r\n', undefined],
    ['A: 1\r\n\r', undefined],
    ['A: 1\r\n\r\n', 8],
    ['A: 1\n\n', 6],
    ['A: 1\r\n ', undefined],
    ['A: 1\r\n\tgoes on', undefined],
    // What cannot become a field is the body, at once.
    ['no field', 0],
    ['A: 1\r\nno field', 6],
    ['A: 1\r\n:', 6],
    [' goes on from nothing', 0],
    ['A: 1\r\nB\x7f', 6],
    ['A: 1\r\nB\x1f', 6],
    ['A: 1\r\nB!', undefined],
    ['A: 1\r\nB\xff', undefined],
    // The first line of an mbox, or a field with that name.
    ['Fr', undefined],
    ['From ', undefined],
    ['From ann@x.example Mon', undefined],
    ['Front desk', 0],
    ['A: 1\r\nFrom ann', 6],
    ['From ann\r\nFrom bob', 10],
  ])('of %j it is known: %s', (text, expected) => {
    expect(bodyStart(text)).toBe(expected);
  });

  it('a name of 998 characters may be one, and a longer one is none', () => {
    expect(bodyStart('x'.repeat(998))).toBeUndefined();
    expect(bodyStart('x'.repeat(999))).toBe(0);
    expect(bodyStart(`A: 1\r\n${'x'.repeat(999)}`)).toBe(6);
    const scanner = new HeaderScanner();
    scanner.scan(Buffer.from(`${field(998)}${field(999)}`), true);
    expect(scanner.fields).toEqual([{ start: 0, nameEnd: 998, end: 1003 }]);
    expect(scanner.bodyStart).toBe(1003);
  });
});

test('A header has its fields, its mbox line and its empty line where they are, in whatever pieces it arrives', () => {
  const octets = Buffer.from('From x\r\nA: 1\r\n\t2\nB : 3\r\n\r\nC: 4\r\n');
  for (let size = 1; size <= octets.length; size++) {
    const scanner = new HeaderScanner();
    let isFound = false;
    for (let end = size; !isFound; end += size) isFound = scanner.scan(octets.subarray(0, end), false);
    expect(scanner).toMatchObject({ mboxEnd: 8, fieldsEnd: 24, bodyStart: 26 });
    expect(scanner.fields).toEqual([
      { start: 8, nameEnd: 9, end: 17 },
      { start: 17, nameEnd: 18, end: 24 },
    ]);
    expect(scanner.scan(octets, true)).toBe(true);
    expect(scanner.bodyStart).toBe(26);
  }
});

test('Each octet is searched for a line end once, in however small pieces a line arrives', () => {
  const line = Buffer.from(`A: ${'x'.repeat(2000)}`);
  const scanner = new HeaderScanner();
  let searched = 0;
  for (let end = 1; end <= line.length; end++) {
    const octets = line.subarray(0, end);
    octets.indexOf = (value, from) => {
      searched += end - Number(from);
      return Buffer.prototype.indexOf.call(octets, value as number, from as number);
    };
    scanner.scan(octets, false);
  }
  expect(searched).toBe(line.length);
});
