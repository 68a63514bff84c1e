import { describe, expect, test } from 'vitest';
import type { DeliveryReport, RecipientOutcome } from '../../../src/message/delivery.ts';
import {
  breakerObstacle,
  CourierPauses,
  courierPauseKey,
  type PauseChange,
  pauseObstacle,
} from '../../../src/queue/choice/courier-pauses.ts';
import type { LearnedPause } from '../../../src/queue/limits/pause.ts';
import { trouble } from '../breakers/outage-world.ts';

const destination = 'contoso/reports@contoso.example';
const failoverMs = 300_000;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const t0 = Date.UTC(2026, 0, 5, 8);

const outcome = (more: Partial<RecipientOutcome> = {}): RecipientOutcome => ({
  address: 'b@fabrikam.example',
  outcome: 'temporary',
  code: '4.3.2',
  text: 'busy',
  ...more,
});
const report = (more: Partial<RecipientOutcome> = {}, rest: Partial<DeliveryReport> = {}): DeliveryReport => ({
  recipients: [outcome(more)],
  ...rest,
});
const down = report({ code: 'upstream-unreachable' }, { trouble: trouble('graph', 'upstream-unreachable', 'x') });
const lost = report({ code: 'upstream-ambiguous', text: 'lost' });
const works = report({ outcome: 'delivered' });

/** The couriers of a mailbox, and attempts of Graph that take no time. */
function world(failoverAfterMs = failoverMs, learned?: ReadonlyMap<string, LearnedPause>) {
  const pauses = new CourierPauses(destination, failoverAfterMs, learned);
  const attempt = (
    atMs: number,
    told: DeliveryReport,
    askedMs?: number,
    startedAtMs = atMs,
  ): PauseChange | undefined => {
    const asked = askedMs === undefined ? undefined : { askedMs, because: told.recipients[0] as RecipientOutcome };
    return pauses.learn({ courier: 'graph', startedAtMs, report: told, asked }, atMs);
  };
  return { pauses, attempt };
}

const pause = (more: Partial<LearnedPause> = {}): LearnedPause => ({
  key: courierPauseKey(destination, 'graph'),
  untilMs: t0 + minuteMs,
  sinceMs: t0,
  code: '4.3.2',
  text: 'busy',
  strikes: 1,
  needsAdmin: false,
  ...more,
});

describe('a courier that was asked to wait', () => {
  test('is an obstacle until then, waited for where that is shorter than the failover time', () => {
    const { pauses, attempt } = world();
    expect(attempt(t0, report({ remedy: 'no remedy for this' }), minuteMs)).toEqual({ set: pause() });
    expect([pauses.isPaused('graph'), pauses.isPaused('smtp')]).toEqual([true, false]);
    expect(pauses.obstacle('smtp', t0, true)).toBeUndefined();
    expect(pauses.obstacle('graph', t0, true)).toEqual({
      of: 'mailbox',
      code: '4.3.2',
      text: 'busy',
      sinceMs: t0,
      needsAdmin: false,
      isShut: false,
      untilMs: t0 + minuteMs,
    });
    expect([pauses.leftMs('graph', t0 + 1), pauses.leftMs('smtp', t0)]).toEqual([minuteMs - 1, 0]);
    expect(pauses.obstacle('graph', t0 + minuteMs - 1, true)).toBeDefined();
    expect(pauses.obstacle('graph', t0 + minuteMs, true)).toBeUndefined();
  });

  test('is shut where it is asked to wait for the failover time or longer', () => {
    const { pauses, attempt } = world();
    attempt(t0, report(), failoverMs);
    expect(pauses.obstacle('graph', t0, true)?.isShut).toBe(true);
    expect(pauseObstacle(pause({ untilMs: t0 + failoverMs - 1 }), failoverMs).isShut).toBe(false);
  });

  test('stays one while an attempt shows whether it is open again, and is open once one that began after it works', () => {
    const { pauses, attempt } = world();
    attempt(t0, report(), minuteMs);
    expect(pauses.obstacle('graph', t0 + minuteMs, false)).toBeDefined();
    expect(attempt(t0 + 2 * minuteMs, works, undefined, t0 + minuteMs - 1)).toBeUndefined();
    expect(pauses.isPaused('graph')).toBe(true);
    const end = { end: courierPauseKey(destination, 'graph') };
    expect(attempt(t0 + 2 * minuteMs, works, undefined, t0 + minuteMs)).toEqual(end);
    expect(pauses.isPaused('graph')).toBe(false);
    expect(attempt(t0 + 3 * minuteMs, works)).toBeUndefined();
  });

  test('a permanent refusal shows as well as a delivery that it works; where nothing was sent, nothing does', () => {
    for (const [told, isOver] of [
      [report({ outcome: 'permanent' }), true],
      [report({ outcome: 'permanent' }, { sentNothing: true }), false],
      [report({ outcome: 'needs-admin' }), false],
    ] as const) {
      const { pauses, attempt } = world();
      attempt(t0, report(), minuteMs);
      attempt(t0 + minuteMs, told);
      expect(pauses.isPaused('graph')).toBe(!isOver);
    }
  });

  test('is not open for a clock that was set back before it was asked', () => {
    const { pauses, attempt } = world();
    attempt(t0, report(), minuteMs);
    expect(pauses.obstacle('graph', t0 - 1, true)).toBeUndefined();
    expect(pauses.obstacle('graph', t0 - 1, false)).toBeDefined();
    expect(pauses.clockWasSetBack(t0)).toEqual([]);
    expect(pauses.clockWasSetBack(t0 - 1)).toEqual([courierPauseKey(destination, 'graph')]);
    expect(pauses.isPaused('graph')).toBe(false);
  });

  test('is paused again for as long at least by an attempt after it that shows nothing', () => {
    const { pauses, attempt } = world(minuteMs);
    attempt(t0, report({ code: '4.7.0', text: 'slow down' }), 2 * minuteMs);
    expect(attempt(t0 + 2 * minuteMs - 1, report({ code: 'other' }))).toBeUndefined();
    const change = attempt(t0 + 2 * minuteMs, report({ code: 'other' }));
    expect(change).toMatchObject({ set: { code: '4.7.0', text: 'slow down', strikes: 2, needsAdmin: false } });
    expect(pauses.leftMs('graph', t0 + 2 * minuteMs)).toBe(2 * minuteMs);
  });
});

