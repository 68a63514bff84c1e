import { expect, test } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { MailWatch, type MailWatchOptions } from '../../src/queue/mail-watch.ts';
import type { DestinationDue, QueueStore } from '../../src/queue/store.ts';
import { FakeClock } from '../support/fake-clock.ts';

const ours = 'contoso/reports@contoso.example';

/** A watch over a store that tells nothing by itself, and what it did. */
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
