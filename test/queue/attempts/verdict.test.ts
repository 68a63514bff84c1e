import { describe, expect, test } from 'vitest';
import type { CourierOrder } from '../../../src/message/courier-kind.ts';
import type { DeliveryReport, RecipientOutcome } from '../../../src/message/delivery.ts';
import { givenUp, judge, type Succession } from '../../../src/queue/attempts/verdict.ts';
import type { QueuedMessage } from '../../../src/queue/message.ts';

const hourMs = 3_600_000;
const now = Date.UTC(2026, 0, 5, 8);
/** One minute, whatever the jitter: between 48 and 72 s. */
const backoff = { baseMs: 60_000, maxMs: 600_000 };

function message(changes: Partial<QueuedMessage> = {}): QueuedMessage {
  return {
    id: 'm1',
    account: 'scanner',
    connection: 'contoso',
    mailbox: 'reports@contoso.example',
    courier: 'graph',
    envelope: { reversePath: 'reports@contoso.example', recipients: [], eightBit: true, smtpUtf8: false },
    recipients: [
      { address: 'a@x.example', state: 'pending' },
      { address: 'b@x.example', state: 'pending' },
    ],
    isBounce: false,
    size: 1,
    state: 'queued',
    attempts: 0,
    receivedAtMs: now - hourMs,
    expiresAtMs: now + 47 * hourMs,
    nextAttemptAtMs: now,
    ...changes,
  };
}

function outcome(address: string, kind: RecipientOutcome['outcome'], more: Partial<RecipientOutcome> = {}) {
  return { address, outcome: kind, code: '4.0.0', text: 'said', ...more };
}

function verdict(recipients: readonly RecipientOutcome[], report: Partial<DeliveryReport> = {}, changes = {}) {
  const { nextAttemptAtMs, ...rest } = judge(message(changes), { recipients, ...report }, now, backoff);
  return { ...rest, states: rest.recipients.map(({ state }) => state), waitMs: nextAttemptAtMs - now };
}

const [a, b] = ['a@x.example', 'b@x.example'] as const;

describe('what becomes of a message', () => {
  test('all have it: delivered, at once', () => {
    const seen = verdict([outcome(a, 'delivered'), outcome(b, 'delivered')]);
    expect(seen).toMatchObject({ state: 'delivered', states: ['delivered', 'delivered'], waitMs: 0, failed: [] });
    expect(seen.delivered.map(({ address }) => address)).toEqual([a, b]);
  });

  test('one has it, one waits: queued', () => {
    const seen = verdict([outcome(a, 'delivered'), outcome(b, 'temporary')]);
    expect(seen).toMatchObject({ state: 'queued', states: ['delivered', 'pending'], failed: [] });
    expect(seen.waitMs).toBeGreaterThanOrEqual(48_000);
    expect(seen.waitMs).toBeLessThanOrEqual(72_000);
  });

  test('one has it, one never will: failed, and only that one is told of', () => {
    const seen = verdict([outcome(a, 'delivered'), outcome(b, 'permanent')]);
    expect(seen).toMatchObject({ state: 'failed', states: ['delivered', 'failed'], waitMs: 0 });
    expect(seen.failed.map(({ address }) => address)).toEqual([b]);
  });

  test('what was said last is kept beside each recipient', () => {
    const seen = verdict([outcome(a, 'temporary', { code: '4.2.1' }), outcome(b, 'permanent', { code: '5.1.1' })]);
    expect(seen.recipients.map(({ last }) => last)).toEqual([
      { outcome: 'temporary', code: '4.2.1', text: 'said' },
      { outcome: 'permanent', code: '5.1.1', text: 'said' },
    ]);
  });

  test('who is settled stays so, and who is not mentioned waits', () => {
    const recipients = [
      { address: a, state: 'delivered' },
      { address: b, state: 'pending' },
    ] as const;
    const seen = verdict([outcome(a, 'permanent')], {}, { recipients });
    expect(seen).toMatchObject({ state: 'queued', states: ['delivered', 'pending'], failed: [], delivered: [] });
  });

  test('an administrator has to act: it waits, however long', () => {
    expect(verdict([outcome(a, 'needs-admin'), outcome(b, 'needs-admin')])).toMatchObject({ state: 'queued' });
  });

  test('nobody but an administrator may send it again: held, past its time as well', () => {
    const late = { expiresAtMs: now - 1 };
    expect(verdict([outcome(a, 'temporary'), outcome(b, 'temporary')], { hold: true }, late)).toMatchObject({
      state: 'held',
      states: ['pending', 'pending'],
    });
  });
});

