import { expect, test } from 'vitest';
import type { CourierKind } from '../../../src/message/courier-kind.ts';
import type { DeliveryReport } from '../../../src/message/delivery.ts';
import { type Admission, type DirectAttempt, DirectLine } from '../../../src/queue/limits/direct.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

const graph: DirectAttempt = { couriers: ['graph'], recipients: ['a@x.example'] };
const smtp: DirectAttempt = { couriers: ['smtp'], recipients: ['a@x.example'] };
const report: DeliveryReport = { recipients: [] };

/** A line in front of limits that say how long each courier waits, and of this many permits. */
function line({ permits = 10 } = {}) {
  const clock = new FakeClock();
  const waitMs = { graph: 0, smtp: 0 };
  const state = { permits };
  const ended: unknown[][] = [];
  const abort = new AbortController();
  const direct = new DirectLine<{ courier: CourierKind; abort: AbortController }>(clock, {
    waitMs: ({ couriers: [courier] }) => waitMs[courier],
    take: ({ couriers: [courier] }) => (state.permits-- > 0 ? { courier, abort } : undefined),
    ended: (...args) => ended.push(args),
    guarded: (message) => message,
  });
  /** The result for a client that waits this long, once it is known. */
  const enter = (attempt: DirectAttempt, patienceMs = 5000) => {
    const seen: { admission?: unknown } = {};
    void direct.enter(attempt, patienceMs).then((admission) => Object.assign(seen, { admission }));
    return seen;
  };
  return { direct, clock, waitMs, state, ended, enter, abort };
}

const refused = (retryAfterMs: number) => ({ admission: { admitted: false, retryAfterMs } });

test('a client that would wait in vain is refused at once, with the wait rounded up, a second at least', async () => {
  const { enter, waitMs } = line();
  waitMs.graph = 5000.5;
  waitMs.smtp = 500;
  const seen = [enter(graph), enter(smtp, 100)];
  await settle();
  expect(seen).toEqual([refused(5001), refused(1000)]);
});

test('one that is patient enough waits for its turn, and is refused when its patience is over', async () => {
  const { enter, waitMs, clock, direct } = line();
  waitMs.graph = 5000;
  const seen = enter(graph);
  expect(direct.admit()).toBe(5000);
  await clock.advance(4999);
  expect(seen).toEqual({});
  waitMs.graph = Number.POSITIVE_INFINITY;
  await clock.advance(1);
  expect(seen).toEqual(refused(1000));
  waitMs.graph = 0;
  expect(direct.admit()).toBe(Number.POSITIVE_INFINITY);
});

test('first come, first served, as far as there are permits', async () => {
  const { enter, direct, state, clock } = line({ permits: 1 });
  const seen = [enter(graph), enter(graph), enter(smtp)];
  direct.admit();
  await settle();
  expect(seen).toMatchObject([{ admission: { admitted: true } }, {}, {}]);
  expect(seen.map(({ admission }) => admission !== undefined)).toEqual([true, false, false]);
  state.permits = 2;
  direct.admit();
  await settle();
  expect(seen.map(({ admission }) => (admission as Admission | undefined)?.admitted)).toEqual([true, true, true]);
  // Nobody's patience is running any more.
  await clock.advance(60_000);
  expect(seen.map(({ admission }) => (admission as Admission | undefined)?.admitted)).toEqual([true, true, true]);
});

test('one whose limits make it wait holds up nobody behind it; the shortest wait is told', async () => {
  const { enter, direct, waitMs } = line();
  waitMs.graph = 3000;
  const seen = [enter(graph), enter(smtp)];
  expect(direct.admit()).toBe(3000);
  await settle();
  expect(seen.map(({ admission }) => admission !== undefined)).toEqual([false, true]);
  enter(smtp);
  waitMs.smtp = 2000;
  expect(direct.admit()).toBe(2000);
});

test('those of one courier are refused, or all', async () => {
  const { enter, direct } = line({ permits: 0 });
  const seen = [enter(graph), enter(smtp)];
  direct.refuse('smtp');
  await settle();
  expect(seen).toEqual([{}, refused(1000)]);
  direct.refuse();
  await settle();
  expect(seen).toEqual([refused(1000), refused(1000)]);
});

test('the end of an attempt is told once, with when it was let in', async () => {
  const { direct, clock, ended, abort } = line();
  const entered = direct.enter(graph, 5000);
  await clock.advance(100);
  const startedAtMs = clock.now();
  direct.admit();
  const admission = (await entered) as Admission;
  await clock.advance(900);
  admission.ended(report);
  admission.ended(undefined);
  expect(ended).toEqual([[{ courier: 'graph', abort }, startedAtMs, report]]);
});
