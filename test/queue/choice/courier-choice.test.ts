import { describe, expect, test } from 'vitest';
import type { CourierKind, CourierOrder } from '../../../src/message/courier-kind.ts';
import type { OpenBreaker } from '../../../src/queue/breakers/breaker.ts';
import { CourierChoice } from '../../../src/queue/choice/courier-choice.ts';
import { CourierPauses } from '../../../src/queue/choice/courier-pauses.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { trouble } from '../breakers/outage-world.ts';

const minuteMs = 60_000;
const failoverAfterMs = 5 * minuteMs;
const both: CourierOrder = ['graph', 'smtp'];

/** The choice of a mailbox whose couriers the test shuts. */
function world() {
  const clock = new FakeClock();
  const pauses = new CourierPauses('contoso/a', failoverAfterMs);
  const open: Partial<Record<CourierKind, OpenBreaker>> = {};
  /** Couriers that have an attempt under way, and those that may begin none. */
  const state = { busy: [] as CourierKind[], full: [] as CourierKind[] };
  const choice = new CourierChoice({
    clock,
    gate: {
      mayStart: (courier: CourierKind) => open[courier] === undefined && !state.full.includes(courier),
      open: (courier: CourierKind) => open[courier],
    } as never,
    meter: { isIdle: (courier: CourierKind) => !state.busy.includes(courier) },
    pauses,
    failoverAfterMs,
  });
  const pause = (courier: CourierKind, askedMs: number) => {
    const because = { address: 'b@x', outcome: 'temporary', code: '4.7.0', text: 'slow' } as const;
    const report = { recipients: [because] };
    pauses.learn({ courier, startedAtMs: clock.now(), report, asked: { askedMs, because } }, clock.now());
  };
  const breaker = (courier: CourierKind, sinceMs = clock.now(), nextProbeAtMs = clock.now() + 1_000) => {
    open[courier] = { trouble: trouble('graph', 'x', 'y'), sinceMs, nextProbeAtMs, failures: 1 };
  };
  const of = (order: CourierOrder = both) => {
    const chosen = choice.of(order);
    return chosen && [chosen.courier, ...chosen.passedOver.map(({ courier }) => `not ${courier}`)].join(', ');
  };
  return { clock, choice, of, pause, breaker, open, state };
}

describe('the courier of an attempt', () => {
  test('is the preferred one, another while that is shut, and none while it may soon be back', () => {
    const { of, pause, clock, breaker, open } = world();
    expect(of()).toBe('graph');
    pause('graph', minuteMs);
    expect(of()).toBeUndefined();
    pause('graph', failoverAfterMs);
    expect(of()).toBe('smtp, not graph');
    breaker('smtp');
    expect(of()).toBeUndefined();
    delete open.smtp;
    breaker('graph', clock.now() - failoverAfterMs);
    expect(of()).toBe('smtp, not graph');
  });

  test('is none where the one to turn to may begin nothing now', () => {
    const { of, pause, state } = world();
    state.full = ['graph'];
    expect(of()).toBeUndefined();
    state.full = ['smtp'];
    expect(of()).toBe('graph');
    pause('graph', failoverAfterMs);
    expect(of()).toBeUndefined();
  });

  test('is the first that may be tried where all are shut', async () => {
    const { of, pause, clock, state } = world();
    pause('graph', 2 * failoverAfterMs);
    pause('smtp', failoverAfterMs);
    expect(of()).toBeUndefined();
    await clock.advance(failoverAfterMs);
    expect(of()).toBe('smtp, not graph');
    // Its trial is under way.
    state.busy = ['smtp'];
    expect(of()).toBeUndefined();
  });

  test('is the only one as soon as its pause is over, with one attempt at a time', async () => {
    const { of, pause, clock, state, breaker } = world();
    expect(of(['graph'])).toBe('graph');
    pause('graph', minuteMs);
    expect(of(['graph'])).toBeUndefined();
    await clock.advance(minuteMs);
    expect(of(['graph'])).toBe('graph');
    state.busy = ['graph'];
    expect(of(['graph'])).toBeUndefined();
    state.busy = [];
    breaker('graph');
    expect(of(['graph'])).toBeUndefined();
  });

  test('under way keeps no further attempt from beginning where nothing is paused', () => {
    const { of, state } = world();
    state.busy = ['graph'];
    expect([of(), of(['graph'])]).toEqual(['graph', 'graph']);
  });
});

test('a message is held up where the couriers that are left to it are shut, and others go by another', () => {
  const { choice, pause } = world();
  const heldUp = (couriers: CourierOrder, isNarrowed: boolean) => choice.isHeldUp({ couriers, isNarrowed });
  expect(heldUp(['graph'], true)).toBe(false);
  pause('graph', minuteMs);
  expect(heldUp(['graph'], true)).toBe(false);
  pause('graph', failoverAfterMs);
  expect([heldUp(['graph'], true), heldUp(['graph'], false), heldUp(both, true)]).toEqual([true, false, false]);
});

test('a client that waits gets the first courier without trouble, or the preferred one', () => {
  const { choice, pause, breaker } = world();
  expect(choice.ofDirect(both)).toBe('graph');
  pause('graph', 1_000);
  expect(choice.ofDirect(both)).toBe('smtp');
  breaker('smtp');
  expect(choice.ofDirect(both)).toBe('graph');
});

test('after an attempt that failed another courier takes the message where that one is shut', () => {
  const { choice, pause } = world();
  expect(choice.after('graph', both)).toBeUndefined();
  pause('graph', minuteMs);
  expect(choice.after('graph', both)).toBeUndefined();
  pause('graph', failoverAfterMs);
  expect(choice.after('graph', both)).toBe('smtp');
  expect(choice.after('smtp', both)).toBeUndefined();
  pause('smtp', failoverAfterMs);
  expect(choice.after('graph', both)).toBeUndefined();
});

test('another look is worth it when a pause is over, or a breaker has been open for the failover time', () => {
  const { choice, pause, breaker, clock } = world();
  expect(choice.waitMs()).toBe(Number.POSITIVE_INFINITY);
  breaker('graph', clock.now() - minuteMs);
  expect(choice.waitMs()).toBe(4 * minuteMs);
  pause('smtp', minuteMs);
  expect(choice.waitMs()).toBe(minuteMs);
  breaker('smtp', clock.now() - failoverAfterMs);
  expect(choice.waitMs()).toBe(minuteMs);
});
