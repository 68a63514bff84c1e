import { expect, test } from 'vitest';
import { hopsOf, type MessageHop } from '../../../src/app/tracing/hops.ts';
import type { AttemptRecord } from '../../../src/queue/message.ts';
import { queuedMessage } from '../../../src/queue/stores/rows.ts';
import { newMessage } from '../../queue/stores/store-contract.ts';

const message = queuedMessage('m1', newMessage(), 1);
const t0 = message.receivedAtMs;

const attemptAt = (startedAtMs: number): AttemptRecord => ({ startedAtMs, durationMs: 5, outcomes: [] });
const noticeAt = (ms: number, id: string): MessageHop => ({
  ...{ at: new Date(ms).toISOString(), what: 'notice', detail: id },
});
const steps = (hops: readonly MessageHop[]) =>
  hops.slice(2).map(({ at, what, detail }) => {
    const ms = at === null ? null : Date.parse(at) - t0;
    return what === 'notice' ? `${detail} ${ms}` : `${what} ${ms}`;
  });

test('a delay warning stands between the attempts that it came between, a bounce behind the failure', () => {
  const notices = [noticeAt(t0 + 100, 'warning'), noticeAt(t0 + 206, 'bounce')];
  const attempts = [attemptAt(t0 + 10), attemptAt(t0 + 200)];
  const failed = { ...message, state: 'failed', finishedAtMs: t0 + 205 } as const;
  expect(steps(hopsOf({ message: failed, attempts, waiting: undefined, notices }))).toEqual([
    ...['attempt 10', 'warning 100', 'attempt 200', 'failed 205', 'bounce 206'],
  ]);
});

test('a warning comes before everything else where no attempt could be made, and before what the message waits for', () => {
  const waiting = { kind: 'breaker', untilMs: t0 + 900, reason: 'paused' } as const;
  const notices = [noticeAt(t0 + 100, 'warning')];
  expect(steps(hopsOf({ message, attempts: [], waiting, notices }))).toEqual(['warning 100', 'waits 900']);
});

test('attempts stay in their order though the clock was set back between them', () => {
  const attempts = [attemptAt(t0 + 500), attemptAt(t0 + 10)];
  const notices = [noticeAt(t0 + 505, 'bounce'), { at: null, what: 'notice', detail: 'more' } as const];
  expect(steps(hopsOf({ message, attempts, waiting: undefined, notices }))).toEqual([
    ...['attempt 500', 'attempt 10', 'bounce 505', 'more null'],
  ]);
});
