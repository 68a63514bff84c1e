import { expect, test, vi } from 'vitest';
import { type CourierName, couriers, reports, until } from '../support/relay.ts';
import { Burst, burstId } from '../support/relay-burst.ts';
import { other, sendMarked, twoWays } from '../support/two-ways.ts';

/** `SHUT_SECONDS=600` for a real outage. */
const shutSeconds = Number(process.env.SHUT_SECONDS ?? 5);

// They wait for several processes, and for outages to last.
vi.setConfig({ testTimeout: 180_000 + 2_000 * shutSeconds });

const names: Readonly<Record<CourierName, string>> = { graph: 'Graph', smtp: 'SMTP' };

test.each(couriers)('with %s shut under load all mail goes by the other one, and back by probe', async (shut) => {
  const world = await twoWays();
  const { simulator, bridge } = world;
  const burst = new Burst({
    messages: 300,
    connections: 4,
    port: async () => bridge.port(),
    onAccepted: (total) => {
      if (total === 50) simulator.faults.outages = [shut];
    },
  });
  await burst.run();
  await until('the queue to be empty', world.isQueueEmpty, 60_000);
  expect(world.wrong(burst.with('accepted').map(burstId))).toEqual({ lost: [], twice: [] });
  const entries = simulator.transport.journal.entries();
  expect(entries.filter(({ via }) => via === other[shut]).length).toBeGreaterThan(150);
  // Neither service had more at once than it allows.
  expect(simulator.violations.counts()).toEqual({});
  const left = new RegExp(`uses ${names[other[shut]]}: ${names[shut]} unavailable since `);
  expect(bridge.lines.filter(({ msg }) => left.test(msg)).length).toBeGreaterThan(0);

  const newest = burst.with('accepted').findLast((number) => world.viaOf(burstId(number))[0] === other[shut]);
  expect(newest).toBeDefined();
  simulator.faults.outages = [];
  const show = world.run('queue', 'show', '--all', '--state', 'delivered', '--limit', '1000');
  const client = await world.login(shut);
  let sent = 0;
  await until('mail to go by the preferred one again', async () => {
    const id = await sendMarked(client, `again-${sent++}`);
    await until('it to arrive', () => world.viaOf(id).length > 0);
    return world.viaOf(id)[0] === shut;
  });
  await bridge.line(({ msg }) => msg.includes(`uses ${names[shut]} again after`), 'the return');
  const shown = await show;
  expect(shown).toContain(`not by ${names[shut]}: `);
  expect(shown).toContain(`, by ${names[other[shut]]}`);
});

test.each(couriers)(`with %s shut for ${shutSeconds} s nothing goes beyond the rate of the other one`, async (shut) => {
  const messagesPerMinute = 30;
  const world = await twoWays({}, { messagesPerMinute });
  const { simulator, bridge } = world;
  simulator.limits.set({ messagesPerMinute });
  simulator.faults.outages = [shut];
  // A little more than the rate, so that mail waits at the end of a long outage.
  const connections = 4;
  const messages = 15 + Math.ceil((shutSeconds / 60) * messagesPerMinute * 1.2);
  const waitsMs = (shutSeconds * 1000 * connections) / messages;
  const burst = new Burst({ messages, connections, waitsMs, port: async () => bridge.port() });
  await burst.run();
  const during = simulator.transport.journal.entries();
  expect(during.map(({ via }) => via)).not.toContain(shut);
  expect(during.length).toBeGreaterThan(messages / 2);
  simulator.faults.outages = [];
  await until('the queue to be empty', world.isQueueEmpty, 120_000 + shutSeconds * 1000);
  const accepted = burst.with('accepted').map(burstId);
  expect(accepted.length).toBeGreaterThan(messages * 0.8);
  expect(world.wrong(accepted)).toEqual({ lost: [], twice: [] });
  expect(simulator.violations.counts()).toEqual({});
  console.log(`${accepted.length} accepted, ${during.length} by ${names[other[shut]]} while ${names[shut]} was shut`);
});

/** What Exchange and Graph say about the daily limit of a mailbox, as Microsoft documents it. */
const dailyLimits = {
  graph: { kind: 'status', status: 403, code: 'ErrorSubmissionQuotaExceeded', at: 'sendMail' },
  smtp: { kind: 'reply', status: 550, code: '5.1.90', text: "you've reached your daily limit", at: 'data' },
} as const;
const manyTimes = 10_000;

test.each(couriers)('with the daily limit of %s reached all further mail goes by the other one', async (limited) => {
  const world = await twoWays();
  const { simulator, bridge } = world;
  const messages = 200;
  // Anything sent twice exceeds it.
  simulator.limits.set({ recipientsPerDay: messages });
  const refusal = { target: limited, mailbox: reports, ...dailyLimits[limited] };
  let reachedAt = messages;
  const burst = new Burst({
    messages,
    connections: 4,
    port: async () => bridge.port(),
    onAccepted: (total) => {
      if (total !== 40) return;
      simulator.faults.add(refusal, manyTimes);
      reachedAt = simulator.transport.journal.entries().length;
    },
  });
  await burst.run();
  await until('the queue to be empty', world.isQueueEmpty, 60_000);
  const accepted = burst.with('accepted');
  expect(world.wrong(accepted.map(burstId))).toEqual({ lost: [], twice: [] });
  const entries = simulator.transport.journal.entries();
  expect(entries).toHaveLength(accepted.length);
  expect(simulator.violations.counts()).toEqual({});
  // Only attempts already under way reach it, and none while the limit lasts.
  const { code: limitCode } = dailyLimits[limited];
  const refused = bridge.lines.filter(({ code, attempt }) => code === limitCode && attempt !== undefined);
  expect(refused.map(({ attempt }) => attempt)).toEqual(refused.map(() => 1));
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThanOrEqual(4);
  expect(entries.slice(reachedAt).filter(({ via }) => via === limited).length).toBeLessThanOrEqual(4);
  const left = `uses ${names[other[limited]]}: ${names[limited]} unavailable since `;
  expect(bridge.lines.filter(({ msg }) => msg.includes(left)).length).toBeGreaterThan(0);
});