describe('a courier that waits for an administrator', () => {
  const refused = report({ outcome: 'needs-admin', code: '5.7.60', text: 'Not allowed.', remedy: 'Allow it.' });

  test('is shut at once, told with the remedy, and tried after ten minutes, then twice as long, an hour at most', () => {
    const { pauses, attempt } = world();
    const waits: number[] = [];
    for (let trial = 0, atMs = t0; trial < 5; trial++) {
      attempt(atMs, refused, minuteMs);
      const obstacle = pauses.obstacle('graph', atMs, true);
      expect(obstacle).toMatchObject({ isShut: true, needsAdmin: true, text: 'Not allowed. Allow it.' });
      waits.push(((obstacle?.untilMs ?? 0) - atMs) / minuteMs);
      atMs = obstacle?.untilMs ?? 0;
    }
    expect(waits).toEqual([10, 20, 40, 60, 60]);
    expect(pauseObstacle(pause({ needsAdmin: true, untilMs: t0 + 2 * hourMs }), failoverMs).untilMs).toBe(
      t0 + 2 * hourMs,
    );
    expect(pauseObstacle(pause({ needsAdmin: true, strikes: 2_000 }), failoverMs).untilMs).toBe(t0 + hourMs);
  });

  test('stays with the administrator where a trial shows nothing', () => {
    const { attempt } = world();
    attempt(t0, refused, minuteMs);
    const change = attempt(t0 + 10 * minuteMs, report({ code: 'other' }));
    expect(change).toMatchObject({ set: { code: '5.7.60', needsAdmin: true, strikes: 2 } });
  });

  test('of several those that concern what has changed are open again', () => {
    const { pauses, attempt } = world();
    attempt(t0, refused, minuteMs);
    pauses.learn(
      { courier: 'smtp', startedAtMs: t0, report: report(), asked: { askedMs: 1_000, because: outcome() } },
      t0,
    );
    expect(pauses.endWhere(({ needsAdmin }) => needsAdmin)).toEqual([courierPauseKey(destination, 'graph')]);
    expect([pauses.isPaused('graph'), pauses.isPaused('smtp')]).toEqual([false, true]);
    // Its trouble is over as well.
    expect(pauses.shutAtMs('graph')).toBeUndefined();
    expect(pauses.endWhere(({ needsAdmin }) => needsAdmin)).toEqual([]);
  });
});

