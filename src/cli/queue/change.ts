import type { QueueFilter, QueueStore } from '../../queue/store.ts';
import { chooses, type QueueAction, whichMessages } from './request.ts';
import { messages, noneOfThese } from './text.ts';

/** An action that changes messages and reports how many. */
function change(
  done: string,
  apply: (store: QueueStore, filter: QueueFilter, nowMs: number) => Promise<number>,
): QueueAction {
  return async (store, request, io) => {
    if (!chooses(request)) throw whichMessages();
    const count = await apply(store, request.filter, request.nowMs);
    request.note({ changed: count });
    const why = count === 0 && request.filter.ids ? noneOfThese : '';
    io.stdout.write(request.json ? `${JSON.stringify({ count })}\n` : `${messages(count)} ${done}${why}\n`);
    return count === 0 && request.filter.ids ? 1 : 0;
  };
}

/** Holds queued messages back. */
export const holdMessages = change('held', (store, filter) => store.hold(filter));

/** Queues held or failed messages again, and damaged ones if they are named. */
export const releaseMessages = change('released', (store, filter, nowMs) => {
  const states = filter.states ?? (filter.ids ? ['held', 'failed', 'quarantined'] : ['held', 'failed']);
  return store.release({ ...filter, states: states.filter((state) => state !== 'queued') }, nowMs);
});
