import { describe, expect, test } from 'vitest';
import type { QueueStore } from '../../src/queue/store.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { seededRandom } from '../support/random.ts';
import { meteredQueue, Upstream } from './metered-world.ts';
import { recordedLog } from './recorded-log.ts';
import { newMessage } from './stores/store-contract.ts';

const minuteMs = 60_000;
const mailboxes = ['a@contoso.example', 'b@contoso.example'];
const accounts = ['erp', 'scanner', 'crm'];

/** The same store, each of whose answers takes a while by the test's clock, before and after its work. */
function slow(store: QueueStore, clock: FakeClock, delayMs: () => number): QueueStore {
  const wait = () => new Promise<void>((resolve) => clock.after(delayMs(), resolve));
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function' || name === 'spool' || name === 'subscribe' || name === 'close') return value;
      return async (...args: unknown[]) => {
        await wait();
        const answer: unknown = await Reflect.apply(value, target, args);
        await wait();
        return answer;
      };
    },
  });
}

describe('with a store that takes up to so many milliseconds for each answer', () => {
  test.each([
    [5, 1],
    [40, 2],
    [200, 3],
    [1000, 4],
  ])(
    '(%d) nothing is under way twice or too early, nothing is lost, and all is delivered once',
    { timeout: 60_000 },
    async (longestMs, seed) => {
      const random = seededRandom(seed);
      const clock = new FakeClock();
      const upstream = new Upstream(clock, random);
      upstream.latencyMs = () => Math.round(3000 * random());
      const underWay = new Set<string>();
      const notBefore = new Map<string, number>();
      const wrong: string[] = [];
      const delivered: string[] = [];
      let isAsked = false;
      upstream.answer = ({ id }) => {
        underWay.delete(id);
        if (random() < 0.3) {
          const retryAfterMs = Math.round(20_000 * random());
          notBefore.set(id, clock.now() + retryAfterMs);
          return { outcome: 'temporary', code: '4.3.2', text: 'later', retryAfterMs };
        }
        delivered.push(id);
        return {};
      };
      const { queue, send, store } = meteredQueue(
        { messagesPerMinute: 10_000 },
        { clock, upstream, storeOf: (each) => slow(each, clock, () => Math.round(longestMs * random())) },
        {
          backoff: { baseMs: 1000, maxMs: 10_000 },
          courierFor: ({ courier, id }) => {
            if (underWay.has(id)) wrong.push(`${id} is under way twice`);
            if (delivered.includes(id)) wrong.push(`${id} goes out again`);
            if (clock.now() < (notBefore.get(id) ?? 0) && !isAsked) wrong.push(`${id} is too early`);
            underWay.add(id);
            return upstream.courier(courier);
          },
        },
      );
      const sent: string[] = [];
      for (let n = 0; n < 150; n++) {
        const mailbox = mailboxes[Math.floor(random() * mailboxes.length)] as string;
        const account = accounts[Math.floor(random() * accounts.length)] as string;
        sent.push((await send({ mailbox, account })).id);
        if (n > 75 && random() < 0.1) {
          // From now on messages may be tried early.
          isAsked = true;
          void queue.retryNow();
        }
        await clock.advance(Math.round(300 * random()));
      }
      await clock.advance(10 * minuteMs);
      expect(wrong).toEqual([]);
      expect(delivered.toSorted()).toEqual(sent.toSorted());
      expect(upstream.mostOf.get('a@contoso.example graph')).toBeLessThanOrEqual(4);
      const left = store.count('queued');
      await clock.advance(5000);
      expect(await left).toBe(0);
    },
  );
});

test('a store that fails now and then loses nothing, and is never asked in a hurry', { timeout: 60_000 }, async () => {
  const random = seededRandom(7);
  const clock = new FakeClock();
  const upstream = new Upstream(clock, random);
  let calls = 0;
  let isFailing = false;
  const { send, store } = meteredQueue(
    {},
    {
      ...{ clock, upstream },
      storeOf: (inner) =>
        new Proxy(inner, {
          get(target, name) {
            const value: unknown = Reflect.get(target, name);
            if (typeof value !== 'function' || ['spool', 'subscribe', 'close'].includes(String(name))) return value;
            return (...args: unknown[]) => {
              calls += 1;
              if (isFailing || random() < 0.2) return Promise.reject(new Error('disk I/O error'));
              return Reflect.apply(value, target, args) as unknown;
            };
          },
        }),
    },
    { backoff: { baseMs: 1000, maxMs: 10_000 } },
  );
  const sent: string[] = [];
  for (let n = 0; n < 60; n++) {
    sent.push((await send({ mailbox: mailboxes[n % 2] as string })).id);
    await clock.advance(200);
  }
  isFailing = true;
  await clock.advance(1000);
  calls = 0;
  await clock.advance(minuteMs);
  // For each mailbox, and for periodic work, about once a second.
  expect(calls).toBeLessThan(6 * 60);
  isFailing = false;
  await clock.advance(10 * minuteMs);
  expect(new Set(upstream.seen.map(({ id }) => id))).toEqual(new Set(sent));
  await expect.poll(() => store.count('delivered').catch(() => 0)).toBe(60);
});

