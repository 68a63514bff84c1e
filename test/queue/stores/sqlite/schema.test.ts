import type { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { assertIntact, isCorruption } from '../../../../src/queue/stores/sqlite/schema.ts';

test.each([
  ['SQLITE_CORRUPT', 11, true],
  ['SQLITE_CORRUPT_VTAB', 267, true],
  ['SQLITE_CORRUPT_INDEX', 779, true],
  ['SQLITE_NOTADB', 26, true],
  ['SQLITE_BUSY', 5, false],
  ['SQLITE_FULL', 13, false],
  ['SQLITE_IOERR_READ', 266, false],
  ['SQLITE_CANTOPEN', 14, false],
])('%s (%i) says that the file is damaged: %s', (_name, errcode, damaged) => {
  expect(isCorruption(Object.assign(new Error('said'), { errcode }))).toBe(damaged);
});

test.each([[new Error('no code')], [{ errcode: '11' }], [undefined]])('%s is not an error of SQLite', (error) => {
  expect(isCorruption(error)).toBe(false);
});

/** What is reported of a database whose check says this, or fails this way. */
function checked(check: () => unknown): unknown {
  const db = { prepare: () => ({ get: check }) } as unknown as DatabaseSync;
  try {
    assertIntact(db, 'queue.sqlite');
  } catch (error) {
    return error;
  }
  return undefined;
}

test('a database that its check finds damaged, or that cannot be checked, is told as damaged, with why', () => {
  expect(checked(() => ({ quick_check: 'ok' }))).toBeUndefined();
  const told = { code: 'queue-damaged', message: 'The queue at queue.sqlite is damaged.' };
  expect(checked(() => ({ quick_check: 'row 1 missing' }))).toMatchObject({ ...told, cause: 'row 1 missing' });
  expect(checked(() => undefined)).toMatchObject(told);
  const error = new Error('database disk image is malformed');
  const fails = () => {
    throw error;
  };
  expect(checked(fails)).toMatchObject({ ...told, cause: error });
});
