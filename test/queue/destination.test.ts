import { expect, test } from 'vitest';
import type { CourierKind } from '../../src/message/courier-kind.ts';
import type { DeliveryReport, RecipientOutcome } from '../../src/message/delivery.ts';
import type { BreakerPermit } from '../../src/queue/breakers/breakers.ts';
import { Destination } from '../../src/queue/destination.ts';
import type { DestinationOptions } from '../../src/queue/destination-options.ts';
import type { Admission } from '../../src/queue/limits/direct.ts';
import { ExternalLimit } from '../../src/queue/limits/external.ts';
import { FairPermits } from '../../src/queue/limits/fair-permits.ts';
import { dayMs, minuteMs, type QueueLimits } from '../../src/queue/limits/limits.ts';
import { DestinationMeter } from '../../src/queue/limits/meter.ts';
import type { LearnedPause } from '../../src/queue/limits/pause.ts';
import type { QueuedMessage } from '../../src/queue/message.ts';
import { LeaseGuard } from '../../src/queue/ownership/lease-guard.ts';
import type { QueueStore, SentCount } from '../../src/queue/store.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { courierTraits } from './courier-traits.ts';
import { newMessage } from './stores/store-contract.ts';

const key = 'contoso/reports@contoso.example';
const inside = 'ann@contoso.example';
const outside = 'bo@fabrikam.example';

/** One mailbox between a store in memory and its own limits. */
function mailbox(limits: Partial<QueueLimits> = {}, overrides: Partial<DestinationOptions> = {}) {
  const clock = new FakeClock();
  const stored: QueuedMessage[] = [];
  const state = { mayStart: true, isConnections: false, isProbe: false };
  const seen = {
    delivered: [] as string[],
    failures: [] as unknown[],
    pauses: [] as (LearnedPause | string)[],
    sent: [] as SentCount[],
    deferred: [] as { ids: readonly string[]; untilMs: number }[],
    begun: [] as string[],
    permitsEnded: [] as (DeliveryReport | undefined)[],
  };
  const due = (nowMs: number) => stored.filter((each) => each.nextAttemptAtMs <= nowMs);
  const store = {
    accounts: async () => [...new Set(stored.map(({ account }) => account))],
    due: async (_key: string, nowMs: number, limit: number, account: string) =>
      due(nowMs)
        .filter((each) => each.account === account)
        .slice(0, limit),
    nextDueMs: async (_key: string, nowMs: number) =>
      stored
        .map((each) => each.nextAttemptAtMs)
        .filter((each) => each > nowMs)
        .sort((a, b) => a - b)[0],
    async setPause(pause: LearnedPause) {
      seen.pauses.push(pause);
    },
    async endPause(ended: string) {
      seen.pauses.push(ended);
    },
    async countSent(_key: string, sent: SentCount) {
      seen.sent.push(sent);
    },
    async defer(ids: readonly string[], untilMs: number) {
      seen.deferred.push({ ids, untilMs });
      for (const [i, each] of stored.entries()) {
        if (ids.includes(each.id)) stored[i] = { ...each, nextAttemptAtMs: untilMs };
      }
    },
  };
  const external = new ExternalLimit(limits.externalRecipientsPerDay);
  const meter = new DestinationMeter({
    ...{ destination: key, clock, couriers: courierTraits, external, sent: [] },
    limits: { messagesPerMinute: 100, recipientsPerDay: 100, ...limits },
    loginOf: () => undefined,
    isExternal: (address) => !address.endsWith('@contoso.example'),
  });
  const destination = new Destination({
    guard: new LeaseGuard({ key, fence: 1, sinceMs: 0 }, { holds: () => true }),
    ...{ key, connection: 'contoso', clock, meter, permits: new FairPermits(10), adminPauseMs: minuteMs },
    store: store as unknown as QueueStore,
    gate: {
      mayStart: () => state.mayStart,
      open: () => undefined,
      begin(_courier: CourierKind, name: string): BreakerPermit {
        seen.begun.push(name);
        const ended = (report: DeliveryReport | undefined) => {
          seen.permitsEnded.push(report);
          return state.isConnections;
        };
        return { isProbe: state.isProbe, ended };
      },
    },
    deliver: (message) => seen.delivered.push(message.id),
    onFailure: (error) => seen.failures.push(error),
    onPause: () => {},
    ...overrides,
  });
  const put = (id: string, ...to: string[]) => {
    const recipients = (to.length > 0 ? to : [inside]).map((address) => ({ address, state: 'pending' as const }));
    const base = newMessage({ receivedAtMs: clock.now(), expiresAtMs: clock.now() + dayMs });
    const message = { ...base, id, recipients, size: 1, state: 'queued' as const, attempts: 0 };
    stored.push({ ...message, nextAttemptAtMs: clock.now() });
    return stored.at(-1) as QueuedMessage;
  };
  /** What the store reports once an attempt has settled its message. */
  const settled = (message: QueuedMessage) => {
    stored.splice(
      stored.findIndex(({ id }) => id === message.id),
      1,
    );
    destination.finished(message);
  };
  return { destination, clock, state, seen, store, put, settled, meter, external };
}

