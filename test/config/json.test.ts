import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JsonSyntaxError, parseJson } from '../../src/config/json.ts';

function accepts(parse: (text: string) => unknown, text: string): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}

test('every JSON value comes back as it was, however it is indented', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(0, 2, '\t'), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      fc.pre(!text.includes('__proto__'));
      expect(parseJson(text).value).toEqual(JSON.parse(text));
    }),
  );
});

/** Plain JSON from a text as people write it, from its strings, comments and commas only. */
function withoutNotes(text: string): string {
  return text
    .replace(/("(?:[^"\\]|\\[\s\S])*")|\/\/[^\r\n]*|\/\*[\s\S]*?\*\//g, (_, string?: string) => string ?? ' ')
    .replace(/("(?:[^"\\]|\\[\s\S])*")|(?<=[^\s[{,:]\s*),(?=\s*[}\]])/g, (_, string?: string) => string ?? '');
}

test('accepts what JSON.parse accepts, comments and trailing commas, and nothing else', () => {
  // Near misses matter most: valid JSON with one piece removed, doubled or inserted.
  const pieces = ['', ',', '"', '}', ']', '{', ' ', '0', '\\', '\u0000', '/', 'e', '-', '.', '// a\n', '/* a */', '/*'];
  const damaged = fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom(...pieces))
    .map(
      ([text, at, insert]) =>
        text.slice(0, at % (text.length + 1)) + insert + text.slice((at % (text.length + 1)) + (at % 2)),
    );
  fc.assert(
    fc.property(fc.oneof(damaged, fc.string()), (text) => {
      fc.pre(!text.includes('__proto__'));
      expect(accepts(parseJson, text)).toBe(accepts(JSON.parse, withoutNotes(text)));
    }),
    { numRuns: 2000 },
  );
});

test('comments and trailing commas stand beside the values, and change none', () => {
  const text = `// the second floor
{
  "a": [1, 2, /* not yet: 3 */], // "b": 1,
  "link": "http://host/*", /**/
} // end`;
  expect(parseJson(text)).toEqual({ value: { a: [1, 2], link: 'http://host/*' }, duplicates: [] });
});

test.each([
  ['{\r\n  "a": 1,\r\n  "b" 2\r\n}', 3, 7, 'expected a colon after the key'],
  ['[1, 2', 1, 6, 'expected a comma or ]'],
  ['[1,,]', 1, 4, 'expected a value'],
  ['[,]', 1, 2, 'expected a value'],
  ['{"a": tru}', 1, 7, 'expected a value'],
  ['{"a":', 1, 6, 'the file ends too early'],
  ['{"a": "x\ny"}', 1, 7, 'a string with a wrong escape, a line break in it, or no end'],
  ['[01]', 1, 3, 'expected a comma or ]'],
  ['{"a": [1}', 1, 9, 'expected a comma or ]'],
  ['{"a": [] "b"', 1, 10, 'expected a comma or }'],
  ['{"a": 1', 1, 8, 'expected a comma or }'],
  ['', 1, 1, 'the file is empty'],
  [' \n ', 2, 2, 'the file is empty'],
  ['[', 1, 2, 'the file ends too early'],
  ['[1, ', 1, 5, 'the file ends too early'],
  ['{', 1, 2, 'expected a key in double quotes'],
  ['{,', 1, 2, 'expected a key in double quotes'],
  ["{'a': 1}", 1, 2, 'expected a key in double quotes'],
  ['{"a": 1,,}', 1, 9, 'expected a key in double quotes'],
  ['{"a": 1,', 1, 9, 'expected a key in double quotes'],
  ['{"a":,}', 1, 6, 'expected a value'],
  ['{"a": ]', 1, 7, 'expected a value'],
  ['[,', 1, 2, 'expected a value'],
  ['{"\\x": 1}', 1, 2, 'a string with a wrong escape, a line break in it, or no end'],
  ['{} "', 1, 4, 'unexpected text after the end'],
  ['// a', 1, 5, 'the file is empty'],
  ['[1 /* a ]', 1, 4, 'the comment has no end'],
  ['/', 1, 1, 'a comment starts with // or /*'],
  ['{} /', 1, 4, 'a comment starts with // or /*'],
  ['# a\n{}', 1, 1, 'expected a value'],
  ['\ufeff[1', 1, 4, 'expected a comma or ]'],
  ['{"__proto__": 1}', 1, 2, 'the key "__proto__" is not allowed'],
  ['['.repeat(101), 1, 101, 'nested deeper than 100 levels'],
])('%j fails at line %i, column %i: %s', (text, line, column, reason) => {
  expect(() => parseJson(text)).toThrow(
    expect.objectContaining({ name: 'JsonSyntaxError', line, column, message: reason }),
  );
});

test('nesting without end is refused before it hurts', () => {
  expect(() => parseJson('['.repeat(100_000))).toThrow(JsonSyntaxError);
  expect(parseJson('['.repeat(50) + ']'.repeat(50)).duplicates).toEqual([]);
});

test('keys written twice are told with their paths, and the last one counts', () => {
  const { value, duplicates } = parseJson('{"a": [{"b": 1, "b": 2}], "a": 3, "c": 4}');
  expect(value).toEqual({ a: 3, c: 4 });
  expect(duplicates).toEqual([['a', 0, 'b'], ['a']]);
});
