import { expect, test } from 'vitest';
import { isCorruption } from '../../../../src/queue/stores/sqlite/schema.ts';

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