describe('what the store tells of others', () => {
  /** A queue whose store reports what the test wants. */
  function world() {
    const clock = new FakeClock();
    const upstream = new Upstream(clock);
    const { log, lines } = recordedLog();
    let tell: Parameters<QueueStore['subscribe']>[0] = () => {};
    let isSubscribed = false;
    const base = meteredQueue(
      {},
      {
        ...{ clock, upstream },
        storeOf: (store) =>
          Object.assign(store, {
            subscribe(told: typeof tell) {
              tell = told;
              isSubscribed = true;
              return () => {
                isSubscribed = false;
              };
            },
          }),
      },
      { log },
    );
    /** Puts a message into the store behind the queue's back, as another instance does. */
    const accepted = async () => {
      const spool = base.store.spool();
      await spool.write(Buffer.from('Subject: x\r\n\r\nx\r\n'));
      const now = clock.now();
      return await spool.commit(newMessage({ receivedAtMs: now, expiresAtMs: now + 48 * 3_600_000 }));
    };
    return {
      ...base,
      lines,
      accepted,
      tell: (change: Parameters<typeof tell>[0]) => tell(change),
      told: () => isSubscribed,
    };
  }

  test('mail that another instance accepted goes at once, from a destination that is open and from one that is not', async () => {
    const { accepted, tell, upstream, clock } = world();
    for (const count of [1, 2]) {
      await accepted();
      await clock.advance(5000);
      expect(upstream.seen).toHaveLength(count - 1);
      tell({ kind: 'queued', destinations: ['contoso/reports@contoso.example'] });
      await settle();
      expect(upstream.seen).toHaveLength(count);
    }
  });

  test('what an administrator has changed is read anew', async () => {
    const { send, store, upstream, tell, clock } = world();
    upstream.answer = () => ({ outcome: 'temporary', code: '4.3.2', text: 'later' });
    await send();
    await settle();
    upstream.answer = () => ({});
    await store.release({}, clock.now());
    await settle();
    expect(upstream.seen).toHaveLength(1);
    tell({ kind: 'administered' });
    await settle();
    expect(upstream.seen).toHaveLength(2);
  });

  test('that it cannot be reached stops new attempts until it can, and is told once; then all is read anew', async () => {
    const { send, accepted, upstream, tell, clock, lines, queue, stop, told } = world();
    await send();
    await settle();
    for (let n = 0; n < 2; n++) tell({ kind: 'unreachable' });
    await send();
    await accepted();
    await clock.advance(minuteMs);
    expect(upstream.seen).toHaveLength(1);
    const delivery = { connection: 'contoso', mailbox: 'x@contoso.example', couriers: ['graph'] } as const;
    expect(await queue.admit({ ...delivery, recipients: ['a@x.example'] }, 0)).toMatchObject({ admitted: false });
    tell({ kind: 'reachable' });
    await settle();
    expect(upstream.seen).toHaveLength(3);
    const texts = lines.map(({ text, fields }) => text ?? fields).filter((each) => /queue: store/.test(String(each)));
    expect(texts).toEqual([expect.stringMatching('store unreachable'), expect.stringMatching('store reachable again')]);
    await stop();
    expect(told()).toBe(false);
  });
});

test('an attempt that another instance has begun, and not ended, is looked for first', async () => {
  const before = meteredQueue({}, {}, { courierFor: () => undefined });
  const { id, receivedAtMs } = await before.send();
  await before.stop();
  const clock = before.clock;
  const seen: unknown[] = [];
  const after = meteredQueue(
    {},
    {
      ...{ clock, folder: before.folder },
      storeOf: (store) => {
        void store.begin(id, { courier: 'smtp', startedAtMs: receivedAtMs });
        return store;
      },
    },
    {
      courierFor: ({ courier }) => ({
        async deliver({ ambiguous, envelope }) {
          seen.push([courier, ambiguous]);
          const outcome = { outcome: 'delivered', code: '2.0.0', text: 'OK' } as const;
          return { recipients: envelope.recipients.map(({ address }) => ({ address, ...outcome })) };
        },
      }),
    },
  );
  const startedAtMs = clock.now();
  await after.queue.retryNow();
  await clock.advance(2 * 3_600_000);
  const addresses = ['ann@contoso.example'];
  expect(seen).toEqual([['graph', { addresses, overAtMs: startedAtMs, courier: 'smtp' }]]);
});
