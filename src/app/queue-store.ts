import { join } from 'node:path';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/schema.ts';
import type { QueueStore } from '../queue/store.ts';
import { openSqliteStore } from '../queue/stores/sqlite/store.ts';

const megabyte = 1024 * 1024;

/**
 * Opens the queue for the one bridge that delivers from it.
 * @throws BridgeError `queue-unreadable`, `queue-format-newer`, `queue-damaged`
 */
export function openQueueStore({ dataDir, queue }: Config, log: Log): QueueStore {
  return openSqliteStore(join(dataDir, 'queue'), {
    exclusive: true,
    room: {
      minFreeOctets: queue.minFreeMegabytes * megabyte,
      ...(queue.maxMegabytes === undefined ? {} : { maxOctets: queue.maxMegabytes * megabyte }),
      ...(queue.maxMessages === undefined ? {} : { maxMessages: queue.maxMessages }),
    },
    onQuarantined: (id, damage) =>
      log.error(
        { id, code: 'queue-body-damaged' },
        `message ${id} is quarantined: ${damage} Look with mailbridge queue show ${id}; what is left of it: mailbridge queue export ${id}`,
      ),
    onBodiesSetAside: (count, folder) =>
      log.error({ count, folder }, `queue: the database is gone; ${count} bodies that belonged to it are in ${folder}`),
  });
}
