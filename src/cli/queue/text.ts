import { answerText } from '../../message/answer-text.ts';
import type { Waiting } from '../../queue/attempts/waiting.ts';
import type { MessageState, QueuedMessage } from '../../queue/message.ts';
import { localDateTime, localTime, relativeTime } from '../terminal/times.ts';

/** Hint if ids were given and nothing was done. */
export const noneOfThese = ': queue show ID shows the state of a message';

/** `1 message`, `2 messages`. */
export function messages(count: number): string {
  return `${count} ${count === 1 ? 'message' : 'messages'}`;
}

/** `12 kB` */
export function octets(count: number): string {
  if (count < 1000) return `${count} B`;
  return count < 1_000_000 ? `${Math.round(count / 1000)} kB` : `${(count / 1_000_000).toFixed(1)} MB`;
}

/** A state, explained if the name alone is not enough. */
export function stateText(state: MessageState): string {
  if (state === 'failed') return 'failed (given up)';
  return state === 'quarantined' ? 'quarantined (damaged)' : state;
}

/** The time by the clock of this machine, and how far away it is: `15:04 (in 10 min)`. */
export function whenText(ms: number, nowMs: number): string {
  return `${localTime(ms, nowMs)} (${relativeTime(ms, nowMs)})`;
}

/** The same with date and seconds: `2026-11-29 15:04:05 (3 min ago)`. */
export function exactText(ms: number, nowMs: number): string {
  return `${localDateTime(ms)} (${relativeTime(ms, nowMs)})`;
}

/** Until when it waits, and for what. */
export function waitingText({ kind, untilMs, reason }: Waiting, nowMs: number): string {
  return `${kind === 'breaker' ? 'next probe' : 'next attempt'} ${whenText(untilMs, nowMs)}: ${reason}`;
}

/**
 * Why a message is not delivered: what all mail over its connection waits for, the answer to the last attempt, or what
 * is wrong with the message. Undefined if nothing is.
 */
export function troubleOf(message: QueuedMessage, waiting: Waiting | undefined): string | undefined {
  if (waiting?.kind === 'breaker' || waiting?.kind === 'paused') return waiting.reason;
  if (message.damage !== undefined) return message.damage;
  const last = message.recipients.find((each) => each.state !== 'delivered')?.last;
  if (last) return answerText(last);
  return waiting?.kind === 'rate' || waiting?.kind === 'daily' ? waiting.reason : undefined;
}
