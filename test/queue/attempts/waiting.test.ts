import { describe, expect, onTestFinished, test } from 'vitest';
import { WaitingView } from '../../../src/queue/attempts/waiting.ts';
import type { QueueLimits } from '../../../src/queue/limits/limits.ts';
import { courierTraits } from '../courier-traits.ts';
import { meteredQueue } from '../metered-world.ts';
import { openTestStore } from '../test-store.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** What another process reports of the queued messages, in order: kind, and minutes from now. */
async function waits({ folder, clock }: ReturnType<typeof meteredQueue>, limits: Partial<QueueLimits> = {}) {
  const store = openTestStore(folder, { exclusive: false });
  onTestFinished(() => store.close());
  const nowMs = clock.now();
  const view = new WaitingView(store, {
    nowMs,
    couriers: courierTraits,
    limits: { messagesPerMinute: 1000, recipientsPerDay: 100_000, ...limits },
    isInternal: (_, address) => address.endsWith('@contoso.example'),
  });
  const told: (readonly [kind: string, minutes: number] | undefined)[] = [];
  for (const message of await store.list({ states: ['queued'] }, 1000)) {
    const waiting = await view.of(message);
    told.push(waiting && [waiting.kind, Math.round((waiting.untilMs - nowMs) / minuteMs)]);
  }
  return told;
}

describe('another process tells why a message waits, and until when', () => {
  test('rate: each according to its place in the line', async () => {
    const limits = { messagesPerMinute: 2 };
    const world = meteredQueue(limits);
    await world.sendMany(7);
    expect(world.upstream.seen).toHaveLength(2);
    expect(await waits(world, limits)).toEqual([
      ['rate', 1],
      ['rate', 1],
      ['rate', 2],
      ['rate', 2],
      ['rate', 3],
    ]);
  });

  test('daily', async () => {
    const limits = { recipientsPerDay: 2 };
    const world = meteredQueue(limits);
    await world.sendMany(4);
    expect(await waits(world, limits)).toEqual([
      ['daily', 24 * 60],
      ['daily', 24 * 60],
    ]);
  });

  test('concurrency', async () => {
    const world = meteredQueue();
    world.upstream.latencyMs = () => hourMs;
    await world.sendMany(6);
    expect(await waits(world)).toEqual(Array(6).fill(['concurrency', 0]));
  });

  test('backoff', async () => {
    const world = meteredQueue();
    world.upstream.answer = () => ({
      outcome: 'temporary',
      code: '4.4.1',
      text: 'no answer',
      retryAfterMs: 5 * minuteMs,
    });
    await world.sendMany(1);
    expect(await waits(world)).toEqual([['backoff', 5]]);
  });

  test('paused: with the code', async () => {
    const world = meteredQueue();
    world.upstream.answer = () => ({
      outcome: 'temporary',
      code: '432',
      text: 'slow down',
      pauseMailboxMs: 2 * minuteMs,
    });
    await world.sendMany(1);
    await world.sendMany(1);
    expect(await waits(world)).toEqual([
      ['paused', 2],
      ['paused', 2],
    ]);
    const [pause] = await world.store.pauses();
    expect(pause).toMatchObject({ code: '432', text: 'slow down' });
  });

  test('paused: external mail of the whole tenant, and no other', async () => {
    const world = meteredQueue();
    world.upstream.latencyMs = () => 1000;
    world.upstream.answer = () => ({ outcome: 'temporary', code: '5.7.233', text: 'limit', scope: 'tenant' });
    await world.sendMany(1, { mailbox: 'a@contoso.example' }, ['one@x.example']);
    await world.clock.advance(1000);
    await world.sendMany(1, { mailbox: 'b@contoso.example' }, ['two@x.example']);
    await world.sendMany(1, { mailbox: 'b@contoso.example' }, ['three@contoso.example']);
    expect(await waits(world)).toEqual([
      ['paused', 60],
      ['paused', 60],
      ['concurrency', 0],
    ]);
  });

  test('nothing of a message that is not queued', async () => {
    const world = meteredQueue();
    world.upstream.latencyMs = () => hourMs;
    await world.sendMany(1);
    await world.store.hold({});
    const view = new WaitingView(world.store, {
      nowMs: world.clock.now(),
      couriers: courierTraits,
      limits: { messagesPerMinute: 1, recipientsPerDay: 1 },
      isInternal: () => true,
    });
    const [held] = await world.store.list({}, 10);
    expect(held).toMatchObject({ state: 'held' });
    expect(held && (await view.of(held))).toBeUndefined();
  });
});
