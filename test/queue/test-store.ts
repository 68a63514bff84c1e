import type { QueueStore } from '../../src/queue/store.ts';
import { openSqliteStore } from '../../src/queue/stores/sqlite/store.ts';
import { watched } from '../support/pending.ts';

/** The queue in a folder, opened as by the one bridge that delivers from it; `settle` waits for its answers. */
export function openTestStore(folder: string, { exclusive = true } = {}): QueueStore {
  return watched(openSqliteStore(folder, { exclusive }));
}
