import { BridgeError } from '../../base/errors.ts';
import { type Waiting, WaitingView } from '../../queue/attempts/waiting.ts';
import type { QueueStore } from '../../queue/store.ts';
import type { CliIo } from '../terminal/io.ts';
import { chooses, type QueueRequest } from './request.ts';
import { messages, waitText } from './text.ts';

/** `mailbridge queue retry`: makes queued messages due, and says which of them wait all the same. */
export async function retryMessages(store: QueueStore, request: QueueRequest, io: CliIo): Promise<number> {
  if (!chooses(request)) throw new BridgeError('usage', 'Which messages? Give ids, a filter, or --all.');
  const filter = { ...request.filter, states: ['queued' as const] };
  const count = await store.release(filter, request.nowMs);
  const view = new WaitingView(store, request);
  const waits = (count > 0 ? store.list(filter, count) : []).flatMap((message) => askedFor(view.of(message)));
  const groups = [...Map.groupBy(waits, ({ untilMs }) => untilMs)].sort(([a], [b]) => a - b);
  if (request.json) {
    const waiting = groups.map(([untilMs, group]) => ({ count: group.length, untilMs, reason: group[0]?.reason }));
    io.stdout.write(`${JSON.stringify({ count, ...(waiting.length > 0 && { waiting }) })}\n`);
  } else {
    const due = count - waits.length;
    if (due > 0 || groups.length === 0) io.stdout.write(`${messages(due)} due now\n`);
    for (const [untilMs, group] of groups) {
      const wait = waitText(untilMs, request.nowMs);
      io.stdout.write(`${messages(group.length)} chosen; Microsoft asked to wait until ${wait}\n`);
    }
  }
  return count === 0 && request.filter.ids ? 1 : 0;
}

/** What no command shortens. A retry ends the wait for an administrator, and a bridge probes a connection at once. */
function askedFor(waiting: Waiting | undefined): Waiting[] {
  return waiting?.kind === 'paused' && !waiting.needsAdmin ? [waiting] : [];
}
