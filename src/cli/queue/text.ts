import type { Waiting } from '../../queue/attempts/waiting.ts';
import type { MessageState, QueuedMessage } from '../../queue/message.ts';

/** A moment, to the second, in UTC. */
export function time(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Until when, and how long that is: `14:10 UTC (10 min)`; with the date where it is not within a day. */
export function waitText(untilMs: number, nowMs: number): string {
  const minutes = Math.max(1, Math.ceil((untilMs - nowMs) / 60_000));
  if (minutes > 24 * 60) return `${time(untilMs)} (${Math.round(minutes / 60 / 24)} d)`;
  const long = minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
  return `${time(untilMs).slice(11, 16)} UTC (${long})`;
}

/** `1 message`, `2 messages`. */
export function messages(count: number): string {
  return `${count} ${count === 1 ? 'message' : 'messages'}`;
}

/** `12 kB` */
export function octets(count: number): string {
  if (count < 1000) return `${count} B`;
  return count < 1_000_000 ? `${Math.round(count / 1000)} kB` : `${(count / 1_000_000).toFixed(1)} MB`;
}

/** A state, in words where the name alone is not enough. */
export function stateText(state: MessageState): string {
  if (state === 'failed') return 'failed (given up)';
  return state === 'quarantined' ? 'quarantined (damaged)' : state;
}

/** Until when it waits, and for what. */
function waitingText({ kind, untilMs }: Waiting, reason: string): string {
  return `${kind === 'breaker' ? 'next probe' : 'next attempt'} ${time(untilMs)} (${reason})`;
}

/** A message on one line: what, whose, to whom, why not yet. */
export function messageLine(message: QueuedMessage, waiting: Waiting | undefined): string {
  return messageText(message, waiting, waiting?.reason ?? '');
}

/** The same without the trouble of a paused connection: {@link troubleOf} tells that once for all its messages. */
export function listedLine(message: QueuedMessage, waiting: Waiting | undefined): string {
  const trouble = troubleOf(waiting);
  if (trouble === undefined) return messageLine(message, waiting);
  return messageText(message, waiting, `connection ${message.connection} is paused`, trouble);
}

/** What a message waits for that all mail over its connection waits for. */
export function troubleOf(waiting: Waiting | undefined): string | undefined {
  return waiting?.kind === 'breaker' ? waiting.reason : undefined;
}

function messageText(message: QueuedMessage, waiting: Waiting | undefined, reason: string, toldElsewhere = ''): string {
  const [only, ...more] = message.recipients;
  const to = only && more.length === 0 ? `<${only.address}>` : `${message.recipients.length} recipients`;
  const wait = waiting ? [waitingText(waiting, reason)] : [];
  const last = message.recipients.find((each) => each.state !== 'delivered')?.last;
  return [
    `${message.id} ${stateText(message.state)} ${time(message.receivedAtMs)} ${octets(message.size)} ${message.mailbox} to ${to}`,
    message.attempts === 1 ? '1 attempt' : `${message.attempts} attempts`,
    ...wait,
    ...(last && !toldElsewhere.includes(last.text) ? [`${last.code} ${last.text}`] : []),
    ...(message.damage === undefined ? [] : [message.damage]),
  ].join(', ');
}
