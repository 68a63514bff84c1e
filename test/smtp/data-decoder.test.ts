import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataDecoder, type EndOfData } from '../../src/smtp/data-decoder.ts';

/** What a decoder makes of octets in pieces: the content, and what follows the end, if there is one. */
function decode(pieces: readonly string[], endOfData?: EndOfData) {
  const decoder = new DataDecoder(endOfData);
  let content = '';
  for (const [index, piece] of pieces.entries()) {
    const octets = Buffer.from(piece, 'latin1');
    const decoded = decoder.push(octets);
    content += decoded.content.toString('latin1');
    if (decoded.endsAt !== undefined) {
      const rest = octets.toString('latin1', decoded.endsAt) + pieces.slice(index + 1).join('');
      return { content, rest, fault: decoder.fault };
    }
  }
  return { content, rest: undefined, fault: decoder.fault, wrongEnd: decoder.wrongEnd?.form };
}

/** The same with regular expressions, on the whole text at once. */
function expected(text: string, endOfData: EndOfData) {
  const pattern = endOfData === 'crlf' ? /(?<=^|\r\n)\.\r\n/ : /(?<=^|\n)\.\r?\n/;
  const end = pattern.exec(text);
  const before = end ? text.slice(0, end.index) : text;
  // A run of CRs at the very end belongs to a line end that has not come yet, and so does a single dot.
  const whole = end ? before : before.replace(/(?<=^|[\r\n])\.?\r*$|\r+$/, '');
  const content = whole
    .replace(/\r*\n|\r/g, '\n')
    .split('\n')
    .filter((line, index, lines) => line !== '.' || index === lines.length - 1)
    .map((line) => line.replace(/^\./, ''))
    .join('\r\n');
  return { content, rest: end ? text.slice(end.index + end[0].length) : undefined };
}

const onePiece = (text: string) => [text];
const inTwo = (text: string) => Array.from({ length: text.length }, (_, i) => [text.slice(0, i), text.slice(i)]);

