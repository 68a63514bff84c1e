import { onTestFinished } from 'vitest';
import type { RecordTable } from '../../src/base/record-table.ts';
import { openSqliteStore } from '../../src/queue/stores/sqlite/store.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** The small facts of a queue; opened again at the same folder, those that were written before. */
export function storedRecords(folder = temporaryFolder()): RecordTable {
  const store = openSqliteStore(folder, { exclusive: false });
  onTestFinished(() => store.close());
  return store.records;
}
