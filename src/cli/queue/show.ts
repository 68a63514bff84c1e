import { BridgeError } from '../../base/errors.ts';
import { visibleLine } from '../../base/visible.ts';
import { WaitingView } from '../../queue/attempts/waiting.ts';
import type { AttemptRecord, QueuedMessage } from '../../queue/message.ts';
import type { QueueStore } from '../../queue/store.ts';
import { type Drops, dropsFile, readDrops } from '../../submission/duplicate-drops.ts';
import type { CliIo } from '../terminal/io.ts';
import { chooses, type QueueRequest } from './request.ts';
import { messageLine, time } from './text.ts';

/** `mailbridge queue show`: everything about each message, every recipient and attempt with it. */
export async function showMessages(store: QueueStore, request: QueueRequest, io: CliIo): Promise<number> {
  if (!chooses(request)) throw new BridgeError('usage', 'Which messages? Give ids, a filter, or --all.');
  const found = store.list(request.filter, request.limit);
  const lost = request.ids.filter((id) => !found.some((message) => message.id === id));
  const view = new WaitingView(store, request);
  const drops = readDrops(dropsFile(request.folder));
  const entries = found.map((message) => ({
    message,
    waiting: view.of(message),
    attempts: store.attempts(message.id),
    dropped: drops.get(message.id),
  }));
  if (request.json) {
    const shown = entries.map(({ message, waiting, attempts, dropped }) => ({
      ...message,
      ...(waiting ? { waiting } : {}),
      ...(dropped ? { duplicatesDropped: dropped } : {}),
      attempts,
    }));
    // One id, one object: that is what a program asks for.
    const [only] = shown;
    io.stdout.write(`${JSON.stringify(request.ids.length === 1 && only ? only : shown, null, 2)}\n`);
  } else {
    const texts = entries.map(({ message, waiting, attempts, dropped }) =>
      [
        messageLine(message, waiting),
        ...facts(message),
        ...(dropped ? [droppedLine(dropped)] : []),
        ...recipientLines(message),
        ...attempts.flatMap(attemptLines),
      ]
        .map((line) => `${visibleLine(line)}\n`)
        .join(''),
    );
    io.stdout.write(texts.join('\n'));
  }
  for (const id of lost) io.stderr.write(`mailbridge: there is no message ${id} in the queue.\n`);
  return lost.length > 0 || found.length === 0 ? 1 : 0;
}

function facts(message: QueuedMessage): string[] {
  const { envelope, account, courier, connection, expiresAtMs, finishedAtMs } = message;
  const end = finishedAtMs === undefined ? `given up after ${time(expiresAtMs)}` : `finished ${time(finishedAtMs)}`;
  return [
    `from <${envelope.reversePath}>, account ${account}, by ${courier} over ${connection}, ${end}`,
    ...(message.isBounce ? ['a notification made by the bridge'] : []),
  ];
}

function droppedLine({ count, firstAtMs, lastAtMs }: Drops): string {
  if (count === 1) return `came once more at ${time(lastAtMs)}: dropped as a duplicate`;
  return `came ${count} times more from ${time(firstAtMs)} to ${time(lastAtMs)}: dropped as duplicates`;
}

function recipientLines({ recipients }: QueuedMessage): string[] {
  return recipients.flatMap(({ address, state, last }) => [
    `to   <${address}> ${state}${last ? `: ${last.code} ${last.text}` : ''}`,
    ...(last?.remedy && state !== 'delivered' ? [`     remedy: ${last.remedy}`] : []),
  ]);
}

function attemptLines(attempt: AttemptRecord, index: number): string[] {
  const upstream = attempt.upstreamId === undefined ? '' : `, ${attempt.upstreamId}`;
  const said = Map.groupBy(attempt.outcomes, ({ outcome, code, text }) => `${outcome} ${code} ${text}`.trimEnd());
  return [
    `attempt ${index + 1} at ${time(attempt.startedAtMs)}, ${attempt.durationMs} ms${upstream}`,
    ...[...said].map(([what, who]) => `     ${who.map(({ address }) => `<${address}>`).join(' ')} ${what}`),
  ];
}