function report(outcomes: Readonly<Record<string, RecipientOutcome['outcome']>>, more: Partial<DeliveryReport> = {}) {
  const recipients = Object.entries(outcomes).map(([address, outcome]) => ({ address, outcome, code: 'x', text: 'y' }));
  return { recipients, ...more };
}

const attempt = (...recipients: string[]) => ({ courier: 'graph', recipients }) as const;
const direct = (...recipients: string[]) => ({ couriers: ['graph'], recipients }) as const;

test('an attempt that served somebody counts: a message, and the recipients served', async () => {
  const { destination, put, meter, clock, state, seen } = mailbox({ messagesPerMinute: 1, recipientsPerDay: 3 });
  state.isProbe = true;
  put('a', inside, outside, 'cy@contoso.example');
  destination.wake();
  await settle();
  expect(seen).toMatchObject({ delivered: ['a'], begun: ['reports@contoso.example'] });
  const said = report({ [inside]: 'delivered', [outside]: 'delivered', 'cy@contoso.example': 'temporary' });
  expect(destination.ended('a', clock.now(), said)).toEqual({ external: 1, isConnections: false, isProbe: true });
  expect(seen.permitsEnded).toEqual([said]);
  expect(meter.waitMs(attempt(inside), false)).toBe(minuteMs);
  expect(meter.waitMs(attempt(inside, outside), false)).toBe(dayMs);
});

test('one that served nobody counts as a message; where the connection is to blame, as nothing', async () => {
  for (const isConnections of [false, true]) {
    const { destination, put, meter, clock, state, settled } = mailbox({ messagesPerMinute: 1 });
    state.isConnections = isConnections;
    const message = put('a');
    destination.wake();
    await settle();
    const effect = destination.ended('a', clock.now(), report({ [inside]: 'temporary' }));
    expect(effect).toEqual({ external: 0, isConnections, isProbe: false });
    settled(message);
    await settle();
    expect(meter.waitMs(attempt(inside), false)).toBe(isConnections ? 0 : minuteMs);
  }
});

test('one that served some before the connection failed counts all the same', async () => {
  const { destination, put, meter, clock, state, settled } = mailbox({ messagesPerMinute: 1 });
  state.isConnections = true;
  const message = put('a', outside, inside);
  destination.wake();
  await settle();
  const said = report({ [outside]: 'delivered', [inside]: 'temporary' });
  expect(destination.ended('a', clock.now(), said)).toMatchObject({ external: 1, isConnections: true });
  settled(message);
  await settle();
  expect(meter.waitMs(attempt(inside), false)).toBe(minuteMs);
});

test('what nobody knows of counts for nothing', async () => {
  const { destination, clock, seen } = mailbox();
  const effect = destination.ended('unknown', clock.now(), report({ [inside]: 'delivered' }));
  expect(effect).toEqual({ external: 0, isConnections: false, isProbe: false });
  expect(seen.permitsEnded).toEqual([]);
});

test('whether the latest attempt met trouble is known until the next one', async () => {
  const { destination, put, clock, settled } = mailbox();
  const trouble = { part: 'graph', outcome: 'temporary', code: 'x', text: 'y', isSure: false } as const;
  expect(destination.metTrouble).toBe(false);
  for (const [id, met] of [
    ['a', true],
    ['b', false],
  ] as const) {
    const message = put(id);
    destination.accepted(message);
    await settle();
    destination.ended(id, clock.now(), report({ [inside]: 'temporary' }, met ? { trouble } : {}));
    settled(message);
    await settle();
    expect(destination.metTrouble).toBe(met);
  }
});

