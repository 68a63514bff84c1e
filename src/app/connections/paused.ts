import { BridgeError } from '../../base/errors.ts';
import { answerText } from '../../message/answer-text.ts';
import { breakerConnection, isLeftBehind } from '../../queue/breakers/breakers.ts';
import type { QueueStore } from '../../queue/store.ts';

/** The queue of a bridge, if there is one. */
export interface AskedQueue {
  existing(): Promise<Pick<QueueStore, 'pauses'> | undefined>;
}

/**
 * Why the running bridge has paused a connection, if it has, according to its queue. If the queue cannot be read, the
 * connection is still tried; the hop of the queue reports that.
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
