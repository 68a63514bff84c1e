import { expect, test } from 'vitest';
import { ExternalLimit } from '../../../src/queue/limits/external.ts';
import { dayMs, minuteMs, type QueueLimits } from '../../../src/queue/limits/limits.ts';
import { LoginLimit } from '../../../src/queue/limits/login.ts';
import { DestinationMeter } from '../../../src/queue/limits/meter.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { courierTraits } from '../courier-traits.ts';

const outside = { courier: 'graph', recipients: ['x@fabrikam.example'] } as const;
const bySmtp = { courier: 'smtp', recipients: ['ann@contoso.example'] } as const;

function world(change: Partial<QueueLimits> = {}) {
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
    sent: [],
  });
  return { clock, meter };
}

/** A report that says the same of each recipient. */
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
