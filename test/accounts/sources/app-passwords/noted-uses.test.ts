import { expect, test } from 'vitest';
import { NotedUses } from '../../../../src/accounts/sources/app-passwords/noted-uses.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { keptLog } from '../../../support/kept-log.ts';

const startMs = 1_000_000;

function world() {
  const clock = new FakeClock(startMs);
  const { log, lines } = keptLog();
  const known = new Set(['one', 'two', 'three']);
  const written: Record<string, number>[] = [];
  let failure: Error | undefined;
  const uses = new NotedUses({
    ...{ clock, log },
    noteEveryMs: 60_000,
    isKnown: (id) => known.has(id),
    async write(given) {
      if (failure) throw failure;
      written.push(Object.fromEntries(given));
    },
  });
  return {
    ...{ clock, lines, known, written, uses },
    fail(error: Error | undefined): void {
      failure = error;
    },
  };
}

test('many uses are one write, and one soon again is none', async () => {
  const { clock, uses, written } = world();
  for (const id of ['one', 'two', 'one', 'one']) uses.note(id);
  await clock.advance(5_000);
  uses.note('one');
  await clock.advance(50_000);
  expect(written).toEqual([{ one: startMs, two: startMs }]);
  await clock.advance(5_000);
  uses.note('one');
  await clock.advance(5_000);
  expect(written[1]).toEqual({ one: startMs + 60_000 });
});

test('uses that could not be written are written with the next ones, the latest of each', async () => {
  const { clock, uses, written, fail, lines } = world();
  fail(new Error('no room'));
  uses.note('one');
  uses.note('two');
  await clock.advance(5_000);
  expect(lines).toMatchObject([{ msg: 'cannot save the use of app passwords: no room' }]);
  fail(undefined);
  await clock.advance(60_000);
  uses.note('two');
  await clock.advance(5_000);
  expect(written).toEqual([{ one: startMs, two: startMs + 65_000 }]);
});

test('the end writes what is left, and what could not be written before', async () => {
  const { clock, uses, written, fail } = world();
  fail(new Error('no room'));
  uses.note('one');
  await clock.advance(5_000);
  fail(undefined);
  await uses.close();
  await uses.close();
  expect(written).toEqual([{ one: startMs }]);
});

test('the uses of one that has ended are forgotten', async () => {
  const { clock, uses, written, known } = world();
  uses.note('one');
  uses.note('two');
  known.delete('one');
  await clock.advance(5_000);
  expect(written).toEqual([{ two: startMs }]);
});
