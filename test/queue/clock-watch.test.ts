import { expect, test } from 'vitest';
import { ClockWatch } from '../../src/queue/clock-watch.ts';
import { FakeClock } from '../support/fake-clock.ts';

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
