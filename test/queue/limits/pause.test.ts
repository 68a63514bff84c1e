import { describe, expect, test } from 'vitest';
import type { DeliveryReport, RecipientOutcome } from '../../../src/message/delivery.ts';
import {
  externalPause,
  type LearnedPause,
  learnPause,
  mailboxPause,
  pauseLeftMs,
} from '../../../src/queue/limits/pause.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const nowMs = Date.UTC(2026, 0, 5, 8);

const outcome = (more: Partial<RecipientOutcome> = {}): RecipientOutcome => ({
  address: 'a@x.example',
  outcome: 'temporary',
  code: '4.3.2',
  text: 'busy',
  ...more,
});
const report = (
  outcomes: readonly Partial<RecipientOutcome>[],
  more: Partial<DeliveryReport> = {},
): DeliveryReport => ({
  recipients: outcomes.map(outcome),
  ...more,
});

describe('After an attempt the mailbox', () => {
  test('goes on where only the message failed, or all was delivered', () => {
    expect(mailboxPause(report([{}]), hourMs)).toBeUndefined();
    expect(mailboxPause(report([{ outcome: 'delivered' }], { pauseMailboxMs: minuteMs }), hourMs)).toBeUndefined();
    expect(mailboxPause(report([{ outcome: 'needs-admin', scope: 'message' }]), hourMs)).toBeUndefined();
    expect(
      mailboxPause(report([{ outcome: 'needs-admin', scope: 'mailbox', retryAfterMs: 5 }]), hourMs),
    ).toBeUndefined();
    expect(mailboxPause(report([{ outcome: 'needs-admin' }], { hold: true }), hourMs)).toBeUndefined();
  });

  test('is paused as long as was asked, because of the refusal that concerns it', () => {
    const asked = report([{ code: 'own' }, { code: 'its', scope: 'mailbox' }], { pauseMailboxMs: minuteMs });
    expect(mailboxPause(asked, hourMs)).toMatchObject({ askedMs: minuteMs, because: { code: 'its' } });
    expect(mailboxPause(report([{ code: 'first' }], { pauseMailboxMs: 1 }), hourMs)).toMatchObject({
      askedMs: 1,
      because: { code: 'first' },
    });
  });

  test.each([undefined, 'mailbox', 'tenant'] as const)(
    'waits for an administrator who is needed (scope %s)',
    (scope) => {
      const needed = report([{ code: 'x' }, { outcome: 'needs-admin', code: 'admin', ...(scope && { scope }) }]);
      expect(mailboxPause(needed, hourMs)).toMatchObject({ askedMs: hourMs, because: { code: 'admin' } });
      const longer = { ...needed, pauseMailboxMs: 2 * hourMs };
      expect(mailboxPause(longer, hourMs)).toMatchObject({ askedMs: 2 * hourMs });
    },
  );
});

test('external recipients are paused for an hour or longer when the tenant’s limit is reached', () => {
  const isExternal = (address: string) => address.endsWith('@x.example');
  const limit = { scope: 'tenant', code: '5.7.233' } as const;
  expect(externalPause(report([limit]), isExternal)).toMatchObject({ askedMs: hourMs, because: { code: '5.7.233' } });
  expect(externalPause(report([{ ...limit, retryAfterMs: 3 * hourMs }]), isExternal)?.askedMs).toBe(3 * hourMs);
  expect(externalPause(report([{ ...limit, address: 'a@contoso.example' }]), isExternal)).toBeUndefined();
  expect(externalPause(report([{ ...limit, outcome: 'permanent' }]), isExternal)).toBeUndefined();
  expect(externalPause(report([{ scope: 'mailbox' }]), isExternal)).toBeUndefined();
});

describe('A pause that is learned', () => {
  const learn = (askedMs: number, last?: LearnedPause, startedAtMs = nowMs, atMs = nowMs) =>
    learnPause('contoso/a', last, { askedMs, because: outcome({ code: 'x', text: 'y' }) }, startedAtMs, atMs);

  test('lasts as long as was asked, from now', () => {
    expect(learn(minuteMs)).toEqual({
      key: 'contoso/a',
      untilMs: nowMs + minuteMs,
      sinceMs: nowMs,
      code: 'x',
      text: 'y',
      strikes: 1,
      needsAdmin: false,
    });
    const admin = { askedMs: 1, because: outcome({ outcome: 'needs-admin' }) };
    expect(learnPause('k', undefined, admin, nowMs, nowMs).needsAdmin).toBe(true);
  });

  test('doubles with each refusal in a row, up to a quarter of an hour', () => {
    let last: LearnedPause | undefined;
    const waits: number[] = [];
    for (let strike = 0, atMs = nowMs; strike < 7; strike++) {
      last = learn(minuteMs, last, atMs, atMs);
      waits.push((last.untilMs - atMs) / minuteMs);
      atMs = last.untilMs;
    }
    expect(waits).toEqual([1, 2, 4, 8, 15, 15, 15]);
    expect(last?.strikes).toBe(7);
  });

  test('doubles up to six hours where an hour was asked for, and lasts what is asked beyond that', () => {
    const second = learn(hourMs, learn(hourMs), nowMs + hourMs, nowMs + hourMs);
    expect(second.untilMs).toBe(nowMs + 3 * hourMs);
    const strikes = { ...second, strikes: 40 };
    const late = second.untilMs;
    expect(learn(hourMs, strikes, late, late).untilMs - late).toBe(6 * hourMs);
    expect(learn(hourMs - 1, strikes, late, late).untilMs - late).toBe(hourMs - 1);
    expect(learn(9 * hourMs, strikes, late, late).untilMs - late).toBe(9 * hourMs);
  });

  test('counts those once that were under way when it began, and never ends sooner for them', () => {
    const first = learn(4 * minuteMs);
    for (const startedAtMs of [nowMs - 1, nowMs]) {
      expect(learn(minuteMs, first, startedAtMs, nowMs + 5)).toMatchObject({
        strikes: 1,
        sinceMs: nowMs,
        untilMs: nowMs + 4 * minuteMs,
      });
    }
    expect(learn(minuteMs, first, nowMs + 1, nowMs + 5)).toMatchObject({ strikes: 2, sinceMs: nowMs + 5 });
  });

  test('counts for nothing where it was learned later than now: the clock was set back', () => {
    const future = { ...learn(hourMs), sinceMs: nowMs + 1 };
    expect(learn(minuteMs, future)).toMatchObject({ strikes: 1, untilMs: nowMs + minuteMs });
    expect(pauseLeftMs(future, nowMs)).toBe(0);
    expect(pauseLeftMs({ ...future, sinceMs: nowMs }, nowMs)).toBe(hourMs);
    expect(pauseLeftMs(learn(minuteMs), nowMs + minuteMs + 1)).toBe(0);
    expect(pauseLeftMs(undefined, nowMs)).toBe(0);
  });
});
