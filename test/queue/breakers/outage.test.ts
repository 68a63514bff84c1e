import { expect, test } from 'vitest';
import { hourMs, minuteMs, outageQueue, outages, trouble } from './outage-world.ts';

const mailboxes = Array.from({ length: 10 }, (_, i) => `printer${i}@contoso.example`);
const limits = { messagesPerMinute: 30, concurrentDeliveries: 64 };

test.each(Object.entries(outages))(
  'an hour in which %s: few come there, nothing is written for a message, and all goes out soon after',
  { timeout: 120_000 },
  async (_name, outage) => {
    const { clock, upstream, sendMany, store, writes, lines } = outageQueue(limits);
    upstream.latencyMs = () => 200;
    await sendMany(1, { mailbox: mailboxes[0] as string });
    await clock.advance(minuteMs);
    upstream.outage = outage;
    for (const mailbox of mailboxes) await sendMany(60, { mailbox });
    await clock.advance(minuteMs);
    const before = { attempts: upstream.seen.length, writes: writes.messages };
    await clock.advance(hourMs - minuteMs);

    expect(upstream.seen.length + upstream.probes.length).toBeLessThan(200);
    expect(upstream.seen.length).toBe(before.attempts);
    expect(writes.messages).toBe(before.writes);
    expect(writes.pauses).toBeLessThanOrEqual(upstream.probes.length + 1);
    expect(await store.count('queued')).toBe(600);

    const overAtMs = clock.now();
    upstream.outage = undefined;
    const attempted = upstream.seen.length;
    await clock.advance(30_000);
    const after = upstream.seen.slice(attempted);
    expect((after[0]?.startedAtMs ?? Number.POSITIVE_INFINITY) - overAtMs).toBeLessThan(29_500);
    await clock.advance(3 * minuteMs);
    expect(await store.count('queued')).toBe(0);
    expect(await store.count('delivered')).toBe(601);
    for (const mailbox of mailboxes) {
      const times = upstream.seen.slice(attempted).filter((each) => each.mailbox === mailbox);
      const first = times.map(({ startedAtMs }) => startedAtMs);
      for (const at of first) {
        expect(first.filter((each) => each > at - minuteMs && each <= at).length).toBeLessThanOrEqual(30);
      }
    }

    const told = lines.filter(({ text }) => /contoso/.test(text));
    expect(told[0]?.text).toContain(outage.text);
    expect(told[0]?.text).toContain(outage.remedy ?? '');
    expect(told.at(-1)?.text).toBe(
      `connection contoso works again after 60 min (${outage.part === 'graph' ? 'Graph' : 'tokens for Graph'}): 600 messages waited`,
    );
    // When it begins, twice during the hour, and when it is over; nothing about single messages.
    expect(told.map(({ text }) => /is paused|is still paused|works again/.exec(text)?.[0])).toEqual([
      'is paused',
      'is still paused',
      'is still paused',
      'works again',
    ]);
    expect(lines.filter(({ level, text }) => level !== 'debug' && text === 'deferred')).toEqual([]);
  },
);

test('an outage that becomes one for the administrator is told at once as an error, once however it changes after that', async () => {
  const { clock, upstream, sendMany, lines } = outageQueue(limits);
  const passes = trouble('graph-token', 'upstream-unreachable', 'ECONNREFUSED');
  const stays = {
    ...trouble('graph-token', 'token-refused', 'AADSTS7000222'),
    outcome: 'needs-admin' as const,
    remedy: 'Make a new client secret.',
  };
  upstream.outage = passes;
  await sendMany(1, { mailbox: mailboxes[0] as string });
  await clock.advance(minuteMs);
  for (const outage of [stays, passes, stays]) {
    upstream.outage = outage;
    await clock.advance(minuteMs);
  }

  const told = lines.filter(({ text }) => /paused/.test(text));
  expect(told.map(({ level }) => level)).toEqual(['warn', 'error']);
  expect(told[1]?.text).toBe(
    'connection contoso is still paused: Entra ID issues no token for Graph: AADSTS7000222 Make a new client secret.',
  );
  expect(told[1]?.fields).toMatchObject({ code: 'token-refused' });
});
