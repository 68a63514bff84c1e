import { type Waiting, WaitingView } from '../../queue/attempts/waiting.ts';
import type { QueueStore } from '../../queue/store.ts';
import type { CliIo } from '../terminal/io.ts';
import { Screen } from '../terminal/screen.ts';
import { chooses, type QueueRequest, whichMessages } from './request.ts';
import { messages, whenText } from './text.ts';

/** `mailbridge queue retry`: makes queued messages due, and says which of them wait all the same. */
export async function retryMessages(store: QueueStore, request: QueueRequest, io: CliIo): Promise<number> {
  if (!chooses(request)) throw whichMessages();
  const filter = { ...request.filter, states: ['queued' as const] };
  const count = await store.release(filter, request.nowMs);
  const view = new WaitingView(store, request);
  const queued = count > 0 ? await store.list(filter, count) : [];
  const waits = (await Promise.all(queued.map((message) => view.of(message)))).flatMap(askedFor);
  const groups = [...Map.groupBy(waits, ({ untilMs }) => untilMs)].sort(([a], [b]) => a - b);
  if (request.json) {
    const waiting = groups.map(([untilMs, group]) => ({ count: group.length, untilMs, reason: group[0]?.reason }));
    io.stdout.write(`${JSON.stringify({ count, ...(waiting.length > 0 && { waiting }) })}\n`);
  } else {
    const screen = new Screen(io.stdout, io.env);
    const due = count - waits.length;
    if (due > 0 || groups.length === 0) screen.say(`${messages(due)} due now`);
    for (const [untilMs, group] of groups) {
      const wait = whenText(untilMs, request.nowMs);
      screen.say(`${messages(group.length)} chosen; Microsoft asked to wait until ${wait}`);
    }
  }
  request.note({ changed: count });
  return count === 0 && request.filter.ids ? 1 : 0;
}

/** What no command shortens. A retry ends the wait for an administrator, and a bridge probes a connection at once. */
function askedFor(waiting: Waiting | undefined): Waiting[] {
  return waiting?.kind === 'paused' && !waiting.needsAdmin ? [waiting] : [];
}
