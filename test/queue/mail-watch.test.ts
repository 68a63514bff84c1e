import { describe, expect, test } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { MailWatch, type MailWatchOptions } from '../../src/queue/mail-watch.ts';
import type { DestinationDue, QueueStore, StoreChange } from '../../src/queue/store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordedLog } from './recorded-log.ts';

const ours = 'contoso/reports@contoso.example';

/** A watch over a store that reports nothing on its own, and what it did. */
function watched(isShared: boolean, due: () => readonly DestinationDue[]) {
  const clock = new FakeClock();
  const done: string[] = [];
  const store: Partial<QueueStore> = {
    leases: isShared ? ({} as NonNullable<QueueStore['leases']>) : undefined,
    subscribe: () => () => {},
    destinations: async () => due(),
  };
  const open = { queuedElsewhere: () => done.push(`look into ${ours}`) };
  const watch = new MailWatch({
    store: store as QueueStore,
    clock,
    log: silentLog,
    destinations: { get: () => open, all: () => [], open: async () => undefined } as never,
    ownership: { wanted: (destination) => done.push(`offer ${destination}`) },
    leaseOf: (destination) => (destination === ours ? { key: ours, fence: 1, sinceMs: 0 } : undefined),
    onAdministered: () => {},
    onFailure: (error) => done.push(String(error)),
  } satisfies MailWatchOptions);
  watch.start();
  return { watch, clock, done, pass: (ms: number) => clock.advance(ms) };
}

