import { expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.ts';
import { meteredQueue, Upstream } from '../metered-world.ts';

const minuteMs = 60_000;

/** Numbers that only look random (mulberry32), so that a failure can be repeated. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

test('an hour of 50 mailboxes, one of them flooding, with a restart in the middle', { timeout: 120_000 }, async () => {
  const random = numbers(2026);
  const clock = new FakeClock();
  const upstream = new Upstream(clock, random);
  // Half a second to four seconds; one in a hundred is a large message that takes a minute.
  upstream.latencyMs = () => (random() < 0.01 ? minuteMs : Math.round(500 + 3500 * random()));
  const limits = { messagesPerMinute: 30, recipientsPerDay: 2000, concurrentDeliveries: 10 };
  const before = meteredQueue(limits, { clock, upstream });
  const start = clock.now();
  const flooding = 'flood@contoso.example';
  const quiet = Array.from({ length: 49 }, (_, i) => `quiet${i}@contoso.example`);

  await before.sendMany(5000, { mailbox: flooding, account: 'erp' }, ['a@x.example', 'b@x.example']);
  for (const [i, mailbox] of quiet.entries()) {
    const way = i % 2 ? ({ connection: 'fabrikam', courier: 'smtp' } as const) : {};
    await before.sendMany(10, { mailbox, account: mailbox, ...way });
  }
  await clock.advance(20 * minuteMs);
  await before.stop();
  const restartedAtMs = clock.now();
  const after = meteredQueue(limits, { clock, upstream, folder: before.folder });
  for (const [i, mailbox] of quiet.entries()) {
    await after.sendMany(2, { mailbox, account: mailbox, connection: i % 2 ? 'fabrikam' : 'contoso' });
  }
  await clock.advance(30 * minuteMs);

  // Every limit, as seen by an observer that counts each message at an unknown moment.
  for (const mailbox of [flooding, ...quiet]) {
    expect(upstream.mostWithin(mailbox, minuteMs, () => 1)).toBeLessThanOrEqual(30);
    expect(upstream.mostWithin(mailbox, 24 * 60 * minuteMs, (seen) => seen.to.length)).toBeLessThanOrEqual(2000);
    expect(upstream.mostOf.get(`${mailbox} smtp`) ?? 0).toBeLessThanOrEqual(3);
    expect(upstream.mostOf.get(`${mailbox} graph`) ?? 0).toBeLessThanOrEqual(4);
  }
  expect(upstream.mostAtOnce).toBe(10);
  expect(new Set(upstream.seen.map(({ id }) => id)).size).toBe(upstream.seen.length);

  // The flood gets what its limits allow: nearly 30 a minute, until its recipients of the day are used up.
  expect(upstream.times(flooding).filter((at) => at < start + 20 * minuteMs).length).toBeGreaterThan(400);
  expect(upstream.times(flooding).length).toBe(1000);

  // Ten permits shared evenly by 50 mailboxes: 500 messages of their even share, at the average duration of one.
  const busyMs = upstream.seen.map((each) => each.endedAtMs - each.startedAtMs);
  const fairMs = (500 * (busyMs.reduce((sum, ms) => sum + ms, 0) / busyMs.length)) / 10;
  for (const mailbox of quiet) {
    const times = upstream.times(mailbox);
    expect(times).toHaveLength(12);
    const first = times.filter((at) => at < restartedAtMs);
    expect(first).toHaveLength(10);
    expect(Math.max(...first) - start).toBeLessThan(2 * fairMs);
    expect(Math.max(...times) - restartedAtMs).toBeLessThan(2 * fairMs);
  }
});
