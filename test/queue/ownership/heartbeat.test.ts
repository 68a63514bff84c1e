import { describe, expect, test } from 'vitest';
import { Heartbeat } from '../../../src/queue/ownership/heartbeat.ts';
import type { LeaseNews, LeaseTable } from '../../../src/queue/ownership/lease.ts';
import { LeaseCalls } from '../../../src/queue/ownership/lease-calls.ts';
import { usualTimes } from '../../../src/queue/ownership/times.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const { beatMs, leaseMs, marginMs } = usualTimes;
const trustedMs = leaseMs - marginMs;
const news: LeaseNews = { instances: ['a'], held: [], requested: [] };

/** The heartbeat of an instance whose store answers or not, and what it reported. */
function world() {
  const clock = new FakeClock();
  const startMs = clock.now();
  const store = { answer: async (): Promise<LeaseNews> => news };
  /** How far the machine's monotonic clock lags because it slept. */
  const machine = { sleptMs: 0 };
  const renewals: number[] = [];
  const told: string[] = [];
  const monotonicMs = () => clock.now() - startMs - machine.sleptMs;
  const leases = {
    renew: (ms: number) => {
      expect(ms).toBe(leaseMs);
      renewals.push(clock.now() - startMs);
      return store.answer();
    },
  } as unknown as LeaseTable;
  const heartbeat = new Heartbeat({
    ...{ leases, clock, monotonicMs, times: usualTimes, calls: new LeaseCalls(clock, 5_000) },
    onNews: () => told.push(heartbeat.isValid ? 'news' : 'old news'),
    onLapse: (silentMs, failure) => told.push(`lapse after ${silentMs} ms: ${failure}`),
  });
  const fails = async () => {
    throw new Error('away');
  };
  const pass = (ms: number) => clock.advance(ms);
  return { heartbeat, clock, store, machine, renewals, told, fails, pass };
}

describe('a heartbeat', () => {
  test('renews at the start and every two seconds, and is valid as long as it does', async () => {
    const { heartbeat, renewals, told, pass } = world();
    expect(heartbeat.isValid).toBe(false);
    await heartbeat.start();
    expect([heartbeat.isValid, renewals, told]).toEqual([true, [0], ['news']]);
    await pass(3 * beatMs - 1);
    expect(renewals).toEqual([0, beatMs, 2 * beatMs]);
    await pass(60_000);
    expect(heartbeat.isValid).toBe(true);
    expect(new Set(told)).toEqual(new Set(['news']));
    heartbeat.stop();
  });

  test('that cannot begin says why', async () => {
    const { heartbeat, store, fails } = world();
    store.answer = fails;
    await expect(heartbeat.start()).rejects.toThrow('away');
    heartbeat.stop();
  });

  test('that is nudged renews at once, or 200 ms after the last renewal', async () => {
    const { heartbeat, renewals, pass } = world();
    await heartbeat.start();
    await pass(beatMs + 50);
    renewals.splice(0);
    heartbeat.nudge();
    heartbeat.nudge();
    await pass(149);
    expect(renewals).toEqual([]);
    await pass(1);
    expect(renewals).toEqual([beatMs + 200]);
    await pass(200);
    heartbeat.nudge();
    await pass(0);
    expect(renewals).toEqual([beatMs + 200, beatMs + 400]);
    heartbeat.stop();
  });

  test('stopped, it is not valid, renews no more and tells nothing', async () => {
    const { heartbeat, renewals, told, pass, store, fails } = world();
    await heartbeat.start();
    let answer = () => {};
    store.answer = () =>
      new Promise((resolve) => {
        answer = () => resolve(news);
      });
    await pass(beatMs);
    heartbeat.stop();
    expect(heartbeat.isValid).toBe(false);
    answer();
    await pass(60_000);
    heartbeat.nudge();
    expect([renewals, told, heartbeat.isValid]).toEqual([[0, beatMs], ['news'], false]);
    // It may begin again.
    store.answer = async () => news;
    await heartbeat.start();
    expect([heartbeat.isValid, told]).toEqual([true, ['news', 'news']]);
    store.answer = fails;
    heartbeat.stop();
    await pass(60_000);
    expect(told).toHaveLength(2);
  });
});

describe('without the store', () => {
  test('it asks after half a second, then twice as long each time up to four seconds, and gives up once', async () => {
    const { heartbeat, renewals, told, pass, store, fails } = world();
    await heartbeat.start();
    store.answer = fails;
    await pass(trustedMs - 1);
    expect(heartbeat.isValid).toBe(true);
    expect(told).toEqual(['news']);
    await pass(1);
    expect(heartbeat.isValid).toBe(false);
    expect(told).toEqual(['news', `lapse after ${trustedMs} ms: Error: away`]);
    await pass(12_000);
    const gaps = renewals.slice(2).map((atMs, at) => atMs - (renewals[at + 1] ?? 0));
    expect(renewals.slice(0, 2)).toEqual([0, beatMs]);
    expect(gaps).toEqual([500, 1_000, 2_000, 4_000, 4_000, 4_000]);
    expect(told).toHaveLength(2);
    heartbeat.stop();
  });

  test('it is valid again with the next answer, waits as little as before, and would give up again', async () => {
    const { heartbeat, renewals, told, pass, store, fails } = world();
    await heartbeat.start();
    store.answer = fails;
    await pass(trustedMs);
    store.answer = async () => news;
    await pass(4_000);
    expect(heartbeat.isValid).toBe(true);
    expect(told.slice(2)).toContain('news');
    store.answer = fails;
    renewals.splice(0);
    await pass(beatMs + 500);
    expect((renewals[1] ?? 0) - (renewals[0] ?? 0)).toBe(500);
    await pass(trustedMs);
    expect(told.filter((each) => each.startsWith('lapse'))).toHaveLength(2);
    heartbeat.stop();
  });

  test('an answer counts from before it was asked for', async () => {
    const { heartbeat, told, pass, store } = world();
    await heartbeat.start();
    let answer = () => {};
    store.answer = () =>
      new Promise((resolve) => {
        answer = () => resolve(news);
      });
    await pass(beatMs);
    await pass(4_000);
    answer();
    await pass(0);
    store.answer = () => new Promise(() => {});
    // Sent at two seconds, it holds for eight: no longer, though the answer came four later.
    await pass(trustedMs - 4_000 - 1);
    expect(heartbeat.isValid).toBe(true);
    await pass(1);
    expect(heartbeat.isValid).toBe(false);
    expect(told.at(-1)).toMatch(/^lapse after 8000 ms: /);
    heartbeat.stop();
  });

  test('an answer that comes too late is old news', async () => {
    const { heartbeat, clock, told, pass, store } = world();
    await heartbeat.start();
    store.answer = async () => {
      clock.set(trustedMs);
      return news;
    };
    await pass(beatMs);
    expect(told).toEqual(['news', 'old news']);
    heartbeat.stop();
  });
});

