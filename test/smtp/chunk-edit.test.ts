import { expect, test } from 'vitest';
import { ChunkEdit } from '../../src/smtp/chunk-edit.ts';

/** The edited chunk, and whether its octets are still the chunk's own. */
function edited(text: string, edit: (edit: ChunkEdit) => void, end = text.length) {
  // Not from the memory that buffers share.
  const chunk = Buffer.alloc(text.length, text);
  const chunkEdit = new ChunkEdit(chunk);
  edit(chunkEdit);
  const result = chunkEdit.finish(end);
  return { text: result.toString(), isOwn: result.buffer === chunk.buffer };
}

test('without a change it is the chunk itself, up to its end', () => {
  expect(edited('abc', () => {})).toEqual({ text: 'abc', isOwn: true });
  expect(edited('abc', () => {}, 2)).toEqual({ text: 'ab', isOwn: true });
});

test('with octets left out at its beginning alone nothing is copied', () => {
  const skips = (edit: ChunkEdit) => {
    edit.skip(0);
    edit.skip(1);
  };
  expect(edited('..abc', skips)).toEqual({ text: 'abc', isOwn: true });
  expect(edited('..', skips)).toEqual({ text: '', isOwn: true });
});

test('octets are left out wherever they stand, in their order', () => {
  const skips = (edit: ChunkEdit) => {
    for (const position of [0, 3, 6]) edit.skip(position);
  };
  expect(edited('.ab.cd.', skips)).toEqual({ text: 'abcd', isOwn: false });
  expect(edited('.ab.cd.e', skips, 7).text).toBe('abcd');
});

test('line ends are put in before an octet, at the beginning and at the end', () => {
  expect(edited('ab', (edit) => edit.insertLineEnd(1)).text).toBe('a\r\nb');
  const ends = (edit: ChunkEdit) => {
    edit.insertLineEnd(0);
    edit.insertLineEnd(0);
    edit.insertLineEnd(2);
  };
  expect(edited('ab', ends).text).toBe('\r\n\r\nab\r\n');
});

test('an LF is replaced by a line end', () => {
  const replace = (edit: ChunkEdit) => {
    edit.skip(1);
    edit.insertLineEnd(2);
  };
  expect(edited('a\nb', replace).text).toBe('a\r\nb');
});

test('as many line ends fit as are put in, however small the chunk is', () => {
  const lines = 10_000;
  const text = edited('ab', (edit) => {
    for (let line = 0; line < lines; line++) edit.insertLineEnd(1);
  }).text;
  expect(text).toBe(`a${'\r\n'.repeat(lines)}b`);
  const between = 'x'.repeat(3_000);
  const all = edited(between, (edit) => {
    for (let at = 1; at < between.length; at++) edit.insertLineEnd(at);
  }).text;
  expect(all).toBe(between.split('').join('\r\n'));
});
