import { expect, test } from 'vitest';
import { usualTimes } from '../../../src/queue/ownership/times.ts';
import { WaitingMail } from '../../../src/queue/ownership/waiting-mail.ts';

function mailOf(answer: () => Promise<readonly string[]>) {
  const time = { nowMs: 0 };
  const mail = new WaitingMail({
    store: {
      destinations: async () => (await answer()).map((destination) => ({ destination, nextAttemptAtMs: 0 })),
    },
    times: usualTimes,
    monotonicMs: () => time.nowMs,
    keyOf: (destination) => destination,
    isOurs: () => false,
    isPreferred: (key) => key.startsWith('ours'),
  });
  return { mail, time };
}

test('mail that comes while the store is asked is not forgotten for its answer', async () => {
  const { mail, time } = mailOf(async () => {
    time.nowMs = 10;
    mail.add('ours/new');
    return ['ours/old'];
  });
  mail.add('ours/over');
  time.nowMs = 5;
  await mail.read();
  expect(mail.take(false)).toEqual(['ours/new', 'ours/old']);
  expect(mail.has('ours/over')).toBe(false);
});

test('what is preferred here is tried at once and at each beat, the rest when it was left alone', async () => {
  const { mail, time } = mailOf(async () => []);
  mail.add('ours');
  mail.add('theirs');
  const tried: string[] = [];
  for (; time.nowMs <= 46_000; time.nowMs += 1_000) {
    for (const key of mail.take(false)) tried.push(`${time.nowMs / 1000} ${key}`);
  }
  expect(tried.filter((each) => each.endsWith('theirs'))).toEqual(['5 theirs', '10 theirs', '20 theirs', '40 theirs']);
  expect(tried.filter((each) => each.endsWith('ours')).slice(0, 3)).toEqual(['0 ours', '2 ours', '4 ours']);
});

test('of much that others have, a part is tried at a time, the longest untried first', () => {
  const { mail } = mailOf(async () => []);
  for (let at = 0; at < 1_200; at++) mail.add(`ours/${at}`);
  expect(mail.take(false)).toHaveLength(1_200);
  expect(mail.take(true)).toEqual(Array.from({ length: 500 }, (_, at) => `ours/${at}`));
  expect(mail.take(true)[0]).toBe('ours/500');
});

test('a store that takes long to answer is asked less often, every 10 s at least', async () => {
  let tookMs = 0;
  const { mail, time } = mailOf(async () => {
    time.nowMs += tookMs;
    return [];
  });
  const gapAfter = async (ms: number) => {
    tookMs = ms;
    await mail.read();
    const startedMs = time.nowMs;
    while (!mail.isOld) time.nowMs += 100;
    return time.nowMs - startedMs;
  };
  expect(await gapAfter(0)).toBe(0);
  expect(await gapAfter(500)).toBe(5_000);
  expect(await gapAfter(60_000)).toBe(10_000);
});
