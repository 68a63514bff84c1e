import { expect, test } from 'vitest';
import { JointWork } from '../../../../src/mailstores/graph/sync/joint-work.ts';

/** A clock set by the test. */
function clockAt(ms: number) {
  let nowMs = ms;
  return {
    now: () => nowMs,
    after: () => () => {},
    pass: (passedMs: number) => {
      nowMs += passedMs;
    },
  };
}

/** Work that takes ten milliseconds and counts its runs. */
function counted(clock: ReturnType<typeof clockAt>, fails = false) {
  const work = {
    runs: 0,
    run: async () => {
      work.runs += 1;
      clock.pass(10);
      await undefined;
      clock.pass(1);
      if (fails) throw new Error(`run ${work.runs} failed`);
    },
  };
  return work;
}

test('who comes while it is under way shares the next run', async () => {
  const clock = clockAt(1_000);
  const joint = new JointWork(clock);
  const work = counted(clock);
  const first = joint.run(0, work.run);
  await undefined;
  clock.pass(1);
  await Promise.all([first, ...Array.from({ length: 5 }, () => joint.run(0, work.run))]);
  expect(work.runs).toBe(2);
});

test('a run that failed has failed for all who shared it, and for nobody who comes later', async () => {
  const clock = clockAt(1_000);
  const joint = new JointWork(clock);
  const work = counted(clock, true);
  const all = await Promise.allSettled(Array.from({ length: 5 }, () => joint.run(0, work.run)));
  expect(all.map((each) => each.status === 'rejected' && String(each.reason))).toEqual([
    'Error: run 1 failed',
    ...Array.from({ length: 4 }, () => 'Error: run 2 failed'),
  ]);
  await expect(joint.run(0, work.run)).rejects.toThrow('run 3 failed');
});

test('what comes of one whose client has gone concerns nobody else', async () => {
  const clock = clockAt(1_000);
  const joint = new JointWork(clock);
  const work = counted(clock);
  const gone = new AbortController();
  const leaving = joint.run(
    0,
    async () => {
      clock.pass(10);
      gone.abort(new Error('gone'));
      throw new Error('gone');
    },
    gone.signal,
  );
  const other = joint.run(0, work.run);
  await expect(leaving).rejects.toThrow('gone');
  await other;
  expect(work.runs).toBe(1);
});

test('what is young enough is not done again, unless it has expired', async () => {
  const clock = clockAt(1_000);
  const joint = new JointWork(clock);
  const work = counted(clock);
  await joint.run(0, work.run);
  clock.pass(1_000);
  await joint.run(5_000, work.run);
  expect(work.runs).toBe(1);
  joint.expire();
  clock.pass(1);
  await joint.run(5_000, work.run);
  expect(work.runs).toBe(2);
});
