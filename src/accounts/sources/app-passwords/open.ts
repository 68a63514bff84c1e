import type { RecordTable } from '../../../base/record-table.ts';
import { AppPasswordFile } from './files/store.ts';
import { AppPasswordRecords } from './records/store.ts';
import type { AppPasswordStore } from './store.ts';

/** App passwords, for those who make and remove them. @param shared undefined: they are in the data folder */
export function openAppPasswords(dataDir: string, shared: RecordTable | undefined): AppPasswordStore {
  return shared ? new AppPasswordRecords(shared) : new AppPasswordFile(dataDir);
}
