import { expect, test } from 'vitest';
import { lineFor, type WaitingOptions, WaitingView } from '../../../src/queue/attempts/waiting.ts';
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
    pauses: async () => pauses,
    sentSince: async (of: string, sinceMs: number) => (of === key && sinceMs === nowMs - dayMs ? sent : []),
    due: async (of: string, atMs: number) => (of === key && atMs === nowMs ? due : []),
  } as unknown as QueueStore;
  return new WaitingView(store, {
    ...{ nowMs, couriers: courierTraits, isInternal: (_, address) => address.endsWith('@contoso.example') },
    limits: { messagesPerMinute: 1000, recipientsPerDay: 1000, ...limits },
  });
}

test('nothing but a permit', async () => {
  const waiting = { kind: 'concurrency', untilMs: nowMs, reason: 'in progress, or next when a permit is free' };
  expect(await view({}).of(message('a'))).toEqual(waiting);
  expect(await view({}).of(message('a', { state: 'held' }))).toBeUndefined();
});

test('a message behind all that is read of a long line waits for those at least', async () => {
  const due = ['a', 'b'].map((id) => message(id));
  const limits = { messagesPerMinute: 1, recipientsPerDay: 1000 };
  const store = { pauses: async () => [], sentSince: async () => [], due: async () => due } as unknown as QueueStore;
  const of = (longestLine: number) =>
    new WaitingView(store, { nowMs, couriers: courierTraits, isInternal: () => true, limits, longestLine }).of(
      message('c'),
    );
  expect(await of(2)).toMatchObject({ kind: 'rate', untilMs: nowMs + 2 * minuteMs });
  // The line ends there: it is not among those that are due.
  expect(await of(3)).toMatchObject({ kind: 'concurrency' });
});

test('for a list of many mailboxes no more is read than for one of them', () => {
  const of = (mailboxes: number, shown: number) =>
    lineFor(
      Array.from({ length: mailboxes }, (_, at) => message('a', { mailbox: `m${at}@contoso.example` })),
      shown,
    );
  expect([of(1, 100), of(20, 100), of(100, 100), of(1000, 1000)]).toEqual([10_000, 500, 100, 100]);
  expect([of(100, 1_000_000), of(0, 100)]).toEqual([10_000, 10_000]);
});

test('the next attempt: after a failed one, or put off by a limit', async () => {
  const later = { nextAttemptAtMs: nowMs + 1 };
  const waiting = { kind: 'backoff', untilMs: nowMs + 1 };
  expect(await view({}).of(message('a', later))).toEqual({ ...waiting, reason: 'deferred by a limit' });
  const tried = message('a', { ...later, attempts: 1 });
  expect(await view({}).of(tried)).toEqual({ ...waiting, reason: 'deferred after a failed attempt' });
});

test('a pause of the mailbox, with what was said; one that is over, or ends before the next attempt, is none', async () => {
  const waiting = { kind: 'paused', untilMs: nowMs + 5 * minuteMs, reason: 'mailbox paused: 429 slow down' };
  expect(await view({ pauses: [pause()] }).of(message('a'))).toEqual(waiting);
  const same = message('a', { nextAttemptAtMs: nowMs + 5 * minuteMs });
  expect(await view({ pauses: [pause()] }).of(same)).toEqual(waiting);
  const later = message('a', { nextAttemptAtMs: nowMs + 5 * minuteMs + 1 });
  expect((await view({ pauses: [pause()] }).of(later))?.kind).toBe('backoff');
  expect((await view({ pauses: [pause({ untilMs: nowMs })] }).of(message('a')))?.kind).toBe('concurrency');
});

test('an administrator, and nothing is said twice', async () => {
  const needed = pause({ needsAdmin: true, text: '' });
  expect(await view({ pauses: [needed] }).of(message('a'))).toEqual({
    ...{ kind: 'paused', untilMs: needed.untilMs, needsAdmin: true },
    reason: 'the mailbox waits for an administrator: 429',
  });
});

test('the tenant’s limit holds mail to recipients outside who still wait; the longer pause is told', async () => {
  const ofTenant = pause({ key: 'contoso external', code: '5.7.233', untilMs: nowMs + 60 * minuteMs });
  const kindOf = async (pauses: LearnedPause[], of: QueuedMessage) => (await view({ pauses }).of(of))?.reason;
  expect(await kindOf([ofTenant], message('a', outside))).toContain('5.7.233');
  const both = [...message('a').recipients, ...outside.recipients];
  expect(await kindOf([ofTenant], message('a', { recipients: both }))).toContain('5.7.233');
  expect(await kindOf([ofTenant], message('a'))).toContain('in progress');
  const served = [{ address: 'bo@fabrikam.example', state: 'delivered' as const }];
  expect(await kindOf([ofTenant], message('a', { recipients: served }))).toContain('in progress');
  expect(await kindOf([ofTenant, pause()], message('a'))).toContain('429');
  expect(await kindOf([ofTenant, pause()], message('a', outside))).toContain('5.7.233');
  expect(await kindOf([ofTenant, pause({ untilMs: nowMs + dayMs })], message('a', outside))).toContain('429');
});

