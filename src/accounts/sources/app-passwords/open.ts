import type { RecordTable } from '../../../base/record-table.ts';
import { AppPasswordFile } from './files/store.ts';
import { AppPasswordRecords } from './records/store.ts';
import type { AppPasswordStore } from './store.ts';

/**
 * Opens the app passwords for commands that make and remove them.
 * @param shared undefined if they are in the data folder
 */
export function openAppPasswords(dataDir: string, shared: RecordTable | undefined): AppPasswordStore {
  return shared ? new AppPasswordRecords(shared) : new AppPasswordFile(dataDir);
}
