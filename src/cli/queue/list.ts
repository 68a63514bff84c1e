import { lineFor, type Waiting, WaitingView } from '../../queue/attempts/waiting.ts';
import type { QueuedMessage } from '../../queue/message.ts';
import type { QueueFilter, QueueStore, QueueTotal } from '../../queue/store.ts';
import type { CliIo } from '../terminal/io.ts';
import { Screen } from '../terminal/screen.ts';
import type { Column } from '../terminal/table.ts';
import { durationText, localTime, timeZoneText } from '../terminal/times.ts';
import { chooses, type QueueRequest } from './request.ts';
import { messages, octets, stateText, troubleOf, whenText } from './text.ts';

/** `mailbridge queue list`: a line for each message, or sums with --summary. */
export async function listQueue(store: QueueStore, request: QueueRequest, io: CliIo): Promise<number> {
  const filter: QueueFilter = chooses(request)
    ? request.filter
    : { states: ['queued', 'held', 'failed', 'quarantined'] };
  if (request.summary) return summarize(await store.totals(filter), request, io);
  const found = await store.list(filter, request.limit);
  const view = new WaitingView(store, { ...request, longestLine: lineFor(found, request.limit) });
  const rows = await Promise.all(found.map(async (message) => ({ message, waiting: await view.of(message) })));
  if (request.json) {
    const entries = rows.map(({ message, waiting }) => (waiting ? { ...message, waiting } : message));
    io.stdout.write(`${JSON.stringify(entries, null, 2)}\n`);
    return 0;
  }
  listed(rows, request, new Screen(io.stdout, io.env));
  return 0;
}

interface Listed {
  readonly message: QueuedMessage;
  readonly waiting: Waiting | undefined;
}

/** A table, followed by each trouble once, under the number that its messages show. */
function listed(rows: readonly Listed[], { nowMs, limit }: QueueRequest, screen: Screen): void {
  if (rows.length === 0) {
    screen.say('no messages');
    return;
  }
  const troubles = Map.groupBy(rows, ({ message, waiting }) => troubleOf(message, waiting) ?? '');
  troubles.delete('');
  const numbers = new Map([...troubles.keys()].map((trouble, index) => [trouble, `[${index + 1}]`]));
  const numberOf = ({ message, waiting }: Listed) => numbers.get(troubleOf(message, waiting) ?? '') ?? '';
  const hasSubjects = rows.some(({ message }) => message.subject !== undefined);
  const shown = columns(nowMs, numberOf).filter(({ heading }) => hasSubjects || heading !== 'SUBJECT');
  screen.table(shown, rows);
  if (numbers.size > 0) screen.blank();
  for (const [trouble, number] of numbers) {
    const count = troubles.get(trouble)?.length ?? 0;
    screen.say(`${number} ${trouble} (${messages(count)})`, { hanging: number.length + 1 });
  }
  screen.blank();
  screen.say(`${messages(rows.length)}; times are ${timeZoneText(nowMs)}. queue show ID shows more of one.`);
  if (rows.length === limit) screen.say('There may be more: --limit N shows more, --summary counts all.');
}

function columns(nowMs: number, numberOf: (row: Listed) => string): Column<Listed>[] {
  return [
    { heading: 'ID', value: ({ message }) => message.id },
    { heading: 'STATE', value: ({ message }) => message.state },
    { heading: 'AGE', value: ({ message }) => durationText(nowMs - message.receivedAtMs), align: 'right' },
    { heading: 'ACCEPTED', value: ({ message }) => localTime(message.receivedAtMs, nowMs), spare: 2 },
    { heading: 'SIZE', value: ({ message }) => octets(message.size), align: 'right', spare: 4 },
    { heading: 'MAILBOX', value: ({ message }) => message.mailbox, least: 22, spare: 3 },
    { heading: 'TO', value: ({ message }) => recipientsText(message), least: 22 },
    { heading: 'SUBJECT', value: ({ message }) => message.subject ?? '', least: 12, spare: 6 },
    { heading: 'TRIES', value: ({ message }) => String(message.attempts), align: 'right', spare: 5 },
    { heading: 'NEXT', value: ({ waiting }) => nextText(waiting, nowMs) },
    { heading: 'WHY', value: numberOf },
  ];
}

function recipientsText({ recipients }: QueuedMessage): string {
  const [first, ...more] = recipients;
  return `${first?.address ?? ''}${more.length > 0 ? ` +${more.length}` : ''}`;
}

function nextText(waiting: Waiting | undefined, nowMs: number): string {
  if (waiting === undefined) return '';
  return waiting.untilMs <= nowMs ? 'now' : whenText(waiting.untilMs, nowMs);
}

function summarize(totals: readonly QueueTotal[], { json, nowMs }: QueueRequest, io: CliIo): number {
  if (json) {
    io.stdout.write(`${JSON.stringify(totals, null, 2)}\n`);
    return 0;
  }
  const screen = new Screen(io.stdout, io.env);
  if (totals.length === 0) {
    screen.say('no messages');
    return 0;
  }
  const oldest = (total: QueueTotal) => whenText(total.oldestReceivedAtMs, nowMs);
  screen.table(
    [
      { heading: 'MAILBOX', value: ({ mailbox }) => mailbox, least: 16 },
      { heading: 'STATE', value: ({ state }) => stateText(state) },
      { heading: 'MESSAGES', value: (total) => String(total.messages), align: 'right' },
      { heading: 'SIZE', value: (total) => octets(total.octets), align: 'right' },
      { heading: 'OLDEST', value: oldest },
    ],
    totals,
  );
  const sum = (value: (total: QueueTotal) => number) => totals.reduce((all, each) => all + value(each), 0);
  screen.blank();
  screen.say(
    `in all: ${messages(sum((each) => each.messages))}, ${octets(sum((each) => each.octets))}; times are ${timeZoneText(nowMs)}`,
  );
  return 0;
}
