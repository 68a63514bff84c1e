import { visibleLine } from '../../base/visible.ts';
import { WaitingView } from '../../queue/attempts/waiting.ts';
import type { QueueFilter, QueueStore, QueueTotal } from '../../queue/store.ts';
import type { CliIo } from '../terminal/io.ts';
import { chooses, type QueueRequest } from './request.ts';
import { listedLine, messages, octets, stateText, time, troubleOf } from './text.ts';

/** `mailbridge queue list`: a line for each message, or sums with --summary. */
export async function listQueue(store: QueueStore, request: QueueRequest, io: CliIo): Promise<number> {
  const filter: QueueFilter = chooses(request)
    ? request.filter
    : { states: ['queued', 'held', 'failed', 'quarantined'] };
  if (request.summary) return summarize(store.totals(filter), request, io);
  const found = store.list(filter, request.limit);
  const view = new WaitingView(store, request);
  if (request.json) {
    const entries = found.map((message) => {
      const waiting = view.of(message);
      return waiting ? { ...message, waiting } : message;
    });
    io.stdout.write(`${JSON.stringify(entries, null, 2)}\n`);
    return 0;
  }
  const troubles = new Set<string>();
  for (const message of found) {
    const waiting = view.of(message);
    const trouble = troubleOf(waiting);
    if (trouble !== undefined) troubles.add(trouble);
    io.stdout.write(`${visibleLine(listedLine(message, waiting))}\n`);
  }
  for (const trouble of troubles) io.stdout.write(`${visibleLine(trouble)}\n`);
  io.stdout.write(found.length === 0 ? 'no messages\n' : `${messages(found.length)}\n`);
  if (found.length === request.limit)
    io.stdout.write(`There may be more: --limit N shows more, --summary counts all.\n`);
  return 0;
}

function summarize(totals: readonly QueueTotal[], { json }: QueueRequest, io: CliIo): number {
  if (json) {
    io.stdout.write(`${JSON.stringify(totals, null, 2)}\n`);
    return 0;
  }
  for (const total of totals) {
    const oldest = `oldest ${time(total.oldestReceivedAtMs)}`;
    io.stdout.write(
      `${total.mailbox}: ${messages(total.messages)} ${stateText(total.state)}, ${octets(total.octets)}, ${oldest}\n`,
    );
  }
  const sum = (value: (total: QueueTotal) => number) => totals.reduce((all, each) => all + value(each), 0);
  const all = totals.length === 0 ? 'no messages' : messages(sum((each) => each.messages));
  io.stdout.write(totals.length === 0 ? `${all}\n` : `in all: ${all}, ${octets(sum((each) => each.octets))}\n`);
  return 0;
}