test('mail that nobody told of is found within ten seconds, where several instances accept it', async () => {
  const { watch, clock, done, pass } = watched(true, () => [
    { destination: ours, nextAttemptAtMs: clock.now() },
    { destination: 'contoso/other@contoso.example', nextAttemptAtMs: clock.now() },
    { destination: 'contoso/later@contoso.example', nextAttemptAtMs: clock.now() + 60_000 },
  ]);
  await pass(9_999);
  expect(done).toEqual([]);
  await pass(1);
  await new Promise((resolve) => setImmediate(resolve));
  const found = [`look into ${ours}`, 'offer contoso/other@contoso.example', 'offer contoso/later@contoso.example'];
  expect(done).toEqual(found);
  await pass(10_000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(done).toEqual([...found, ...found]);
  watch.stop();
  await pass(60_000);
  expect(done.length).toBe(6);
});

test('where one instance uses the store, nobody looks from time to time', async () => {
  const { done, pass } = watched(false, () => [{ destination: ours, nextAttemptAtMs: 0 }]);
  await pass(60_000);
  expect(done).toEqual([]);
});

/** A watch over a store that reports what the test says. */
function told(given: Partial<QueueStore> = {}) {
  const clock = new FakeClock();
  const { log, lines } = recordedLog();
  const done: string[] = [];
  let tell: ((change: StoreChange) => void) | undefined;
  const state = { due: [] as DestinationDue[], looks: 0, isOpen: true };
  const open = { queuedElsewhere: () => done.push('look into it'), storeIsBack: () => done.push('store is back') };
  const store: Partial<QueueStore> = {
    leases: undefined,
    subscribe: (told) => {
      tell = told;
      return () => done.push('subscription ended');
    },
    destinations: async () => {
      state.looks++;
      return state.due;
    },
    ...given,
  };
  const watch = new MailWatch({
    store: store as QueueStore,
    ...{ clock, log },
    destinations: {
      get: () => (state.isOpen ? open : undefined),
      all: () => [open],
      open: async (destination: string) => void done.push(`open ${destination}`),
    } as never,
    ownership: { wanted: (destination) => done.push(`offer ${destination}`) },
    leaseOf: (destination) => (destination === ours ? { key: ours, fence: 1, sinceMs: 0 } : undefined),
    onAdministered: () => done.push('administered'),
    onFailure: (error) => done.push(String(error)),
  });
  watch.start();
  return { watch, clock, done, lines, state, tell: (change: StoreChange) => tell?.(change) };
}

describe('what the store tells', () => {
  test('of mail that came is looked into, opened or offered', () => {
    const { tell, done, state } = told();
    tell({ kind: 'queued', destinations: [ours, 'contoso/other@contoso.example'] });
    state.isOpen = false;
    tell({ kind: 'queued', destinations: [ours] });
    tell({ kind: 'leases' });
    tell({ kind: 'administered' });
    expect(done).toEqual(['look into it', 'offer contoso/other@contoso.example', `open ${ours}`, 'administered']);
  });

  test('of its own absence is told once, and when it is back everybody looks again', async () => {
    const { watch, tell, done, lines, state, clock } = told();
    expect(watch.isReachable).toBe(true);
    tell({ kind: 'unreachable' });
    tell({ kind: 'unreachable' });
    expect(watch.isReachable).toBe(false);
    tell({ kind: 'reachable' });
    expect(watch.isReachable).toBe(true);
    await clock.advance(0);
    expect([done, state.looks]).toEqual([['store is back'], 1]);
    tell({ kind: 'reachable' });
    expect(lines.map(({ level }) => level)).toEqual(['error', 'warn']);
    expect(lines[0]).toMatchObject({
      fields: { code: 'queue-unreachable' },
      text: 'queue: store unreachable, delivery stopped',
    });
  });

  test('after a stop counts for nothing', async () => {
    const { watch, tell, done, state, clock } = told();
    watch.stop();
    tell({ kind: 'queued', destinations: [ours] });
    tell({ kind: 'unreachable' });
    watch.look();
    await clock.advance(60_000);
    expect([done, state.looks, watch.isReachable]).toEqual([['subscription ended'], 0, true]);
  });
});

describe('a look', () => {
  test('serves all who ask in the same turn; who asks while it is under way gets another', async () => {
    const { watch, state, clock } = told();
    watch.look();
    watch.look();
    await clock.advance(0);
    expect(state.looks).toBe(1);
    watch.look();
    await Promise.resolve();
    watch.look();
    await clock.advance(0);
    expect(state.looks).toBe(3);
  });

  test('finds what is due now, and what is due later', async () => {
    const { watch, state, clock, done } = told();
    state.due = [
      { destination: ours, nextAttemptAtMs: clock.now() },
      { destination: ours, nextAttemptAtMs: clock.now() + 1 },
    ];
    watch.look();
    await clock.advance(0);
    expect(done).toEqual(['look into it', `open ${ours}`]);
  });

  test('that fails is told, and made again after a second, not sooner', async () => {
    let failures = 2;
    let looks = 0;
    const destinations = async () => {
      looks++;
      if (failures-- > 0) throw new Error('disk I/O error');
      return [];
    };
    const { watch, clock, done } = told({ destinations });
    watch.look();
    await clock.advance(0);
    expect([looks, done]).toEqual([1, ['Error: disk I/O error']]);
    watch.look();
    await clock.advance(999);
    expect(looks).toBe(1);
    await clock.advance(1);
    expect(looks).toBe(2);
    await clock.advance(1_000);
    expect(looks).toBe(3);
    await clock.advance(60_000);
    expect([looks, done.length]).toEqual([3, 2]);
  });

  test('that fails after a stop, or in which it is stopped, goes no further', async () => {
    let answer = (_due: DestinationDue[]) => {};
    const destinations = () =>
      new Promise<DestinationDue[]>((resolve) => {
        answer = resolve;
      });
    const { watch, clock, done } = told({ destinations });
    watch.look();
    await clock.advance(0);
    watch.stop();
    answer([{ destination: ours, nextAttemptAtMs: 0 }]);
    await clock.advance(60_000);
    expect(done).toEqual(['subscription ended']);
    const failing = told({
      destinations: async () => {
        failing.watch.stop();
        throw new Error('closed');
      },
    });
    failing.watch.look();
    await failing.clock.advance(60_000);
    expect(failing.done).toEqual(['subscription ended', 'Error: closed']);
  });

  test('from time to time is left out while the store is away', async () => {
    const { tell, state, clock } = told({ leases: {} as NonNullable<QueueStore['leases']> });
    tell({ kind: 'unreachable' });
    await clock.advance(30_000);
    expect(state.looks).toBe(0);
    tell({ kind: 'reachable' });
    await clock.advance(9_999);
    expect(state.looks).toBe(1);
    await clock.advance(1);
    expect(state.looks).toBe(2);
  });
});
