import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { assertWholeCopy, forgetWhatEnded } from '../../queue/stores/sqlite/copy.ts';
import { openSqliteStore } from '../../queue/stores/sqlite/store.ts';

/** What has become of the messages of a restored queue. */
export interface RestoredMessages {
  /** Held by the restore: they waited for their next attempt when the backup was made. */
  readonly held: number;
  /** Already held by an administrator. */
  readonly heldBefore: number;
  /** Waiting for their next attempt. */
  readonly queued: number;
}

/** Ids in one query to the store: SQLite takes 32,766 parameters (its documentation, "Limits"). */
const idsAtOnce = 1000;

/**
 * Prepares a copy of a queue for a bridge that does not know what was sent since. Every waiting message is held, or
 * queued with as much time as it first had. Each is treated as possibly sent, so that its next attempt looks for it
 * first.
 * @param folder of the copy
 * @param withoutBody messages that had lost their content before
 * @returns undefined if there is no queue
 * @throws BridgeError `queue-format-newer`, `queue-damaged`, `queue-body-missing`
 */
export async function readyQueue(
  folder: string,
  withoutBody: readonly string[],
  release: boolean,
): Promise<RestoredMessages | undefined> {
  if (!existsSync(join(folder, 'queue.sqlite'))) return undefined;
  assertWholeCopy(folder, withoutBody);
  const store = openSqliteStore(folder, { exclusive: false });
  const nowMs = Date.now();
  try {
    const heldBefore = await store.count('held');
    const ids = (await store.list({ states: ['queued'] }, Number.MAX_SAFE_INTEGER)).map(({ id }) => id);
    await store.hold({ states: ['queued'] });
    for (let from = 0; release && from < ids.length; from += idsAtOnce) {
      await store.release({ ids: ids.slice(from, from + idsAtOnce) }, nowMs);
    }
    const queued = await store.count('queued');
    return { held: (await store.count('held')) - heldBefore, heldBefore, queued };
  } finally {
    await store.close();
    forgetWhatEnded(folder);
  }
}
