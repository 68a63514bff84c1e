import { cpSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { silentLog } from '../../../src/base/log.ts';
import type { AmbiguousAttempt, DeliveryReport, OutgoingMessage } from '../../../src/message/delivery.ts';
import { Queue } from '../../../src/queue/queue.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { courierTraits } from '../courier-traits.ts';
import { newMessage } from '../stores/store-contract.ts';
import { openTestStore } from '../test-store.ts';

type Answer = Partial<DeliveryReport['recipients'][number]> & Pick<DeliveryReport, 'hold' | 'retryAfterMs'>;

const ambiguous: Answer = { outcome: 'temporary', code: 'upstream-ambiguous' };

/** A queue whose courier answers as scripted, and notes which messages came with an ambiguous attempt. */
function queueIn(folder: string, clock: FakeClock, answer: (call: number) => Answer | Promise<Answer>) {
  const ambiguousAttempts: (AmbiguousAttempt | undefined)[] = [];
  const connection = { isThere: true };
  const store = openTestStore(folder);
  const deliver = async (message: OutgoingMessage): Promise<DeliveryReport> => {
    ambiguousAttempts.push(message.ambiguous);
    const { hold, retryAfterMs, ...outcome } = await answer(ambiguousAttempts.length);
    const recipients = message.envelope.recipients.map(({ address }) => ({
      address,
      outcome: 'delivered' as const,
      code: '2.0.0',
      text: 'OK',
      ...outcome,
    }));
    return { recipients, ...(hold && { hold }), ...(retryAfterMs !== undefined && { retryAfterMs }) };
  };
  const queue = new Queue({
    store,
    clock,
    log: silentLog,
    couriers: courierTraits,
    limits: { messagesPerMinute: 1000, recipientsPerDay: 100_000, concurrentPerMailbox: 1 },
    backoff: { baseMs: 60_000, maxMs: 3_600_000 },
    retain: { deliveredMs: 7 * 86_400_000, failedMs: 14 * 86_400_000 },
    courierFor: () => (connection.isThere ? { deliver, close: async () => {} } : undefined),
    bouncesFor: async () => [],
  });
  onTestFinished(() => queue.stop(0));
  queue.start();
  return { queue, store, ambiguousAttempts, connection };
}

async function put(queue: Queue, clock: FakeClock): Promise<string> {
  const spool = queue.spool();
  await spool.write(Buffer.from('Subject: x\r\n\r\n'));
  const now = clock.now();
  const { id } = await spool.commit(newMessage({ receivedAtMs: now, expiresAtMs: now + 86_400_000 }));
  await settle();
  return id;
}

test('after a lost answer the next attempt knows of the ambiguous attempt, and since when', async () => {
  const clock = new FakeClock();
  const { queue, ambiguousAttempts } = queueIn(temporaryFolder(), clock, (call) => (call === 1 ? ambiguous : {}));
  const lostAtMs = clock.now();
  await put(queue, clock);
  await clock.advance(80_000);
  expect(ambiguousAttempts).toEqual([
    undefined,
    { addresses: expect.any(Array), overAtMs: lostAtMs, courier: 'graph' },
  ]);
});

test('after a courier that failed unexpectedly likewise: a part of the message may be out', async () => {
  const clock = new FakeClock();
  const { queue, store, ambiguousAttempts } = queueIn(temporaryFolder(), clock, (call) =>
    call === 1 ? Promise.reject(new Error('a defect')) : {},
  );
  const lostAtMs = clock.now();
  const id = await put(queue, clock);
  expect((await store.get(id))?.recipients[0]?.last).toMatchObject({ code: 'internal', text: 'a defect' });
  await clock.advance(80_000);
  expect(ambiguousAttempts).toEqual([
    undefined,
    { addresses: expect.any(Array), overAtMs: lostAtMs, courier: 'graph' },
  ]);
});

test('a look that was too early is repeated when it asks for that, and does not move the ambiguous attempt', async () => {
  const clock = new FakeClock();
  const answers: Answer[] = [ambiguous, { ...ambiguous, retryAfterMs: 15_000 }];
  const { queue, ambiguousAttempts } = queueIn(temporaryFolder(), clock, (call) => answers[call - 1] ?? {});
  const lostAtMs = clock.now();
  await put(queue, clock);
  // The usual wait of a minute, more or less, and then the requested one.
  await clock.advance(72_000 + 15_000);
  expect(ambiguousAttempts.map((ambiguous) => ambiguous?.overAtMs)).toEqual([undefined, lostAtMs, lostAtMs]);
});

test('a connection that is gone for a while, over a restart too, does not end the ambiguous attempt', async () => {
  const folder = temporaryFolder();
  const clock = new FakeClock();
  const before = queueIn(folder, clock, () => ambiguous);
  const lostAtMs = clock.now();
  await put(before.queue, clock);
  before.connection.isThere = false;
  await clock.advance(80_000);
  before.connection.isThere = true;
  await before.queue.retryNow();
  await clock.advance(1000);
  expect(before.ambiguousAttempts.map((ambiguous) => ambiguous?.overAtMs)).toEqual([undefined, lostAtMs]);
  before.connection.isThere = false;
  await clock.advance(200_000);

  // What a bridge leaves that is killed now.
  const left = temporaryFolder();
  cpSync(folder, left, { recursive: true });
  const after = queueIn(left, clock, () => ({}));
  await after.queue.retryNow();
  await clock.advance(1000);
  expect(after.ambiguousAttempts).toEqual([
    { addresses: expect.any(Array), overAtMs: expect.any(Number), courier: 'graph' },
  ]);
});

test('what a delivery before the queue has left ambiguous is ambiguous, from then on', async () => {
  const clock = new FakeClock();
  const { queue, ambiguousAttempts } = queueIn(temporaryFolder(), clock, () => ({}));
  await clock.advance(5000);
  const recipients = newMessage({}).envelope.recipients;
  const earlier = recipients.map(({ address }) => ({
    address,
    outcome: 'temporary' as const,
    code: 'upstream-ambiguous',
    text: 'no answer',
  }));
  const spool = queue.spool();
  await spool.write(Buffer.from('Subject: x\r\n\r\n'));
  const now = clock.now();
  await spool.commit(newMessage({ receivedAtMs: now, expiresAtMs: now + 86_400_000, earlier }));
  await settle();
  expect(ambiguousAttempts).toEqual([
    { addresses: recipients.map(({ address }) => address), overAtMs: now, courier: 'graph' },
  ]);
});

test('what is to be held is held; its release comes without an ambiguous attempt', async () => {
  const clock = new FakeClock();
  const held: Answer = { outcome: 'needs-admin', code: 'delivery-ambiguous', hold: true };
  const answers: Answer[] = [ambiguous, held];
  const { queue, store, ambiguousAttempts } = queueIn(temporaryFolder(), clock, (call) => answers[call - 1] ?? {});
  const id = await put(queue, clock);
  await clock.advance(80_000);
  expect((await store.get(id))?.state).toBe('held');
  await store.release({ ids: [id] }, clock.now());
  await queue.retryNow();
  await clock.advance(80_000);
  expect(ambiguousAttempts).toHaveLength(3);
  expect(ambiguousAttempts[2]).toBeUndefined();
  expect((await store.get(id))?.state).toBe('delivered');
});

test('what falls due again while the destination is busy is not forgotten when it is idle', async () => {
  const clock = new FakeClock();
  const waits: ((answer: Answer) => void)[] = [];
  const first: Answer = { ...ambiguous, retryAfterMs: 2000 };
  const { queue, ambiguousAttempts } = queueIn(temporaryFolder(), clock, (call) =>
    call === 2 ? new Promise<Answer>((resolve) => waits.push(resolve)) : call === 1 ? first : {},
  );
  await put(queue, clock);
  await put(queue, clock);
  // The second is under way, with the only permit there is, while the first falls due.
  await clock.advance(10_000);
  expect(ambiguousAttempts).toHaveLength(2);
  waits[0]?.({});
  await clock.advance(1000);
  expect(ambiguousAttempts).toHaveLength(3);
});
