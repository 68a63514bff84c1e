import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { columnsOf, copyRow, readableRows } from '../../../../src/queue/stores/sqlite/salvage.ts';

/** A table with rows 1 to `count`, of which some cannot be read: what stands before them cannot be passed. */
function damagedTable(count: number, ...unreadable: readonly number[]): DatabaseSync {
  return {
    prepare: () => ({
      get(after: number) {
        if (unreadable.includes(after + 1)) throw new Error('database disk image is malformed');
        return after < count ? { rowid: after + 1 } : undefined;
      },
    }),
  } as unknown as DatabaseSync;
}

const rowsOf = (db: DatabaseSync) => [...readableRows(db, 'messages')].map(({ rowid }) => rowid);

function memory(sql: string): DatabaseSync {
  const db = new DatabaseSync(':memory:');
  onTestFinished(() => db.close());
  db.exec(sql);
  return db;
}

test.each([
  ['nothing', [], [1, 2, 3, 4, 5, 6, 7]],
  ['the first row', [1], [2, 3, 4, 5, 6, 7]],
  ['one row', [3], [1, 2, 4, 5, 6, 7]],
  ['two rows in a run', [3, 4], [1, 2, 5, 6, 7]],
  ['two runs', [2, 5, 6], [1, 3, 4, 7]],
  ['every other row', [2, 4, 6], [1, 3, 5, 7]],
])('with %s torn out every other row is there', (_, unreadable, left) => {
  expect(rowsOf(damagedTable(7, ...unreadable))).toEqual(left);
});

test('where nothing can be read any more, it ends', () => {
  const db = {
    prepare: () => ({
      get: () => {
        throw new Error('malformed');
      },
    }),
  } as unknown as DatabaseSync;
  expect(rowsOf(db)).toEqual([]);
});

test('a table that is not there has no rows', () => {
  expect(rowsOf(memory('CREATE TABLE other (a)'))).toEqual([]);
});

test('a row is copied as far as the new table knows its columns; one that does not fit is told', () => {
  const db = memory('CREATE TABLE messages (id TEXT PRIMARY KEY, size INTEGER DEFAULT 7) STRICT');
  const columns = columnsOf(db, 'messages');
  expect(columns).toEqual(['id', 'size']);
  expect(copyRow(db, 'messages', columns, { rowid: 1, id: 'a', gone: 'x' })).toBe(true);
  expect(copyRow(db, 'messages', columns, { rowid: 2, id: 'a', size: 1 })).toBe(false);
  expect(copyRow(db, 'messages', columns, { rowid: 3, id: 'b', size: 'no number' })).toBe(false);
  expect(db.prepare('SELECT * FROM messages').all()).toEqual([{ id: 'a', size: 7 }]);
});