test('a direct delivery is written down with those it served, and gives its permit back', async () => {
  const { destination, clock, seen, meter } = mailbox({ concurrentPerMailbox: 1 });
  const startedAtMs = clock.now();
  const admission = (await destination.admit(direct(inside, outside, 'cy@x.example'), 1000)) as Admission;
  expect(meter.hasPermit('graph', false)).toBe(false);
  await clock.advance(500);
  admission.ended(report({ [inside]: 'delivered', [outside]: 'delivered', 'cy@x.example': 'permanent' }));
  expect(seen.sent).toEqual([{ startedAtMs, endedAtMs: clock.now(), recipients: 2, external: 1 }]);
  expect(meter.hasPermit('graph', false)).toBe(true);
});

test('a direct delivery that served nobody, or was not made, leaves nothing written down', async () => {
  const { destination, seen, meter } = mailbox({ concurrentPerMailbox: 1, messagesPerMinute: 1 });
  for (const said of [undefined, report({ [inside]: 'permanent' })]) {
    const admission = (await destination.admit(direct(inside), 1000)) as Admission;
    admission.ended(said);
    expect(meter.waitMs(attempt(inside), false)).toBe(said ? minuteMs : 0);
  }
  expect(seen.sent).toEqual([]);
});

test('a client that waits for a direct delivery goes before the queue, and is told when nothing is attempted', async () => {
  const { destination, put, seen, settled, clock, state } = mailbox({ concurrentPerMailbox: 1 });
  const first = put('a');
  put('b');
  destination.wake();
  await settle();
  let admitted: unknown;
  const admission = destination.admit(direct(inside), 60_000).then((each) => {
    admitted = each;
    return each as Admission;
  });
  await settle();
  expect(admitted).toBeUndefined();
  destination.ended('a', clock.now(), report({ [inside]: 'delivered' }));
  settled(first);
  await settle();
  (await admission).ended(undefined);
  expect(seen.delivered).toEqual(['a', 'b']);
  const other = destination.admit(direct(inside), 60_000);
  destination.refuseDirect('smtp');
  await settle();
  state.mayStart = false;
  destination.refuseDirect('graph');
  expect(await other).toMatchObject({ admitted: false });
});

test('while its gate is shut nothing starts', async () => {
  const { destination, put, seen, state } = mailbox();
  state.mayStart = false;
  put('a');
  destination.wake();
  await settle();
  expect(seen.delivered).toEqual([]);
  state.mayStart = true;
  destination.wake();
  await settle();
  expect(seen.delivered).toEqual(['a']);
  expect([destination.isUnderWay('a'), destination.isUnderWay('b')]).toEqual([true, false]);
});

test('a refusal of the mailbox pauses it; what was delivered after the pause ends it', async () => {
  const { destination, put, clock, seen, settled } = mailbox();
  const message = put('a');
  destination.wake();
  await settle();
  const paused = report({ [inside]: 'temporary' }, { pauseMailboxMs: 5 * minuteMs });
  destination.ended('a', clock.now(), paused);
  expect(seen.pauses).toMatchObject([{ key, untilMs: clock.now() + 5 * minuteMs, strikes: 1 }]);
  destination.finished(message);
  await clock.advance(5 * minuteMs - 1);
  expect(seen.delivered).toEqual(['a']);
  await clock.advance(10);
  expect(seen.delivered).toEqual(['a', 'a']);
  destination.ended('a', clock.now(), report({ [inside]: 'delivered' }));
  settled(message);
  await settle();
  expect(seen.pauses.slice(1)).toEqual([key]);
});

test.each([
  ['delivered', {}, true],
  ['permanent', {}, true],
  ['temporary', {}, false],
  ['delivered', { began: -1 }, false],
] as const)(
  'after a pause an attempt that ends as %s %o ends it: %s',
  async (outcome, { began = 0 }: { began?: number }, ends) => {
    const { destination, put, clock, seen } = mailbox({}, { pause: learned(60_000) });
    put('a');
    await clock.advance(61_000);
    destination.wake();
    await settle();
    destination.ended('a', learned(60_000).untilMs + began, report({ [inside]: outcome }));
    expect(seen.pauses).toEqual(ends ? [key] : []);
  },
);

