import { expect, onTestFinished, test } from 'vitest';
import type { OpenDestinations } from '../../src/queue/open-destinations.ts';
import type { QueueStore } from '../../src/queue/store.ts';
import { Upkeep } from '../../src/queue/upkeep.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordedLog } from './recorded-log.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const startMs = Date.UTC(2026, 0, 5, 8);

/** The upkeep of a queue, and what it did. */
function world(overrides: Partial<QueueStore> = {}, states: Readonly<Record<string, string>> = {}) {
  const clock = new FakeClock(startMs);
  const { log, lines } = recordedLog();
  const done: unknown[][] = [];
  const forgotten: string[] = [];
  const noted =
    (name: string) =>
    async (...given: unknown[]) => {
      done.push([name, ...given]);
      return 0;
    };
  const store = {
    purge: noted('purge'),
    purgeCounts: noted('purgeCounts'),
    records: { purge: noted('purge records') },
    get: async (id: string) => (id in states ? { id, state: states[id] } : undefined),
    ...overrides,
  } as unknown as QueueStore;
  const inFlight = { ids: new Set(Object.keys(states).concat('gone')), forget: (id: string) => forgotten.push(id) };
  const seen = { clockSet: [] as number[], expiredLooks: 0 };
  const upkeep = new Upkeep({
    ...{ store, clock, log },
    destinations: { all: () => [{ inFlight }] } as unknown as OpenDestinations,
    retain: { deliveredMs: hourMs, failedMs: 2 * hourMs },
    onClockSet: (byMs) => seen.clockSet.push(byMs),
    lookForExpired: () => {
      seen.expiredLooks++;
    },
  });
  onTestFinished(() => upkeep.stop());
  return { upkeep, clock, seen, done, forgotten, lines };
}

test('messages that have run out of time are looked for once a minute', async () => {
  const { upkeep, clock, seen } = world();
  upkeep.start();
  await clock.advance(minuteMs - 1);
  expect(seen.expiredLooks).toBe(0);
  await clock.advance(1);
  expect(seen.expiredLooks).toBe(1);
  await clock.advance(9 * minuteMs);
  expect(seen.expiredLooks).toBe(10);
});

test('what is finished long enough is forgotten once an hour', async () => {
  const { upkeep, clock, done } = world();
  upkeep.start();
  await clock.advance(hourMs - 1);
  expect(done).toEqual([]);
  await clock.advance(1);
  const now = startMs + hourMs;
  expect(done).toEqual([
    ['purge', { deliveredMs: startMs, failedMs: startMs - hourMs }],
    ['purgeCounts', now - 48 * hourMs],
    ['purge records', now],
  ]);
  await clock.advance(hourMs);
  expect(done).toHaveLength(6);
});

test('of attempts what is remembered of messages goes with them', async () => {
  const { upkeep, clock, forgotten } = world({}, { waiting: 'queued', held: 'held', sent: 'delivered' });
  upkeep.start();
  await clock.advance(hourMs);
  expect(forgotten).toEqual(['sent', 'gone']);
});

test.each(['purge', 'purgeCounts', 'records', 'get'] as const)(
  'what cannot be forgotten is told, and tried again in an hour: %s',
  async (name) => {
    const error = new Error('disk I/O error');
    const fails = async () => {
      throw error;
    };
    const broken = name === 'records' ? { records: { purge: fails } } : { [name]: fails };
    const { upkeep, clock, lines } = world(broken as unknown as Partial<QueueStore>);
    upkeep.start();
    await clock.advance(2 * hourMs);
    expect(lines).toEqual(Array(2).fill({ level: 'error', fields: { error }, text: 'queue: cannot purge' }));
  },
);

test('a clock that was set is told within a second, by how much', async () => {
  const { upkeep, clock, seen } = world();
  // There was no look before the start.
  clock.set(hourMs);
  upkeep.start();
  await clock.advance(5_000);
  expect(seen.clockSet).toEqual([]);
  clock.set(-hourMs);
  await clock.advance(1_000);
  expect(seen.clockSet).toEqual([-hourMs]);
  clock.set(10_000);
  await clock.advance(5_000);
  clock.set(10_001);
  await clock.advance(1_000);
  expect(seen.clockSet).toEqual([-hourMs, 10_001]);
});

test('stopped, it does nothing more, neither then nor from within what it does', async () => {
  const { upkeep, clock, seen, done } = world();
  upkeep.start();
  upkeep.stop();
  clock.set(hourMs);
  await clock.advance(2 * hourMs);
  expect([seen, done]).toEqual([{ clockSet: [], expiredLooks: 0 }, []]);
  const other = world({}, {});
  other.upkeep.start();
  other.clock.after(minuteMs, () => other.upkeep.stop());
  await other.clock.advance(10 * minuteMs);
  expect(other.seen.expiredLooks).toBe(1);
});
