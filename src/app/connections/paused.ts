import { BridgeError } from '../../base/errors.ts';
import { answerText } from '../../message/answer-text.ts';
import { breakerConnection, isLeftBehind } from '../../queue/breakers/breakers.ts';
import type { QueueStore } from '../../queue/store.ts';

/** The queue of a bridge, where there is one. */
export interface AskedQueue {
  existing(): Promise<Pick<QueueStore, 'pauses'> | undefined>;
}

/**
 * What the running bridge has paused a connection for, if it has, as its queue tells. A queue that cannot be asked keeps
 * nobody from trying the connection; the hop of the queue tells of it.
 */
export async function pausedConnection(queue: AskedQueue, connection: string): Promise<string | undefined> {
  try {
    const pauses = (await (await queue.existing())?.pauses()) ?? [];
    const open = pauses.find((each) => breakerConnection(each.key) === connection && !isLeftBehind(each, Date.now()));
    if (!open) return undefined;
    const since = new Date(open.sinceMs).toISOString();
    return `The bridge has paused this connection since ${since}, and its mail waits: ${answerText(open)}`;
  } catch (error) {
    if (error instanceof BridgeError) return undefined;
    throw error;
  }
}
