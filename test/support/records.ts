import { onTestFinished } from 'vitest';
import type { RecordTable } from '../../src/base/record-table.ts';
import { openSqliteStore } from '../../src/queue/stores/sqlite/store.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** A queue's table of small records; if opened again at the same folder, with the records written before. */
export function storedRecords(folder = temporaryFolder()): RecordTable {
  const store = openSqliteStore(folder, { exclusive: false });
  onTestFinished(() => store.close());
  return store.records;
}
