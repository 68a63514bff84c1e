import { expect, test } from 'vitest';
import { Numbering } from '../../../src/imap/thread/numbering.ts';

test('equal texts have equal numbers, others have others, and the empty text is 0', () => {
  const numbering = new Numbering();
  const texts = ['a', 'b', 'ä', 'a', '\u{1f600}', '\u{1f600}'.slice(0, 1), '', '\ufffd', 'A', 'b'];
  expect(texts.map((text) => numbering.of(text))).toEqual([1, 2, 3, 1, 4, 5, 0, 6, 7, 2]);
  expect(texts.map((text) => numbering.of(text))).toEqual([1, 2, 3, 1, 4, 5, 0, 6, 7, 2]);
});
