import { expect, test } from 'vitest';
import { type WaitingOptions, WaitingView } from '../../../src/queue/attempts/waiting.ts';
import { breakerKey } from '../../../src/queue/breakers/breakers.ts';
import type { LearnedPause } from '../../../src/queue/limits/pause.ts';
import type { QueuedMessage } from '../../../src/queue/message.ts';
import type { QueueStore, SentCount } from '../../../src/queue/store.ts';
import { courierTraits } from '../courier-traits.ts';
import { newMessage } from '../stores/store-contract.ts';

const nowMs = Date.UTC(2026, 0, 5, 8);
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const key = 'contoso/reports@contoso.example';

function message(id: string, more: Partial<QueuedMessage> = {}): QueuedMessage {
  return {
    ...newMessage({ receivedAtMs: nowMs }),
    ...{ id, size: 1, state: 'queued', attempts: 0, nextAttemptAtMs: nowMs },
    recipients: [{ address: 'ann@contoso.example', state: 'pending' }],
    ...more,
  };
}

const outside = { recipients: [{ address: 'bo@fabrikam.example', state: 'pending' as const }] };

function pause(more: Partial<LearnedPause> = {}): LearnedPause {
  const times = { sinceMs: nowMs, untilMs: nowMs + 5 * minuteMs };
  return { key, ...times, code: '429', text: 'slow down', strikes: 1, needsAdmin: false, ...more };
}

function view(
  { pauses = [], sent = [], due = [] }: { pauses?: LearnedPause[]; sent?: SentCount[]; due?: QueuedMessage[] },
  limits: Partial<WaitingOptions['limits']> = {},
) {
  const store = {
    pauses: () => pauses,
    sentSince: (of: string, sinceMs: number) => (of === key && sinceMs === nowMs - dayMs ? sent : []),
    due: (of: string, atMs: number) => (of === key && atMs === nowMs ? due : []),
  } as unknown as QueueStore;
  return new WaitingView(store, {
    ...{ nowMs, couriers: courierTraits, isInternal: (_, address) => address.endsWith('@contoso.example') },
    limits: { messagesPerMinute: 1000, recipientsPerDay: 1000, ...limits },
  });
}

test('nothing but a permit', () => {
  const waiting = { kind: 'concurrency', untilMs: nowMs, reason: 'in progress, or next when a permit is free' };
  expect(view({}).of(message('a'))).toEqual(waiting);
  expect(view({}).of(message('a', { state: 'held' }))).toBeUndefined();
});

test('the next attempt: after a failed one, or put off by a limit', () => {
  const later = { nextAttemptAtMs: nowMs + 1 };
  const waiting = { kind: 'backoff', untilMs: nowMs + 1 };
  expect(view({}).of(message('a', later))).toEqual({ ...waiting, reason: 'deferred by a limit' });
  const tried = message('a', { ...later, attempts: 1 });
  expect(view({}).of(tried)).toEqual({ ...waiting, reason: 'deferred after a failed attempt' });
});

test('a pause of the mailbox, with what was said; one that is over, or ends before the next attempt, is none', () => {
  const waiting = { kind: 'paused', untilMs: nowMs + 5 * minuteMs, reason: 'mailbox paused: 429 slow down' };
  expect(view({ pauses: [pause()] }).of(message('a'))).toEqual(waiting);
  const same = message('a', { nextAttemptAtMs: nowMs + 5 * minuteMs });
  expect(view({ pauses: [pause()] }).of(same)).toEqual(waiting);
  const later = message('a', { nextAttemptAtMs: nowMs + 5 * minuteMs + 1 });
  expect(view({ pauses: [pause()] }).of(later)?.kind).toBe('backoff');
  expect(view({ pauses: [pause({ untilMs: nowMs })] }).of(message('a'))?.kind).toBe('concurrency');
});

test('an administrator, and nothing is said twice', () => {
  const needed = pause({ needsAdmin: true, text: '' });
  expect(view({ pauses: [needed] }).of(message('a'))).toEqual({
    ...{ kind: 'paused', untilMs: needed.untilMs, needsAdmin: true },
    reason: 'the mailbox waits for an administrator: 429',
  });
});

test('the tenant’s limit holds mail to recipients outside who still wait; the longer pause is told', () => {
  const ofTenant = pause({ key: 'contoso external', code: '5.7.233', untilMs: nowMs + 60 * minuteMs });
  const kindOf = (pauses: LearnedPause[], of: QueuedMessage) => view({ pauses }).of(of)?.reason;
  expect(kindOf([ofTenant], message('a', outside))).toContain('5.7.233');
  expect(kindOf([ofTenant], message('a'))).toContain('in progress');
  const served = [{ address: 'bo@fabrikam.example', state: 'delivered' as const }];
  expect(kindOf([ofTenant], message('a', { recipients: served }))).toContain('in progress');
  expect(kindOf([ofTenant, pause()], message('a'))).toContain('429');
  expect(kindOf([ofTenant, pause()], message('a', outside))).toContain('5.7.233');
  expect(kindOf([ofTenant, pause({ untilMs: nowMs + dayMs })], message('a', outside))).toContain('429');
});

test('a breaker of a part that its courier needs goes before all else, however long its probe takes', () => {
  const open = pause({ key: breakerKey('contoso', 'graph'), untilMs: nowMs - 1000 });
  const waiting = { kind: 'breaker', untilMs: nowMs, reason: 'connection contoso is paused: 429 slow down' };
  expect(view({ pauses: [pause(), open] }).of(message('a'))).toEqual(waiting);
  const next = { ...open, untilMs: nowMs + 9 };
  expect(view({ pauses: [next] }).of(message('a'))).toEqual({ ...waiting, untilMs: nowMs + 9 });
  expect(view({ pauses: [open] }).of(message('a', { courier: 'smtp' }))?.kind).toBe('concurrency');
  expect(view({ pauses: [open] }).of(message('a', { connection: 'fabrikam' }))?.kind).toBe('concurrency');
});

test('messages a minute: what was sent, and what is due before it', () => {
  const sent = [-50_000, -10_000].map((ms) => ({ startedAtMs: 0, endedAtMs: nowMs + ms, recipients: 1, external: 0 }));
  const due = ['a', 'b', 'c', 'd'].map((id) => message(id));
  const of = view({ sent: sent.toReversed(), due }, { messagesPerMinute: 2 });
  const waiting = due.map((each) => of.of(each));
  expect(waiting.map((each) => each && each.untilMs - nowMs)).toEqual([10_000, 50_000, 70_000, 110_000]);
  expect(waiting[0]).toMatchObject({ kind: 'rate', reason: 'the mailbox sends 2 messages a minute' });
});

test('recipients of a day: those that wait, of all that are due before it', () => {
  const sent = [{ startedAtMs: 0, endedAtMs: nowMs - 1000, recipients: 2, external: 0 }];
  const two = [
    { address: 'ann@contoso.example', state: 'pending' as const },
    { address: 'cy@contoso.example', state: 'delivered' as const },
    { address: 'di@contoso.example', state: 'pending' as const },
  ];
  const due = [message('a', { recipients: two }), message('b')];
  const of = view({ sent, due }, { recipientsPerDay: 4 });
  expect(of.of(due[0]!)?.kind).toBe('concurrency');
  const waiting = { kind: 'daily', untilMs: nowMs + dayMs - 1000 };
  expect(of.of(due[1]!)).toEqual({ ...waiting, reason: 'the mailbox sends to 4 recipients in 24 hours' });
});
