import { expect, test } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import { Parking } from '../../../src/queue/limits/parking.ts';
import type { QueuedMessage } from '../../../src/queue/message.ts';
import { LeaseGuard } from '../../../src/queue/ownership/lease-guard.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const lease = { key: 'k', fence: 1, sinceMs: 0 };
const minuteMs = 60_000;

/** Parks messages that each wait this long for the tenant's limit. */
async function parked(waitsMs: readonly number[], error?: Error) {
  const clock = new FakeClock();
  const told: unknown[] = [];
  const waits = [...waitsMs];
  const messages = waitsMs.map(
    (_, at) => ({ id: `m${at}`, courier: 'graph', recipients: [] }) as unknown as QueuedMessage,
  );
  const parking = new Parking({
    clock,
    store: {
      defer: async (ids, untilMs, by) => {
        if (error) throw error;
        told.push(['defer', ids, untilMs - clock.now(), by]);
      },
    },
    attempts: { externalWaitMs: () => waits.shift() ?? 0 },
    guard: new LeaseGuard(lease, { holds: () => true }),
    onParked: (ids, untilMs) => told.push(['parked', ids, untilMs === undefined ? undefined : untilMs - clock.now()]),
    onLost: (ids) => told.push(['lost', ids]),
    onFailure: (failure) => told.push(['failure', failure]),
  });
  await parking.park(messages);
  return told;
}

test.each([
  ['for as long as the tenant’s limit says', [10 * minuteMs], 10 * minuteMs],
  ['for the longest of several', [minuteMs, 20 * minuteMs, 0], 20 * minuteMs],
  ['for five minutes at least', [1], 5 * minuteMs],
  ['for five minutes where only the end of an attempt makes room', [Number.POSITIVE_INFINITY], 5 * minuteMs],
  ['for a minute where it waits for its courier alone', [0], minuteMs],
])('what must not hold up others is put off %s', async (_, waitsMs, untilMs) => {
  const ids = waitsMs.map((_each, at) => `m${at}`);
  expect(await parked(waitsMs)).toEqual([
    ['defer', ids, untilMs, lease],
    ['parked', ids, untilMs],
  ]);
});

test('a store that cannot write that is told, and a lease that is lost is not', async () => {
  const error = new Error('disk I/O error');
  expect(await parked([0, 0], error)).toEqual([
    ['failure', error],
    ['parked', ['m0', 'm1'], undefined],
  ]);
  expect(await parked([0], new BridgeError('lease-lost', 'x'))).toEqual([['lost', ['m0']]]);
});
