import { expect, onTestFinished, test } from 'vitest';
import { ClockWatch, wasSetBack } from '../../src/queue/clock-watch.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { newMessage } from './stores/store-contract.ts';
import { openTestStore } from './test-store.ts';

test('a clock that is set by more than ten seconds is noticed once, whichever way', () => {
  const clock = new FakeClock(1_000_000);
  const watch = new ClockWatch(clock);
  const looks = [
    [60_000, 60_000, 0],
    [70_000, 60_000, 0],
    [70_001, 60_000, 10_001],
    [60_000, 60_000, 0],
    [50_000, 60_000, 0],
    [49_999, 60_000, -10_001],
    [-3_600_000, 60_000, -3_660_000],
    [60_000, 60_000, 0],
  ] as const;
  for (const [movesMs, sinceMs, expected] of looks) {
    clock.set(movesMs);
    expect(watch.look(sinceMs)).toBe(expected);
  }
});

test('a message received more than ten seconds after now shows that the clock was set back since the last run', async () => {
  const store = openTestStore(temporaryFolder());
  onTestFinished(() => store.close());
  const receivedAtMs = 1_000_000;
  const spool = store.spool();
  await spool.write(Buffer.from('Subject: x\r\n\r\nx\r\n'));
  await spool.commit(newMessage({ receivedAtMs }));
  expect(await wasSetBack(store, receivedAtMs)).toBe(false);
  expect(await wasSetBack(store, receivedAtMs - 10_000)).toBe(false);
  expect(await wasSetBack(store, receivedAtMs - 10_001)).toBe(true);
});