describe('when its time is over', () => {
  const both = [outcome(a, 'temporary'), outcome(b, 'needs-admin')];

  test('it is given up, to the millisecond', () => {
    expect(verdict(both, {}, { expiresAtMs: now + 1 }).state).toBe('queued');
    expect(verdict(both, {}, { expiresAtMs: now })).toMatchObject({ state: 'failed', states: ['failed', 'failed'] });
  });

  test('one that fell due longer ago than its whole time is tried once more', () => {
    const receivedAtMs = now - 200 * hourMs;
    const of = (lateHours: number) => ({
      receivedAtMs,
      expiresAtMs: receivedAtMs + 48 * hourMs,
      nextAttemptAtMs: now - lateHours * hourMs,
    });
    expect(verdict(both, {}, of(48)).state).toBe('failed');
    expect(verdict(both, {}, of(48.1)).state).toBe('queued');
  });

  test('one with a short time has a day', () => {
    const receivedAtMs = now - 200 * hourMs;
    const of = (lateHours: number) => ({
      receivedAtMs,
      expiresAtMs: receivedAtMs + hourMs,
      nextAttemptAtMs: now - lateHours * hourMs,
    });
    expect(verdict(both, {}, of(24)).state).toBe('failed');
    expect(verdict(both, {}, of(24.1)).state).toBe('queued');
  });
});

describe('when it is tried again', () => {
  const waitOf = (report: Partial<DeliveryReport>, changes = {}, more: Partial<RecipientOutcome> = {}) =>
    verdict([outcome(a, 'temporary', more), outcome(b, 'temporary')], report, changes).waitMs;

  test('as the upstream asks, where that is longer', () => {
    expect(waitOf({ pauseMailboxMs: 900_000 })).toBe(900_000);
    expect(waitOf({}, {}, { retryAfterMs: 800_000 })).toBe(800_000);
    expect(waitOf({ pauseMailboxMs: 1 })).toBeGreaterThanOrEqual(48_000);
  });

  test('what is asked for a recipient that was served counts for nothing', () => {
    const seen = verdict([outcome(a, 'delivered', { retryAfterMs: 800_000 }), outcome(b, 'temporary')]);
    expect(seen.waitMs).toBeLessThanOrEqual(72_000);
  });

  test('when the report says, sooner as well, but not within a second', () => {
    expect(waitOf({ retryAfterMs: 5000, pauseMailboxMs: 900_000 })).toBe(5000);
    expect(waitOf({ retryAfterMs: 0 })).toBe(1000);
  });

  test('the wait doubles from attempt to attempt, up to its bound', () => {
    const third = waitOf({}, { attempts: 2 });
    expect([third >= 192_000, third <= 288_000]).toEqual([true, true]);
    const late = waitOf({}, { attempts: 40 });
    expect([late >= 480_000, late <= 720_000]).toEqual([true, true]);
  });

  test('the last time at the end of its time, not beyond it', () => {
    expect(waitOf({ pauseMailboxMs: 900_000 }, { expiresAtMs: now + 600_000 })).toBe(600_000);
    // Held back by something an administrator must fix, past its time: the usual wait.
    const receivedAtMs = now - 1000 * hourMs;
    const past = { receivedAtMs, expiresAtMs: now - 1, nextAttemptAtMs: now - 2000 * hourMs };
    expect(waitOf({ pauseMailboxMs: 900_000 }, past)).toBe(900_000);
  });
});

describe('given up without an attempt', () => {
  const why = { outcome: 'temporary', code: 'upstream-unreachable', text: 'ECONNREFUSED' } as const;
  const givenUpWith = (...recipients: QueuedMessage['recipients']) => givenUp(message({ recipients }), why);

  test('every recipient that waits is told why, whatever was said before', () => {
    const last = { outcome: 'temporary', code: '4.2.1', text: 'full' } as const;
    const seen = givenUpWith({ address: a, state: 'pending', last }, { address: b, state: 'pending' });
    expect(seen).toMatchObject({ state: 'failed', nextAttemptAtMs: now, delivered: [] });
    expect(seen.recipients).toEqual([
      { address: a, state: 'failed', last: why },
      { address: b, state: 'failed', last: why },
    ]);
    expect(seen.failed).toEqual([
      { address: a, ...why },
      { address: b, ...why },
    ]);
  });

  test('one that may have been served is told so', () => {
    const last = { outcome: 'temporary', code: 'upstream-ambiguous', text: 'no answer' } as const;
    const seen = givenUpWith({ address: a, state: 'pending', last });
    expect(seen.recipients).toEqual([{ address: a, state: 'failed', last }]);
    expect(seen.failed).toEqual([{ address: a, ...last }]);
  });

  test('who is settled stays so, and is not told again', () => {
    const settled = [
      { address: a, state: 'delivered' },
      { address: b, state: 'failed' },
    ] as const;
    const seen = givenUpWith(...settled);
    expect(seen).toMatchObject({ recipients: settled, failed: [] });
  });
});

