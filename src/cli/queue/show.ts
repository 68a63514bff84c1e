import { couriers } from '../../couriers/registry.ts';
import { answerText } from '../../message/answer-text.ts';
import { type Waiting, WaitingView } from '../../queue/attempts/waiting.ts';
import type { AttemptRecord, QueuedMessage } from '../../queue/message.ts';
import type { QueueStore } from '../../queue/store.ts';
import { type Drops, dropsOfMessage } from '../../submission/duplicate-drops.ts';
import type { CliIo } from '../terminal/io.ts';
import { Screen } from '../terminal/screen.ts';
import { tellError } from '../terminal/tell-error.ts';
import { localDateTime } from '../terminal/times.ts';
import { chooses, messageNotFound, type QueueRequest, whichMessages } from './request.ts';
import { exactText, octets, stateText, waitingText } from './text.ts';

/** `mailbridge queue show`: everything about each message, including every recipient and attempt. */
export async function showMessages(store: QueueStore, request: QueueRequest, io: CliIo): Promise<number> {
  if (!chooses(request)) throw whichMessages();
  const found = await store.list(request.filter, request.limit);
  const lost = request.ids.filter((id) => !found.some((message) => message.id === id));
  const view = new WaitingView(store, request);
  const entries = await Promise.all(
    found.map(async (message) => ({
      message,
      waiting: await view.of(message),
      attempts: await store.attempts(message.id),
      dropped: await dropsOfMessage(store.records, message.id, request.nowMs),
    })),
  );
  if (request.json) {
    const shown = entries.map(({ message, waiting, attempts, dropped }) => ({
      ...message,
      ...(waiting ? { waiting } : {}),
      ...(dropped ? { duplicatesDropped: dropped } : {}),
      attempts,
    }));
    // One id, one object: programs expect that.
    const [only] = shown;
    io.stdout.write(`${JSON.stringify(request.ids.length === 1 && only ? only : shown, null, 2)}\n`);
  } else {
    const screen = new Screen(io.stdout, io.env);
    for (const [index, entry] of entries.entries()) {
      if (index > 0) screen.blank();
      shown(entry, request.nowMs, screen);
    }
  }
  for (const id of lost) tellError(io, messageNotFound(id), request.json);
  return lost.length > 0 || found.length === 0 ? 1 : 0;
}

interface Entry {
  readonly message: QueuedMessage;
  readonly waiting: Waiting | undefined;
  readonly attempts: readonly AttemptRecord[];
  readonly dropped: Drops | undefined;
}

/** The names of facts have a column of their own. */
const factWidth = 11;

function shown({ message, waiting, attempts, dropped }: Entry, nowMs: number, screen: Screen): void {
  const { id, state, damage, envelope, recipients } = message;
  const fact = (name: string, text: string) =>
    screen.say(`${name.padEnd(factWidth)}${text}`, { indent: 2, hanging: 2 + factWidth });
  screen.say(`${id}  ${stateText(state)}`);
  if (damage !== undefined) fact('damage', damage);
  fact('accepted', `${exactText(message.receivedAtMs, nowMs)}, ${octets(message.size)}`);
  fact('account', `${message.account}, mailbox ${message.mailbox}, by ${message.courier} over ${message.connection}`);
  fact('from', `<${envelope.reversePath}>${message.isBounce ? ', a notification made by the bridge' : ''}`);
  if (message.noticeAbout !== undefined) fact('reports on', message.noticeAbout);
  if (message.subject !== undefined) fact('subject', message.subject);
  if (message.messageId !== undefined) fact('message-id', message.messageId);
  for (const recipient of recipients) recipientFacts(recipient, fact);
  fact('tries', `${message.attempts}`);
  if (waiting) fact('waits', waitingText(waiting, nowMs));
  if (message.finishedAtMs === undefined) fact('expires', exactText(message.expiresAtMs, nowMs));
  else fact('finished', exactText(message.finishedAtMs, nowMs));
  if (dropped) fact('duplicates', droppedText(dropped));
  for (const [index, attempt] of attempts.entries()) attemptFacts(attempt, index, fact);
}

type TellFact = (name: string, text: string) => void;

function recipientFacts({ address, state, last }: QueuedMessage['recipients'][number], fact: TellFact): void {
  fact('to', `<${address}> ${state}`);
  if (last) fact('', answerText(last));
  if (last?.remedy && state !== 'delivered') fact('', `→ ${last.remedy}`);
}

function droppedText({ count, firstAtMs, lastAtMs }: Drops): string {
  if (count === 1) return `came once more at ${localDateTime(lastAtMs)}: dropped`;
  return `came ${count} times more from ${localDateTime(firstAtMs)} to ${localDateTime(lastAtMs)}: dropped`;
}

function attemptFacts(attempt: AttemptRecord, index: number, fact: TellFact): void {
  const upstream = attempt.upstreamId === undefined ? '' : `, ${attempt.upstreamId}`;
  const said = Map.groupBy(attempt.outcomes, (each) => `${each.outcome} ${answerText(each)}`);
  const by = attempt.courier ? `, by ${couriers[attempt.courier].shortName}` : '';
  fact(`attempt ${index + 1}`, `${localDateTime(attempt.startedAtMs)}, ${attempt.durationMs} ms${by}${upstream}`);
  for (const passed of attempt.passedOver ?? []) {
    fact('', `not by ${couriers[passed.courier].shortName}: ${answerText(passed)}`);
  }
  for (const [what, who] of said) fact('', `${who.map(({ address }) => `<${address}>`).join(' ')} ${what}`);
}