describe('a message as DATA carries it', () => {
  it.each([
    ['its lines and its end', 'a\r\nb\r\n.\r\nNOOP\r\n', 'a\r\nb\r\n', 'NOOP\r\n'],
    ['no line at all', '.\r\nNOOP\r\n', '', 'NOOP\r\n'],
    ['stuffed dots', '..\r\n...a\r\n.b\r\n.\r\n', '.\r\n..a\r\nb\r\n', ''],
    ['lines that end in LF', 'S: x\n\na\n..b\nc\r\n.\r\n', 'S: x\r\n\r\na\r\n.b\r\nc\r\n', ''],
    ['lines that end in CR', 'S: x\r\ra\r..b\rc\r\n.\r\n', 'S: x\r\n\r\na\r\n.b\r\nc\r\n', ''],
    ['CR CR LF for one line end', 'S: x\r\r\n\r\r\na\r\r\n.\r\n', 'S: x\r\n\r\na\r\n', ''],
    ['a long row of CRs', `a${'\r'.repeat(20)}\n.\r\n`, `a${'\r\n'.repeat(17)}`, ''],
    ['lines in LF and a whole end behind the last', 'a\nb\n\r\n.\r\n', 'a\r\nb\r\n\r\n', ''],
  ])('holds %s', (_name, octets, content, rest) => {
    for (const pieces of [onePiece(octets), ...inTwo(octets), [...octets]]) {
      expect(decode(pieces)).toMatchObject({ content, rest });
    }
  });

  it.each([
    ['\n.\n', '<LF>.<LF>'],
    ['\n.\r\n', '<LF>.<CR><LF>'],
    ['\r\n.\n', '<CR><LF>.<LF>'],
    ['\r.\r', '<CR>.<CR>'],
    ['\r\n.\r', '<CR><LF>.<CR>'],
    ['\r.\r\n', '<CR>.<CR><LF>'],
    ['\n.\r', '<LF>.<CR>'],
    ['\r.\n', '<CR>.<LF>'],
    ['\r\n.\r\r\n', '<CR><LF>.<CR><LF>'],
  ])('does not end with %j, and the dot is left out', (end, form) => {
    const octets = `a${end}b\r\n.\r\n`;
    for (const pieces of [onePiece(octets), ...inTwo(octets), [...octets]]) {
      expect(decode(pieces)).toMatchObject({ content: 'a\r\nb\r\n', rest: '' });
    }
    for (const pieces of inTwo(`a${end}`)) expect(decode(pieces)).toMatchObject({ rest: undefined, wrongEnd: form });
    for (const pieces of inTwo(`a${end}QUIT\r\n`)) expect(decode(pieces).wrongEnd).toBe(form);
    for (const pieces of inTwo(`a${end}b`)) expect(decode(pieces).wrongEnd).toBeUndefined();
    for (const pieces of inTwo(`a${end}\n\n\n\n\n\n\n\nb`)) expect(decode(pieces).wrongEnd).toBeUndefined();
  });

  it.each(['\r\n\0.\r\n', '\r\n.\0\r\n', '\r\n.\r\0\n', '\r\0\n.\r\n', '\r\n.. \r\n', '\r\n . \r\n'])(
    'does not end with %j',
    (end) => {
      for (const pieces of inTwo(`a${end}b\r\n.\r\n`)) {
        const { content, rest } = decode(pieces);
        expect(content.endsWith('b\r\n')).toBe(true);
        expect(rest).toBe('');
      }
    },
  );

  it.each([
    ['\n.\n', true],
    ['\r\n.\n', true],
    ['\n.\r\n', true],
    ['\r\n.\r\n', true],
    ['\r.\r', false],
    ['\r.\n', false],
    ['\n.\r', false],
    ['\r.\r\n', false],
  ])('ends with %j where LF is taken: %s', (end, ends) => {
    for (const pieces of inTwo(`a${end}NOOP\r\n.\r\n`)) {
      expect(decode(pieces, 'lf').rest).toBe(ends ? 'NOOP\r\n.\r\n' : '');
    }
  });

  it('knows no wrong end in a dot that may be stuffing', () => {
    expect(decode(['a\r\n.']).wrongEnd).toBeUndefined();
    expect(decode(['a\r\n', '.', 'b']).wrongEnd).toBeUndefined();
  });

  it('says which line end was the first that is not CRLF', () => {
    expect(decode(['a\r\nb\nc\rd\r\n.\r\n']).fault).toBe('bare-lf');
    expect(decode(['a\r\nb\rc\nd\r\n.\r\n']).fault).toBe('bare-cr');
    expect(decode(['a\r\r\n.\r\n']).fault).toBe('bare-cr');
    expect(decode(['a\r\n..b\r\n.\r\n']).fault).toBeUndefined();
  });

  it('says the same however the octets are cut, has no bare CR or LF in it, and ends where the octets end it', () => {
    const octets = fc.array(fc.constantFrom('\r\n', '\r', '\n', '.', 'a', '\r\n.', '\n.', '\r\n.\r\n'), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(octets, fc.array(fc.nat(4)), fc.constantFrom('crlf', 'lf'), (parts, cuts, endOfData) => {
        const text = parts.join('');
        const pieces: string[] = [];
        let position = 0;
        for (const cut of cuts) {
          pieces.push(text.slice(position, position + cut));
          position += cut;
        }
        pieces.push(text.slice(position));
        const { content, rest } = decode(pieces, endOfData);
        expect({ content, rest }).toEqual(expected(text, endOfData));
        expect(/\r(?!\n)|(?<!\r)\n/.test(content)).toBe(false);
        expect(decode(pieces, endOfData)).toEqual(decode([text], endOfData));
      }),
      { numRuns: 5000 },
    );
  });

  it('hands on the chunk itself where nothing is to be changed', () => {
    const chunk = Buffer.from('a\r\nb\r\n.');
    expect(new DataDecoder().push(chunk).content.buffer).toBe(chunk.buffer);
  });
});
