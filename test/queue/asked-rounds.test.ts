import { expect, test } from 'vitest';
import { AskedRounds } from '../../src/queue/asked-rounds.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

/** Rounds that end when the test says so. */
function world() {
  const clock = new FakeClock();
  const ends: (() => void)[] = [];
  const rounds = new AskedRounds(
    clock,
    () => clock.now(),
    () => new Promise((resolve) => ends.push(resolve)),
  );
  rounds.start();
  return { clock, ends, rounds };
}

test('who asks during a round waits for one that begins after it, the same for all', async () => {
  const { ends, rounds } = world();
  const over: string[] = [];
  void rounds.ask().then(() => over.push('first'));
  void rounds.ask().then(() => over.push('second'));
  void rounds.ask().then(() => over.push('third'));
  await settle();
  expect(ends).toHaveLength(1);
  ends[0]?.();
  await settle();
  expect([ends.length, over]).toEqual([2, ['first']]);
  ends[1]?.();
  await settle();
  expect([ends.length, over]).toEqual([2, ['first', 'second', 'third']]);
});

test('of two times the earlier one counts', async () => {
  const { clock, ends, rounds } = world();
  rounds.askWithin(1000);
  rounds.askWithin(5000);
  rounds.askWithin(500);
  await clock.advance(499);
  expect(ends).toHaveLength(0);
  await clock.advance(1);
  expect(ends).toHaveLength(1);
  ends[0]?.();
  await clock.advance(10_000);
  expect(ends).toHaveLength(1);
});

test('stopped, none begins: neither one that is asked for, nor one that waits, nor one of a timer', async () => {
  const { clock, ends, rounds } = world();
  void rounds.ask();
  const waits = rounds.ask();
  rounds.askWithin(100);
  rounds.stop();
  ends[0]?.();
  await waits;
  await rounds.ask();
  await clock.advance(1000);
  expect(ends).toHaveLength(1);
});
