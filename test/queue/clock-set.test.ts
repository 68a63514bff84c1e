import { expect, onTestFinished, test } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import type { DeliveryReport, OutgoingMessage } from '../../src/message/delivery.ts';
import { WaitingView } from '../../src/queue/attempts/waiting.ts';
import { Queue } from '../../src/queue/queue.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { courierTraits } from './courier-traits.ts';
import { newMessage } from './stores/store-contract.ts';
import { openTestStore } from './test-store.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;
const lifetime = 48 * hour;

type Answer = Pick<DeliveryReport, 'pauseMailboxMs' | 'retryAfterMs'> & { outcome?: 'temporary'; code?: string };

const noAnswer: Answer = { outcome: 'temporary', code: '4.4.1' };
const limits = { messagesPerMinute: 1000, recipientsPerDay: 100_000, concurrentPerMailbox: 3 };

/** A queue whose upstream answers as scripted, call by call; the last answer repeats. */
function world(
  answers: (Answer | Promise<Answer>)[],
  folder = temporaryFolder(),
  clock = new FakeClock(),
  perMinute = 1000,
) {
  const attempts: { id: string; atMs: number; ambiguous: number | undefined }[] = [];
  const bounced: string[] = [];
  const store = openTestStore(folder);
  const deliver = async (message: OutgoingMessage): Promise<DeliveryReport> => {
    attempts.push({ id: message.id, atMs: clock.now(), ambiguous: message.ambiguous?.overAtMs });
    const { pauseMailboxMs, retryAfterMs, ...outcome } = await (answers[attempts.length - 1] ?? answers.at(-1) ?? {});
    const delivered = { outcome: 'delivered' as const, code: '2.0.0', text: 'OK' };
    return {
      recipients: message.envelope.recipients.map(({ address }) => ({ address, ...delivered, ...outcome })),
      ...(pauseMailboxMs !== undefined && { pauseMailboxMs }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    };
  };
  const queue = new Queue({
    store,
    clock,
    log: silentLog,
    couriers: courierTraits,
    limits: { ...limits, messagesPerMinute: perMinute },
    backoff: { baseMs: minute, maxMs: hour },
    retain: { deliveredMs: 7 * day, failedMs: 14 * day },
    courierFor: () => ({ deliver, close: async () => {} }),
    async bouncesFor(message, { failed }) {
      if (failed.length > 0) bounced.push(message.id);
      return [];
    },
  });
  let isStopped = false;
  const stop = async () => {
    if (!isStopped) await queue.stop(0);
    isStopped = true;
  };
  onTestFinished(stop);
  const send = async () => {
    const spool = queue.spool();
    await spool.write(Buffer.from('Subject: x\r\n\r\n'));
    const now = clock.now();
    const { id } = await spool.commit(newMessage({ receivedAtMs: now, expiresAtMs: now + lifetime }));
    await settle();
    return id;
  };
  return { queue, store, clock, attempts, bounced, send, stop, folder };
}

const in1970 = () => new FakeClock(5 * minute);

test('set right by 56 years: what came in 1970 is tried at once, and not given up for its age', async () => {
  const { queue, store, clock, attempts, bounced, send } = world([noAnswer, noAnswer, {}], undefined, in1970());
  queue.start();
  const id = await send();
  clock.set(56 * year);
  await clock.advance(2000);
  expect(attempts).toHaveLength(2);
  expect(bounced).toEqual([]);
  await clock.advance(5 * minute);
  expect(attempts).toHaveLength(3);
  expect((await store.get(id))?.state).toBe('delivered');
});

test('set right while an attempt is under way: that it fails does not give the message up', async () => {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const { queue, store, clock, attempts, bounced, send } = world([promise, {}], undefined, in1970());
  queue.start();
  const id = await send();
  clock.set(56 * year);
  resolve(noAnswer);
  await clock.advance(5 * minute);
  expect(attempts).toHaveLength(2);
  expect(bounced).toEqual([]);
  expect((await store.get(id))?.state).toBe('delivered');
});

test('set right while the bridge was down: tried twice, some time apart, before it is given up', async () => {
  const before = world([noAnswer], undefined, in1970());
  before.queue.start();
  const id = await before.send();
  await before.stop();
  before.clock.set(56 * year);
  const { queue, store, clock, attempts, bounced } = world([noAnswer], before.folder, before.clock);
  queue.start();
  await settle();
  expect(attempts).toHaveLength(1);
  expect(bounced).toEqual([]);
  await clock.advance(10 * minute);
  expect(attempts).toHaveLength(2);
  expect((attempts[1]?.atMs ?? 0) - (attempts[0]?.atMs ?? 0)).toBeGreaterThan(minute);
  expect(bounced).toEqual([id]);
  expect((await store.get(id))?.state).toBe('failed');
});

test('a message in its usual course is given up in time all the same', async () => {
  const { queue, store, clock, bounced, send } = world([noAnswer]);
  queue.start();
  const id = await send();
  await clock.advance(lifetime + minute);
  expect(bounced).toEqual([id]);
  expect((await store.get(id))?.state).toBe('failed');
});

test.each([
  ['an hour', hour],
  ['a day', day],
])('set back by %s: what waits after a failed attempt is tried at once', async (_name, byMs) => {
  const { queue, clock, attempts, send } = world([noAnswer, {}]);
  queue.start();
  await send();
  clock.set(-byMs);
  await clock.advance(2000);
  expect(attempts).toHaveLength(2);
});

test.each([
  ['an hour', hour],
  ['a day', day],
])('set back by %s while the bridge was down: likewise', async (_name, byMs) => {
  const before = world([noAnswer]);
  before.queue.start();
  await before.send();
  await before.stop();
  before.clock.set(-byMs);
  const { queue, attempts } = world([{}], before.folder, before.clock);
  queue.start();
  await settle();
  expect(attempts).toHaveLength(1);
});

test('set right by seconds: nothing is hurried', async () => {
  const { queue, clock, attempts, send } = world([noAnswer, {}]);
  queue.start();
  await send();
  clock.set(-5000);
  await clock.advance(2000);
  clock.set(5000);
  await clock.advance(2000);
  expect(attempts).toHaveLength(1);
});

test('set back by a day: a mailbox that rests does not rest for a day, over a restart neither', async () => {
  const before = world([{ ...noAnswer, pauseMailboxMs: 10 * minute }]);
  before.queue.start();
  await before.send();
  await before.stop();
  before.clock.set(-day);
  const { queue, store, clock, attempts, send } = world(
    [{ ...noAnswer, pauseMailboxMs: 10 * minute }, {}],
    before.folder,
    before.clock,
  );
  expect(
    await new WaitingView(store, { limits, couriers: courierTraits, isInternal: () => true, nowMs: clock.now() }).of(
      (await store.list({}, 1))[0]!,
    ),
  ).not.toMatchObject({ kind: 'paused' });
  queue.start();
  await settle();
  expect(attempts).toHaveLength(1);
  // A pause that is requested now counts from now.
  await send();
  expect(attempts).toHaveLength(1);
  await clock.advance(21 * minute);
  expect(attempts).toHaveLength(3);
});

test('set back by a day while running: the rest of a mailbox is over', async () => {
  const { queue, clock, attempts, send } = world([{ ...noAnswer, pauseMailboxMs: 10 * minute }, {}]);
  queue.start();
  await send();
  clock.set(-day);
  await clock.advance(2000);
  expect(attempts).toHaveLength(2);
});

test('set back by a day: limits of a minute count for a minute', async () => {
  const { queue, clock, attempts, send } = world([{}], undefined, undefined, 2);
  queue.start();
  for (let n = 0; n < 3; n++) await send();
  expect(attempts).toHaveLength(2);
  clock.set(-day);
  await clock.advance(minute + 2000);
  expect(attempts).toHaveLength(3);
});

test('set back by a day: an ambiguous attempt counts from then on, and does not begin anew with each look', async () => {
  const lost: Answer = { outcome: 'temporary', code: 'upstream-ambiguous' };
  const { queue, clock, attempts, send } = world([lost, { ...lost, retryAfterMs: minute }, {}]);
  queue.start();
  await send();
  clock.set(-day);
  await clock.advance(2 * minute);
  expect(attempts.map(({ ambiguous }) => ambiguous)).toEqual([undefined, attempts[1]?.atMs, attempts[1]?.atMs]);
});
