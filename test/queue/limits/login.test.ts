import { describe, expect, test } from 'vitest';
import { meteredQueue, type Upstream } from '../metered-world.ts';

const secondMs = 1000;
const minuteMs = 60 * secondMs;

/** The most SMTP attempts under way at one moment, over all mailboxes. */
function mostAtOnce({ seen }: Upstream): number {
  const bySmtp = seen.filter(({ courier }) => courier === 'smtp');
  return Math.max(
    ...bySmtp.map(
      ({ startedAtMs: at }) => bySmtp.filter((each) => each.startedAtMs <= at && at < each.endedAtMs).length,
    ),
  );
}

/** The most SMTP attempts begun within any minute, over all mailboxes. */
function mostInAMinute({ seen }: Upstream): number {
  const at = seen.filter(({ courier }) => courier === 'smtp').map(({ startedAtMs }) => startedAtMs);
  return Math.max(...at.map((from) => at.filter((each) => from <= each && each < from + minuteMs).length));
}

const shared = (n: number) => ({ connection: 'person', mailbox: `shared${n}@contoso.example` });

describe('shared mailboxes that one person sends as by SMTP', () => {
  test('send thirty messages a minute together, as the person who logs in may', async () => {
    const { sendMany, clock, upstream } = meteredQueue({ messagesPerMinute: 30 });
    for (let n = 0; n < 4; n++) await sendMany(25, { ...shared(n), courier: 'smtp' });
    await clock.advance(minuteMs - secondMs);
    expect(upstream.seen).toHaveLength(30);
    await clock.advance(5 * minuteMs);
    expect(upstream.seen).toHaveLength(100);
    expect(mostInAMinute(upstream)).toBe(30);
  });

  test('have three connections together, and none of them is left without for long', async () => {
    const { sendMany, clock, upstream } = meteredQueue();
    upstream.latencyMs = () => 10 * secondMs;
    for (let n = 0; n < 6; n++) await sendMany(8, { ...shared(n), courier: 'smtp' });
    await clock.advance(2 * minuteMs);
    expect(mostAtOnce(upstream)).toBe(3);
    for (let n = 0; n < 6; n++) expect(upstream.times(shared(n).mailbox).length).toBeGreaterThanOrEqual(3);
    await clock.advance(2 * minuteMs);
    expect(upstream.seen).toHaveLength(48);
  });

  test('have limits of their own by Graph', async () => {
    const { sendMany, clock, upstream } = meteredQueue({ messagesPerMinute: 30 });
    for (let n = 0; n < 4; n++) await sendMany(25, { ...shared(n), courier: 'graph' });
    await clock.advance(secondMs);
    expect(upstream.seen).toHaveLength(100);
  });

  test('and mailboxes that log in themselves share nothing', async () => {
    const { sendMany, clock, upstream } = meteredQueue({ messagesPerMinute: 30 });
    for (let n = 0; n < 4; n++) await sendMany(25, { ...shared(n), connection: 'contoso', courier: 'smtp' });
    await clock.advance(secondMs);
    expect(upstream.seen).toHaveLength(100);
  });
});

test('a restart does not let the person who logs in send thirty more within the minute', async () => {
  const { sendMany, clock, upstream, stop, folder } = meteredQueue({ messagesPerMinute: 30 });
  for (let n = 0; n < 3; n++) await sendMany(8, { ...shared(n), courier: 'smtp' });
  await clock.advance(10 * secondMs);
  expect(upstream.seen).toHaveLength(24);
  await stop(0, 0);
  const again = meteredQueue({ messagesPerMinute: 30 }, { folder, clock, upstream });
  // What was just sent also counts against mailboxes that have sent nothing.
  for (let n = 3; n < 6; n++) await again.sendMany(8, { ...shared(n), courier: 'smtp' });
  await clock.advance(10 * secondMs);
  expect(upstream.seen).toHaveLength(30);
  await clock.advance(5 * minuteMs);
  expect(upstream.seen).toHaveLength(48);
  expect(mostInAMinute(upstream)).toBe(30);
});