/** A pause learned before the restart, with this much left. */
function learned(ms: number, more: Partial<LearnedPause> = {}): LearnedPause {
  const now = new FakeClock().now();
  return { key, untilMs: now + ms, sinceMs: now, code: '429', text: 'slow', strikes: 1, needsAdmin: false, ...more };
}

test('the connection’s trouble is no reason to pause the mailbox, nor to end its pause', async () => {
  const { destination, put, clock, seen, state } = mailbox({}, { pause: learned(1000) });
  state.isConnections = true;
  put('a');
  await clock.advance(2000);
  destination.wake();
  await settle();
  destination.ended('a', clock.now(), report({ [inside]: 'temporary' }, { pauseMailboxMs: minuteMs }));
  expect(seen.pauses).toEqual([]);
});

test('a mailbox that was paused makes one attempt at a time until one has worked', async () => {
  const { destination, put, clock, seen, settled } = mailbox({}, { pause: learned(1000) });
  const [first] = ['a', 'b', 'c'].map((id) => put(id));
  destination.wake();
  await clock.advance(1001);
  expect(seen.delivered).toEqual(['a']);
  destination.ended('a', clock.now(), report({ [inside]: 'delivered' }));
  settled(first!);
  await settle();
  expect(seen.delivered).toEqual(['a', 'b', 'c']);
});

test.each([
  ['an administrator’s sign', (each: Destination) => each.reload(), { needsAdmin: true }, true],
  ['an administrator’s sign', (each: Destination) => each.reload(), {}, false],
  ['the end of the connection’s trouble', (each: Destination) => each.troubleOver('429'), {}, true],
  ['the end of other trouble', (each: Destination) => each.troubleOver('503'), {}, false],
  [
    'a clock that was set back',
    (each: Destination) => each.clockWasSetBack(),
    { sinceMs: new FakeClock().now() + 1 },
    true,
  ],
  ['a clock that was set back', (each: Destination) => each.clockWasSetBack(), {}, false],
])('%s ends a pause where it is for that: %#', (_, sign, more, ends) => {
  const { destination, seen } = mailbox({}, { pause: learned(hour, more) });
  sign(destination);
  expect(seen.pauses).toEqual(ends ? [key] : []);
});

const hour = 60 * minuteMs;

test('what the tenant’s limit stops is put off in the store, and the mail behind it goes on', async () => {
  const { destination, put, seen, clock, external } = mailbox({ externalRecipientsPerDay: 1 });
  external.settle(key, 0, clock.now(), 1);
  const [one, two] = [put('a', outside), put('b', inside)];
  destination.wake();
  await settle();
  expect(seen.delivered).toEqual([two.id]);
  expect(seen.deferred).toEqual([{ ids: [one.id], untilMs: clock.now() + dayMs }]);
  expect(destination.isUnderWay(one.id)).toBe(false);
});

test('where only the end of an attempt makes room in the tenant’s limit, it waits five minutes', async () => {
  const { destination, put, seen, clock, external } = mailbox({ externalRecipientsPerDay: 1 });
  external.reserve(key, 1);
  put('a', outside);
  destination.wake();
  await settle();
  expect(seen.deferred).toEqual([{ ids: ['a'], untilMs: clock.now() + 5 * minuteMs }]);
  external.settle(key, 1, clock.now(), 0);
  await clock.advance(5 * minuteMs + 10);
  expect(seen.delivered).toEqual(['a']);
});

test('a store that cannot put off is told, and asked again after a second', async () => {
  const { destination, put, seen, clock, external, store } = mailbox({ externalRecipientsPerDay: 1 });
  external.settle(key, 0, clock.now(), 1);
  store.defer = async () => {
    throw new Error('disk I/O error');
  };
  put('a', outside);
  destination.wake();
  await settle();
  expect(seen.failures).toHaveLength(1);
  await clock.advance(990);
  expect(seen.failures).toHaveLength(1);
  await clock.advance(20);
  expect(seen.failures).toHaveLength(2);
  destination.stop();
});

test('what was to be put off is so where the store cannot be read behind it', async () => {
  const { destination, put, seen, clock, external, store } = mailbox({ externalRecipientsPerDay: 1 });
  external.settle(key, 0, clock.now(), 1);
  const message = put('a', outside);
  const { due } = store;
  let looks = 0;
  store.due = (...asked) => {
    looks += 1;
    if (looks === 2) throw new Error('disk I/O error');
    return due(...asked);
  };
  destination.wake();
  await settle();
  expect(seen.deferred).toMatchObject([{ ids: ['a'] }]);
  expect(seen.failures).toHaveLength(1);
  expect(destination.isUnderWay(message.id)).toBe(false);
});