describe('trouble that goes on', () => {
  test.each([
    ['of the connection', down],
    ['of answers that are lost', lost],
  ])('%s for the failover time shuts the courier', (_, told) => {
    const { pauses, attempt } = world();
    expect(pauses.shutAtMs('graph')).toBeUndefined();
    expect(attempt(t0, told)).toBeUndefined();
    expect(pauses.shutAtMs('graph')).toBe(t0 + failoverMs);
    expect(attempt(t0 + failoverMs - 1, told)).toBeUndefined();
    const change = attempt(t0 + failoverMs, told);
    expect(change).toMatchObject({ set: { code: told.recipients[0]?.code, untilMs: t0 + 2 * failoverMs } });
    expect(pauses.obstacle('graph', t0 + failoverMs, true)).toMatchObject({ isShut: true, sinceMs: t0 });
    expect(pauses.shutAtMs('graph')).toBeUndefined();
  });

  test('with a failover time of nothing it shuts it at the first failure, for five seconds', () => {
    const { pauses, attempt } = world(0);
    attempt(t0, down);
    expect(pauses.obstacle('graph', t0, true)).toMatchObject({ isShut: true, untilMs: t0 + 5_000 });
  });

  test('begins anew once something works, or the clock was set back before it', () => {
    const { pauses, attempt } = world();
    attempt(t0, down);
    attempt(t0 + 1, works);
    expect(pauses.shutAtMs('graph')).toBeUndefined();
    attempt(t0 + 2, down);
    expect(pauses.shutAtMs('graph')).toBe(t0 + 2 + failoverMs);
    pauses.clockWasSetBack(t0 + 2);
    expect(pauses.shutAtMs('graph')).toBe(t0 + 2 + failoverMs);
    pauses.clockWasSetBack(t0 + 1);
    expect(pauses.shutAtMs('graph')).toBeUndefined();
  });

  test.each([
    ['the message’s alone', report()],
    ['of an attempt that served some', { ...down, recipients: [outcome({ outcome: 'delivered' }), outcome()] }],
    ['of an attempt that sent nothing', { ...down, sentNothing: true as const }],
  ])('is none where it is %s', (_, told) => {
    const { pauses, attempt } = world();
    attempt(t0, told);
    expect(pauses.shutAtMs('graph')).toBeUndefined();
  });

  test('counts from when a pause began that it follows', () => {
    const { pauses, attempt } = world();
    attempt(t0, report(), minuteMs);
    attempt(t0 + minuteMs, down);
    expect(pauses.obstacle('graph', t0 + minuteMs, true)).toMatchObject({ sinceMs: t0, isShut: true });
  });
});

test('what was learned before a restart holds, each courier’s own', () => {
  const graph = pause();
  const other = pause({ key: 'contoso/other@contoso.example by smtp' });
  const { pauses } = world(failoverMs, new Map([graph, other].map((each) => [each.key, each])));
  expect([pauses.isPaused('graph'), pauses.isPaused('smtp')]).toEqual([true, false]);
  expect(pauses.obstacle('graph', t0, true)).toMatchObject({ sinceMs: t0, untilMs: t0 + minuteMs });
});

test('the wait for any of them is that for the next time at which one may be open', () => {
  const learned = (...all: LearnedPause[]) => world(failoverMs, new Map(all.map((each) => [each.key, each]))).pauses;
  const smtp = courierPauseKey(destination, 'smtp');
  expect(learned().waitMs(t0)).toBe(Number.POSITIVE_INFINITY);
  expect(learned(pause()).waitMs(t0)).toBe(minuteMs);
  expect(learned(pause()).waitMs(t0 + minuteMs)).toBe(Number.POSITIVE_INFINITY);
  expect(learned(pause(), pause({ key: smtp, untilMs: t0 + 1_000 })).waitMs(t0)).toBe(1_000);
  // One that needs an administrator may be open when it is over, and is tried later.
  const admin = learned(pause({ needsAdmin: true }));
  expect([admin.waitMs(t0), admin.waitMs(t0 + minuteMs)]).toEqual([minuteMs, 9 * minuteMs]);
});

describe('an open breaker', () => {
  const open = (more: object = {}) => ({
    trouble: { ...trouble('graph', 'upstream-unreachable', 'ECONNREFUSED.'), ...more },
    sinceMs: t0,
    nextProbeAtMs: t0 + minuteMs,
  });

  test('is waited for until the failover time is over, and shuts the courier then', () => {
    expect(breakerObstacle(open(), t0, failoverMs)).toEqual({
      of: 'connection',
      code: 'upstream-unreachable',
      text: 'ECONNREFUSED.',
      sinceMs: t0,
      needsAdmin: false,
      isShut: false,
      untilMs: t0 + minuteMs,
    });
    const late = { ...open(), nextProbeAtMs: t0 + hourMs };
    expect(breakerObstacle(late, t0 + failoverMs - 1, failoverMs)).toMatchObject({
      isShut: false,
      untilMs: t0 + failoverMs,
    });
    expect(breakerObstacle(late, t0 + failoverMs, failoverMs)).toMatchObject({ isShut: true, untilMs: t0 + hourMs });
  });

  test('shuts it where the clock was set back before it opened', () => {
    expect(breakerObstacle(open(), t0 - 1, failoverMs).isShut).toBe(true);
  });

  test.each([
    [{ remedy: 'Renew it.' }, 'ECONNREFUSED. Renew it.'],
    [{}, 'ECONNREFUSED.'],
  ])('for an administrator shuts it at once, and says what to do', (more, text) => {
    const told = breakerObstacle(open({ outcome: 'needs-admin', ...more }), t0, failoverMs);
    expect(told).toMatchObject({ isShut: true, needsAdmin: true, text, untilMs: t0 + minuteMs });
    expect(breakerObstacle(open({ remedy: 'No word of it.' }), t0, failoverMs).text).toBe('ECONNREFUSED.');
  });
});