test('a breaker of a part that its courier needs goes before all else, however long its probe takes', async () => {
  const open = pause({ key: breakerKey('contoso', 'graph'), untilMs: nowMs - 1000 });
  const waiting = { kind: 'breaker', untilMs: nowMs, reason: 'connection contoso is paused: 429 slow down' };
  expect(await view({ pauses: [pause(), open] }).of(message('a'))).toEqual(waiting);
  const left = { ...open, untilMs: nowMs - 11 * 60_000 };
  expect((await view({ pauses: [left] }).of(message('a')))?.kind).toBe('concurrency');
  const next = { ...open, untilMs: nowMs + 9 };
  expect(await view({ pauses: [next] }).of(message('a'))).toEqual({ ...waiting, untilMs: nowMs + 9 });
  expect((await view({ pauses: [open] }).of(message('a', { courier: 'smtp' })))?.kind).toBe('concurrency');
  expect((await view({ pauses: [open] }).of(message('a', { connection: 'fabrikam' })))?.kind).toBe('concurrency');
});

test('messages a minute: what was sent, and what is due before it', async () => {
  const sent = [-50_000, -10_000].map((ms) => ({ startedAtMs: 0, endedAtMs: nowMs + ms, recipients: 1, external: 0 }));
  const due = ['a', 'b', 'c', 'd'].map((id) => message(id));
  const of = view({ sent: sent.toReversed(), due }, { messagesPerMinute: 2 });
  const waiting = await Promise.all(due.map((each) => of.of(each)));
  expect(waiting.map((each) => each && each.untilMs - nowMs)).toEqual([10_000, 50_000, 70_000, 110_000]);
  expect(waiting[0]).toMatchObject({ kind: 'rate', reason: 'the mailbox sends 2 messages a minute' });
});

test('recipients of a day: those that wait, of all that are due before it', async () => {
  const sent = [{ startedAtMs: 0, endedAtMs: nowMs - 1000, recipients: 2, external: 0 }];
  const two = [
    { address: 'ann@contoso.example', state: 'pending' as const },
    { address: 'cy@contoso.example', state: 'delivered' as const },
    { address: 'di@contoso.example', state: 'pending' as const },
  ];
  const due = [message('a', { recipients: two }), message('b')];
  const of = view({ sent, due }, { recipientsPerDay: 4 });
  expect((await of.of(due[0]!))?.kind).toBe('concurrency');
  const waiting = { kind: 'daily', untilMs: nowMs + dayMs - 1000 };
  expect(await of.of(due[1]!)).toEqual({ ...waiting, reason: 'the mailbox sends to 4 recipients in 24 hours' });
});

test('a message with several couriers waits for one only where the others are shut, too', async () => {
  const graphDown = pause({
    key: breakerKey('contoso', 'graph'),
    sinceMs: nowMs - 5 * minuteMs,
    code: '503',
    text: 'down',
  });
  const smtpOff = pause({ key: `${key} by smtp`, needsAdmin: true, code: '5.7.139', text: 'off' });
  const of = (...pauses: LearnedPause[]) => {
    const store = {
      pauses: async () => pauses,
      sentSince: async () => [],
      due: async () => [],
    } as unknown as QueueStore;
    return new WaitingView(store, {
      ...{ nowMs, couriers: courierTraits, isInternal: () => true, failoverAfterMs: minuteMs },
      limits: { messagesPerMinute: 1000, recipientsPerDay: 1000 },
      couriersOf: () => ['graph', 'smtp'],
    }).of(message('a'));
  };
  expect((await of(graphDown))?.kind).toBe('concurrency');
  expect((await of(smtpOff))?.kind).toBe('concurrency');
  expect(await of(graphDown, smtpOff)).toMatchObject({
    kind: 'breaker',
    reason: 'connection contoso is paused: 503 down',
  });
  const fresh = { ...graphDown, sinceMs: nowMs - 20_000 };
  // It waits until the other one takes over.
  expect(await of(fresh)).toMatchObject({ kind: 'breaker', untilMs: nowMs + 40_000 });
  expect(await of({ ...graphDown, sinceMs: nowMs - minuteMs + 1 })).toMatchObject({ untilMs: nowMs + 1 });
  expect((await of({ ...graphDown, sinceMs: nowMs - minuteMs }))?.kind).toBe('concurrency');
});
