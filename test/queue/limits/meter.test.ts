import { expect, test } from 'vitest';
import { ExternalLimit } from '../../../src/queue/limits/external.ts';
import { dayMs, minuteMs, type QueueLimits } from '../../../src/queue/limits/limits.ts';
import { LoginLimit } from '../../../src/queue/limits/login.ts';
import { DestinationMeter } from '../../../src/queue/limits/meter.ts';
import type { SentCount } from '../../../src/queue/store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { courierTraits } from '../courier-traits.ts';

const outside = { courier: 'graph', recipients: ['x@fabrikam.example'] } as const;
const bySmtp = { courier: 'smtp', recipients: ['ann@contoso.example'] } as const;

function world(change: Partial<QueueLimits> = {}, sent: readonly SentCount[] = []) {
  const clock = new FakeClock();
  const limits = { messagesPerMinute: 2, recipientsPerDay: 3, externalRecipientsPerDay: 1, ...change };
  const external = new ExternalLimit(limits.externalRecipientsPerDay);
  const login = new LoginLimit({ ...limits, concurrentPerMailbox: 1 }, [], () => {});
  const meter = new DestinationMeter({
    destination: 'contoso/a@contoso.example',
    clock,
    limits,
    couriers: courierTraits,
    external,
    loginOf: (courier) => (courier === 'smtp' ? login : undefined),
    isExternal: (address) => !address.endsWith('@contoso.example'),
    sent,
  });
  return { clock, meter, external, login };
}

/** A report with the same outcome for each recipient. */
function report(addresses: readonly string[], outcome: 'delivered' | 'temporary') {
  return { recipients: addresses.map((address) => ({ address, outcome, code: '2.0.0', text: 'OK' })) };
}

test('an attempt under way holds its part of the limits, and one that was not made gives all of it back', () => {
  const { meter } = world({ messagesPerMinute: 1 });
  const part = meter.reserve(outside);
  expect(meter.waitMs(outside, false)).toBeGreaterThan(0);
  expect(meter.externalWaitMs(outside)).toBe(Number.POSITIVE_INFINITY);
  meter.release(part);
  expect(meter.waitMs(outside, false)).toBe(0);
  expect(meter.externalWaitMs(outside)).toBe(0);
});

test('an attempt that delivers counts one message for a minute and its recipients for a day', async () => {
  const { meter, clock } = world({ recipientsPerDay: 1 });
  const part = meter.reserve(outside);
  expect(meter.settle(part, report(outside.recipients, 'delivered'))).toBe(1);
  meter.release(part);
  expect(meter.waitMs(outside, false)).toBe(dayMs);
  expect(meter.externalWaitMs(outside)).toBe(dayMs);
  await clock.advance(dayMs);
  expect(meter.waitMs(outside, false)).toBe(0);
  expect(meter.externalWaitMs(outside)).toBe(0);
});

test('an attempt that delivers nothing counts as a message, and its recipients do not count', () => {
  const { meter } = world({ messagesPerMinute: 1, recipientsPerDay: 1 });
  const part = meter.reserve(outside);
  expect(meter.settle(part, report(outside.recipients, 'temporary'))).toBe(0);
  meter.release(part);
  expect(meter.waitMs(outside, false)).toBe(minuteMs);
  expect(meter.externalWaitMs(outside)).toBe(0);
});

test('a mailbox has as many attempts at once as the courier allows it, and one where one is enough', () => {
  const { meter } = world({ messagesPerMinute: 100, recipientsPerDay: 100 });
  for (let n = 0; n < 4; n++) {
    expect(meter.hasPermit('graph', false)).toBe(true);
    meter.reserve({ ...outside, recipients: ['ann@contoso.example'] });
    expect(meter.hasAnyPermit(true)).toBe(false);
  }
  expect(meter.hasPermit('graph', false)).toBe(false);
  expect(meter.waitMs(outside, false)).toBe(Number.POSITIVE_INFINITY);
  expect(meter.hasPermit('smtp', false)).toBe(true);
});

