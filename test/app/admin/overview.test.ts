import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Overviews } from '../../../src/app/admin/overview.ts';
import type { BridgeState } from '../../../src/app/bridge-state.ts';
import { FakeClock } from '../../support/fake-clock.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** Overviews from a store that counts its calls, and answers when the test lets it. */
function counted() {
  let asked = 0;
  let answer: (() => void) | undefined;
  let isBusy = false;
  const overviews = new Overviews({
    facts: { notReady: async () => [], clients: () => ({ smtp: 2 }) },
    instance: { version: '1.2.3', instance: 'bridge-1', isSetUp: () => true },
    startedAtMs: 0,
    clock: new FakeClock(),
    store: {
      async summary() {
        asked += 1;
        const open = { queued: asked, held: 0, failed: 0, quarantined: 0 };
        if (isBusy) await new Promise<void>((resolve) => (answer = resolve));
        return { open };
      },
      deliveredSince: async () => 7,
    },
    state: () => ({ config: { accounts: [], connections: {} } }) as unknown as BridgeState,
    states: async () => [],
  });
  return {
    get: async () => (await overviews.get()).queue.queued,
    asked: () => asked,
    busy() {
      isBusy = true;
    },
    answer: () => answer?.(),
  };
}

test('those who ask at the same time, or within half a second, get the same', async () => {
  const { get, asked } = counted();
  expect(await Promise.all([get(), get(), get()])).toEqual([1, 1, 1]);
  await vi.advanceTimersByTimeAsync(400);
  expect([await get(), asked()]).toEqual([1, 1]);
  await vi.advanceTimersByTimeAsync(200);
  expect([await get(), asked()]).toEqual([2, 2]);
});

test('while the store is busy the one before is told, and the store is not asked twice', async () => {
  const { get, asked, busy, answer } = counted();
  await get();
  busy();
  await vi.advanceTimersByTimeAsync(1_000);
  const [soon, again] = [get(), get()];
  await vi.advanceTimersByTimeAsync(100);
  expect([await soon, await again, asked()]).toEqual([1, 1, 2]);
  answer();
  await vi.advanceTimersByTimeAsync(0);
  expect(await get()).toBe(2);
});

test('one that is more than five seconds old is not told any more', async () => {
  const { get, busy, answer } = counted();
  await get();
  busy();
  await vi.advanceTimersByTimeAsync(6_000);
  let told: number | undefined;
  const waiting = get().then((queued) => {
    told = queued;
  });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(told).toBeUndefined();
  answer();
  await waiting;
  expect(told).toBe(2);
});