test('a store that cannot be read is told, and asked again after a second', async () => {
  const { destination, put, seen, clock, store } = mailbox();
  const { due } = store;
  store.due = () => {
    throw new Error('disk I/O error');
  };
  put('a');
  destination.wake();
  await settle();
  expect(seen.failures).toHaveLength(1);
  store.due = due;
  await clock.advance(999);
  expect(seen.delivered).toEqual([]);
  await clock.advance(1);
  expect(seen.delivered).toEqual(['a']);
});

test('after an attempt that left no trace no other starts before the time said; a clock set back ends that', async () => {
  const { destination, put, seen, clock } = mailbox();
  destination.wake();
  await settle();
  destination.lookAgain(clock.now() + minuteMs);
  destination.lookAgain(clock.now() + 1000);
  put('a');
  destination.wake();
  await clock.advance(59_990);
  expect(seen.delivered).toEqual([]);
  await clock.advance(10);
  expect(seen.delivered).toEqual(['a']);
  destination.lookAgain(clock.now() + minuteMs);
  put('b');
  destination.clockWasSetBack();
  destination.wake();
  await settle();
  expect(seen.delivered).toEqual(['a', 'b']);
});

test('a store that can be reached again is asked at once, and what waits for an administrator is tried', async () => {
  const { destination, put, seen, settled } = mailbox();
  const first = put('a');
  destination.wake();
  await settle();
  const refused = { address: inside, outcome: 'needs-admin', scope: 'mailbox', code: '5.7.60', text: 'no' } as const;
  destination.ended('a', 0, { recipients: [refused] });
  settled(first);
  destination.lookAgain(Number.MAX_SAFE_INTEGER);
  put('b');
  destination.wake();
  await settle();
  expect(seen.delivered).toEqual(['a']);
  destination.storeIsBack();
  await settle();
  expect(seen.delivered).toEqual(['a', 'b']);
});

test('what is waited for no more wakes nobody', async () => {
  const { destination, put, seen, clock, store } = mailbox();
  let reads = 0;
  const { accounts } = store;
  store.accounts = () => {
    reads++;
    return accounts();
  };
  destination.lookAgain(clock.now() + minuteMs);
  put('a');
  destination.wake();
  destination.storeIsBack();
  await settle();
  expect(seen.delivered).toEqual(['a']);
  const before = reads;
  await clock.advance(2 * minuteMs);
  expect(reads).toBe(before);
});

test('stopped, it does not begin again when the store can be reached', async () => {
  const { destination, put, seen } = mailbox();
  destination.stop();
  put('a');
  destination.storeIsBack();
  await settle();
  expect(seen.delivered).toEqual([]);
});

test('what falls due later starts then, also where it fell due while the mailbox was busy', async () => {
  const { destination, put, seen, clock, settled } = mailbox({ concurrentPerMailbox: 1 });
  const busy = put('a');
  destination.wake();
  await settle();
  put('b');
  destination.defer(clock.now() + 1000);
  await clock.advance(5000);
  expect(seen.delivered).toEqual(['a']);
  destination.ended('a', clock.now(), report({ [inside]: 'delivered' }));
  settled(busy);
  await settle();
  expect(seen.delivered).toEqual(['a', 'b']);
});

test('a probe that failed leaves its message due, without an attempt', async () => {
  const { destination, put, seen, settled } = mailbox();
  const message = put('a');
  destination.wake();
  await settle();
  destination.stillDue();
  destination.finished(message);
  await settle();
  expect(seen.delivered).toEqual(['a', 'a']);
  expect(seen.permitsEnded).toEqual([undefined]);
  settled(message);
  await settle();
});

test('stopped, it starts nothing more, at no time', async () => {
  const { destination, put, seen, clock } = mailbox({}, { pause: learned(1000) });
  put('a');
  destination.wake();
  await settle();
  const waiting = destination.admit(direct(inside), minuteMs);
  destination.stop();
  expect(await waiting).toMatchObject({ admitted: false, retryAfterMs: 1000 });
  await clock.advance(minuteMs);
  destination.wake();
  await settle();
  expect(seen.delivered).toEqual([]);
});
