import { type WaitingOptions, WaitingView } from '../../queue/attempts/waiting.ts';
import type { QueueFilter, QueueStore } from '../../queue/store.ts';
import type { CliIo } from '../terminal/io.ts';
import { Screen } from '../terminal/screen.ts';
import { chooses, type QueueRequest, whichMessages } from './request.ts';
import { messages, whenText } from './text.ts';

/** `mailbridge queue retry`: makes queued messages due, and reports which of them still wait. */
export async function retryMessages(store: QueueStore, request: QueueRequest, io: CliIo): Promise<number> {
  if (!chooses(request)) throw whichMessages();
  const filter = { ...request.filter, states: ['queued' as const] };
  const count = await store.release(filter, request.nowMs);
  const groups = count > 0 ? await askedToWait(store, filter, request) : [];
  const waits = groups.reduce((sum, group) => sum + group.count, 0);
  if (request.json) {
    io.stdout.write(`${JSON.stringify({ count, ...(groups.length > 0 && { waiting: groups }) })}\n`);
  } else {
    const screen = new Screen(io.stdout, io.env);
    const due = count - waits;
    if (due > 0 || groups.length === 0) screen.say(`${messages(due)} due now`);
    for (const group of groups) {
      const wait = whenText(group.untilMs, request.nowMs);
      screen.say(`${messages(group.count)} chosen; Microsoft asked to wait until ${wait}`);
    }
  }
  request.note({ changed: count });
  return count === 0 && request.filter.ids ? 1 : 0;
}

interface AskedToWait {
  count: number;
  readonly untilMs: number;
  readonly reason: string;
}

const readAtOnce = 1000;

/**
 * How many messages still wait, by the time until which they do: no command shortens that. A retry ends the wait for an
 * administrator, and a bridge probes a connection at once.
 */
async function askedToWait(store: QueueStore, filter: QueueFilter, options: WaitingOptions): Promise<AskedToWait[]> {
  const view = new WaitingView(store, options);
  if (!(await view.hasTrouble())) return [];
  const groups = new Map<number, AskedToWait>();
  for (let beforeId: string | undefined; ; ) {
    const page = await store.page(filter, { limit: readAtOnce, ...(beforeId !== undefined && { beforeId }) });
    for (const message of page.messages) {
      const waiting = await view.troubleOf(message);
      if (waiting?.kind !== 'paused' || waiting.needsAdmin) continue;
      const { untilMs, reason } = waiting;
      const group = groups.get(untilMs) ?? { count: 0, untilMs, reason };
      group.count++;
      groups.set(untilMs, group);
    }
    if (page.next === undefined) return [...groups.values()].sort((a, b) => a.untilMs - b.untilMs);
    beforeId = page.next;
  }
}