describe('a process that stood still', () => {
  test('asks the store before it gives anything up', async () => {
    const { heartbeat, renewals, told, pass, clock } = world();
    await heartbeat.start();
    clock.set(trustedMs + 1_000);
    expect(heartbeat.isValid).toBe(false);
    await pass(beatMs);
    expect(told).toEqual(['news', 'news']);
    expect([heartbeat.isValid, renewals.length]).toEqual([true, 2]);
    heartbeat.stop();
  });

  test('gives up after two seconds where the store does not answer', async () => {
    const { heartbeat, told, pass, clock, store, renewals } = world();
    await heartbeat.start();
    store.answer = () => new Promise(() => {});
    await pass(1_000);
    clock.set(trustedMs + 5_000);
    // The timer that checks fires late.
    await pass(trustedMs - 1_000);
    const atMs = clock.now();
    expect(told).toEqual(['news']);
    await pass(1_999);
    expect(told).toEqual(['news']);
    await pass(1);
    expect(told.at(-1)).toMatch(/^lapse after \d+ ms: /);
    expect(told).toHaveLength(2);
    expect(clock.now() - atMs).toBe(2_000);
    expect(renewals.length).toBeGreaterThan(1);
    heartbeat.stop();
  });

  test('gives up at once where the store says that it cannot be reached', async () => {
    const { heartbeat, told, pass, clock, store, fails } = world();
    await heartbeat.start();
    clock.set(trustedMs + 5_000);
    store.answer = fails;
    await pass(trustedMs);
    const once = ['news', expect.stringMatching(/^lapse after \d+ ms: Error: away$/)];
    expect(told).toEqual(once);
    await pass(30_000);
    expect(told).toEqual(once);
    heartbeat.stop();
  });

  test.each([
    [999, 1],
    [1_000, 0],
  ])('for %d ms has not stood still, or has: it gives up at once %d times', async (ms, times) => {
    const { heartbeat, told, pass, clock, store } = world();
    await heartbeat.start();
    store.answer = () => new Promise(() => {});
    clock.set(ms);
    await pass(trustedMs);
    expect(told.filter((each) => each.startsWith(`lapse after ${trustedMs + ms} ms: `))).toHaveLength(times);
    heartbeat.stop();
  });

  test('a second time asks the store a second time', async () => {
    const { heartbeat, told, pass, clock } = world();
    await heartbeat.start();
    for (let time = 0; time < 2; time++) {
      clock.set(trustedMs + 5_000);
      await pass(trustedMs);
      expect(heartbeat.isValid).toBe(true);
    }
    expect(told.filter((each) => each.startsWith('lapse'))).toEqual([]);
    heartbeat.stop();
  });

  test('names no failure that was over by then', async () => {
    const { heartbeat, machine, told, pass, store, fails } = world();
    await heartbeat.start();
    store.answer = fails;
    await pass(beatMs);
    let answer = () => {};
    store.answer = () =>
      new Promise((resolve) => {
        answer = () => resolve(news);
      });
    await pass(500);
    machine.sleptMs = -13_000;
    await pass(4_900);
    answer();
    await pass(0);
    store.answer = () => new Promise(() => {});
    expect(told).toEqual(['news', 'old news']);
    await pass(2_600);
    expect(told.at(-1)).toBe('lapse after 20500 ms: undefined');
    heartbeat.stop();
  });

  test('a timer that comes a little early looks again', async () => {
    const { heartbeat, told, pass, clock, store } = world();
    await heartbeat.start();
    store.answer = () => new Promise(() => {});
    clock.set(-5);
    await pass(trustedMs);
    expect([told, heartbeat.isValid]).toEqual([['news'], true]);
    await pass(5);
    expect(told.at(-1)).toMatch(/^lapse after 8000 ms: /);
    heartbeat.stop();
  });

  test('a machine that slept counts the time of its wall clock', async () => {
    const { heartbeat, machine, pass, clock } = world();
    await heartbeat.start();
    await pass(100);
    clock.set(trustedMs);
    machine.sleptMs = trustedMs;
    expect(heartbeat.isValid).toBe(false);
    heartbeat.stop();
  });

  test('a wall clock that was set back makes a lease no longer', async () => {
    const { heartbeat, machine, pass, clock, store } = world();
    await heartbeat.start();
    store.answer = () => new Promise(() => {});
    clock.set(-3_600_000);
    machine.sleptMs = -3_600_000;
    await pass(trustedMs - 1);
    expect(heartbeat.isValid).toBe(true);
    await pass(1);
    expect(heartbeat.isValid).toBe(false);
    heartbeat.stop();
  });
});
