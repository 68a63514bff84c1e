import { expect, test } from 'vitest';
import { newId } from '../../../src/queue/stores/queue-id.ts';

test('a hundred thousand queue ids, made as fast as can be, differ and are in order', () => {
  const ids = Array.from({ length: 100_000 }, newId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.toSorted()).toEqual(ids);
  expect(ids.every((id) => /^[0-9a-z]{14}$/.test(id))).toBe(true);
});