test('the login that mailboxes share has one attempt at once, until that one is released', () => {
  const { meter } = world();
  const part = meter.reserve(bySmtp);
  expect(meter.waitMs(bySmtp, false)).toBeGreaterThan(0);
  meter.settle(part, report(bySmtp.recipients, 'delivered'));
  expect(meter.waitMs(bySmtp, false)).toBeGreaterThan(0);
  meter.release(part);
  expect(meter.waitMs(bySmtp, false)).toBe(0);
});

test('what was sent before a restart counts, each as one message and its recipients, whatever their order', () => {
  const nowMs = new FakeClock().now();
  const sent = (agoMs: number, recipients: number) => ({
    ...{ startedAtMs: nowMs - agoMs, endedAtMs: nowMs - agoMs, recipients, external: 0 },
  });
  const { meter } = world({ messagesPerMinute: 2, recipientsPerDay: 10 }, [sent(1_000, 4), sent(20_000, 5)]);
  expect(meter.waitMs(outside, false)).toBe(minuteMs - 20_000);
  const two = { courier: 'graph', recipients: ['a', 'b'] } as const;
  const quiet = world({ messagesPerMinute: 3, recipientsPerDay: 10 }, [sent(1_000, 4), sent(20_000, 5)]).meter;
  expect([quiet.waitMs(outside, false), quiet.waitMs(two, false)]).toEqual([0, dayMs - 20_000]);
});

test('a courier is idle while no attempt of its own is under way; one is enough of both together', () => {
  const { meter } = world({ messagesPerMinute: 100, recipientsPerDay: 100 });
  const idle = () => [meter.isIdle('graph'), meter.isIdle('smtp')];
  expect([idle(), meter.hasPermit('graph', true)]).toEqual([[true, true], true]);
  const part = meter.reserve(bySmtp);
  expect([idle(), meter.hasPermit('graph', true), meter.hasAnyPermit(true)]).toEqual([[true, false], false, false]);
  meter.release(part);
  expect([idle(), meter.hasAnyPermit(true)]).toEqual([[true, true], true]);
});

test('a mailbox may go on as long as one of its couriers may', () => {
  const { meter } = world({ messagesPerMinute: 100, recipientsPerDay: 100, concurrentPerMailbox: 1 });
  const parts = [meter.reserve(bySmtp)];
  expect(meter.hasAnyPermit(false)).toBe(true);
  parts.push(meter.reserve({ ...bySmtp, courier: 'graph' }));
  expect(meter.hasAnyPermit(false)).toBe(false);
  for (const part of parts) meter.release(part);
  expect(meter.hasPermit('smtp', false)).toBe(true);
});

test('an attempt that was not made counts for nothing, with the login neither', async () => {
  const { meter } = world({ messagesPerMinute: 1, recipientsPerDay: 1 });
  for (let time = 0; time < 5; time++) meter.release(meter.reserve(bySmtp));
  expect(meter.waitMs(bySmtp, false)).toBe(0);
});

test('recipients outside count where there is a limit for them, and wait for a pause where there is none', () => {
  const { meter, external } = world();
  const inside = { courier: 'graph', recipients: ['ann@contoso.example'] } as const;
  const reserved: number[] = [];
  external.reserve = (_destination, recipients) => void reserved.push(recipients);
  for (const attempt of [outside, inside]) meter.reserve(attempt);
  expect(reserved).toEqual([1, 0]);
  expect([meter.externalWaitMs(inside), meter.isExternalAskedFor(inside)]).toEqual([0, false]);
  const free = new ExternalLimit(undefined);
  const unlimited = new DestinationMeter({
    ...{ destination: 'a', clock: new FakeClock(), couriers: courierTraits, external: free, sent: [] },
    limits: { messagesPerMinute: 10, recipientsPerDay: 10 },
    loginOf: () => undefined,
    isExternal: () => true,
  });
  const held: number[] = [];
  free.reserve = (_destination, recipients) => void held.push(recipients);
  unlimited.reserve(outside);
  expect([held, unlimited.externalWaitMs(outside), unlimited.isExternalAskedFor(outside)]).toEqual([[0], 0, false]);
  const nowMs = new FakeClock().now();
  free.pause = {
    ...{ key: 'x', untilMs: nowMs + minuteMs, sinceMs: nowMs, code: '', text: '', strikes: 1 },
    needsAdmin: false,
  };
  expect(unlimited.externalWaitMs(outside)).toBe(minuteMs);
});