describe('a message that may go by several couriers', () => {
  const couriers = ['graph', 'smtp'] as const;
  const notForIt = { ofCourier: true, code: 'ErrorMessageTooLarge' } as const;

  function judged(
    recipients: readonly RecipientOutcome[],
    succession: Partial<Succession> = {},
    { report = {}, changes = {} }: { report?: Partial<DeliveryReport>; changes?: Partial<QueuedMessage> } = {},
  ) {
    const told = { recipients, ...report };
    const { nextAttemptAtMs, ...rest } = judge(message(changes), told, now, backoff, {
      ...{ used: 'graph', couriers },
      ...succession,
    });
    return { ...rest, states: rest.recipients.map(({ state }) => state), waitMs: nextAttemptAtMs - now };
  }

  test('goes by another at once where one cannot take it for what it is', () => {
    const seen = judged([outcome(a, 'permanent', notForIt), outcome(b, 'delivered')]);
    expect(seen).toMatchObject({
      state: 'queued',
      states: ['pending', 'delivered'],
      next: 'smtp',
      waitMs: 0,
      failed: [],
    });
    expect(seen.recipients[0]).toEqual({
      address: a,
      state: 'pending',
      last: { outcome: 'permanent', code: 'ErrorMessageTooLarge', text: 'said', ofCourier: true },
      refusedBy: ['graph'],
    });
  });

  test('fails where every one has refused it', () => {
    const recipients = [{ address: a, state: 'pending', refusedBy: ['smtp'] }] as const;
    const seen = judged([outcome(a, 'permanent', notForIt)], {}, { changes: { recipients } });
    expect(seen).toMatchObject({ state: 'failed', states: ['failed'] });
    expect(seen).not.toHaveProperty('next');
    const third = ['graph', 'smtp', 'other'] as unknown as CourierOrder;
    const left = judged([outcome(a, 'permanent', notForIt)], { couriers: third }, { changes: { recipients } });
    expect(left.recipients[0]?.refusedBy).toEqual(['smtp', 'graph']);
    expect(left.next).toBe('other');
  });

  test.each([
    ['a refusal of the message itself', outcome(a, 'permanent'), 'failed'],
    ['what may be over soon', outcome(a, 'temporary', notForIt), 'queued'],
    ['what an administrator has to change', outcome(a, 'needs-admin', notForIt), 'queued'],
  ])('has no other courier take it for %s', (_, told, state) => {
    const seen = judged([told, outcome(b, 'delivered')]);
    expect(seen.state).toBe(state);
    expect(seen).not.toHaveProperty('next');
    expect(seen.recipients[0]).not.toHaveProperty('refusedBy');
  });

  test('goes by the next one at once where the one used is shut, though its time is over', () => {
    const seen = judged([outcome(a, 'temporary'), outcome(b, 'temporary')], { next: 'smtp' });
    expect(seen).toMatchObject({ state: 'queued', next: 'smtp', waitMs: 0, failed: [] });
    const late = { expiresAtMs: now - 1 };
    expect(judged([outcome(a, 'temporary')], { next: 'smtp' }, { changes: late }).failed).toEqual([]);
    expect(judged([outcome(a, 'temporary')], {}, { changes: late }).failed).toHaveLength(1);
    // The first one asked for stays first.
    const both = [outcome(a, 'permanent', notForIt), outcome(b, 'temporary')];
    expect(judged(both, { next: 'other' as 'smtp' }).next).toBe('other');
  });

  test('waits no longer than until another would take it', () => {
    const retry = [outcome(a, 'temporary', { retryAfterMs: hourMs }), outcome(b, 'delivered')];
    expect(judged(retry).waitMs).toBe(hourMs);
    expect(judged(retry, { nextAtMs: now + 10_000 }).waitMs).toBe(10_000);
    expect(judged(retry, { nextAtMs: now + 2 * hourMs }).waitMs).toBe(hourMs);
    expect(judged(retry, { nextAtMs: now }).waitMs).toBe(1_000);
  });

  test('its last attempt comes at the end of its time', () => {
    const retry = [outcome(a, 'temporary', { retryAfterMs: hourMs }), outcome(b, 'delivered')];
    expect(judged(retry, {}, { changes: { expiresAtMs: now + 5_000 } }).waitMs).toBe(5_000);
  });
});
