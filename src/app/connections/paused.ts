import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { breakerConnection } from '../../queue/breakers/breakers.ts';
import { openSqliteStore } from '../../queue/stores/sqlite/store.ts';

/**
 * What the running bridge has paused a connection for, if it has, as its queue tells.
 * @throws BridgeError `queue-unreadable`, `queue-format-newer`
 */
export async function pausedConnection({ dataDir }: Config, connection: string): Promise<string | undefined> {
  const folder = join(dataDir, 'queue');
  if (!existsSync(join(folder, 'queue.sqlite'))) return undefined;
  const store = openSqliteStore(folder, { exclusive: false });
  try {
    const open = store.pauses().find(({ key }) => breakerConnection(key) === connection);
    if (!open) return undefined;
    const since = new Date(open.sinceMs).toISOString();
    return `The bridge has paused this connection since ${since}, and its mail waits: ${open.code} ${open.text}`;
  } finally {
    await store.close();
  }
}
