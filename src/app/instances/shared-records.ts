import type { RecordTable } from '../../base/record-table.ts';
import type { Config } from '../../config/schema.ts';
import type { QueueStore } from '../../queue/store.ts';
import { CommandQueue } from '../queue-store.ts';

/**
 * Gives a command the records in which instances keep what they share, sign-ins and app passwords, and the queue.
 * Neither is opened before it is used, so anything that needs no database works without it.
 * @param work its `shared` is undefined if one instance has the data folder, and keeps them there; its calls reject as
 * {@link CommandQueue.open} does
 */
export async function withSharedRecords<T>(
  config: Config,
  work: (shared: RecordTable | undefined, queue: CommandQueue) => Promise<T>,
): Promise<T> {
  const queue = new CommandQueue(config);
  try {
    return await work(config.queue.store === 'sqlite' ? undefined : recordsOf(queue), queue);
  } finally {
    await queue.close();
  }
}

/** The records of a bridge, once the store of its queue is open. @throws BridgeError of the store */
export async function bridgeRecords(
  { queue }: Pick<Config, 'queue'>,
  opening: Promise<QueueStore>,
): Promise<RecordTable | undefined> {
  return queue.store === 'sqlite' ? undefined : (await opening).records;
}

function recordsOf(queue: CommandQueue): RecordTable {
  const opened = async () => (await queue.open()).records;
  return {
    get: async (...of) => (await opened()).get(...of),
    list: async (...of) => (await opened()).list(...of),
    add: async (...record) => (await opened()).add(...record),
    put: async (...record) => (await opened()).put(...record),
    delete: async (...of) => (await opened()).delete(...of),
    purge: async (nowMs) => (await opened()).purge(nowMs),
  };
}
