import { buffer } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BridgeError } from '../../src/base/errors.ts';
import type { DeliveryReport, OutgoingMessage, RecipientOutcome } from '../../src/message/delivery.ts';
import type { Courier } from '../../src/queue/courier.ts';
import { Queue } from '../../src/queue/queue.ts';
import type { SchedulerOptions } from '../../src/queue/scheduler-options.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { courierTraits } from './courier-traits.ts';
import { recordedLog } from './recorded-log.ts';
import { newMessage } from './stores/store-contract.ts';
import { openTestStore } from './test-store.ts';

type Answer = Partial<RecipientOutcome> & { pauseMailboxMs?: number };

/** A courier that answers as scripted and remembers what it was given. */
class ScriptedCourier implements Courier {
  readonly seen: { id: string; mailbox: string; atMs: number; to: string[] }[] = [];
  running = 0;
  mostRunning = 0;
  readonly #clock: FakeClock;
  answer: (message: OutgoingMessage, call: number) => Answer | Answer[] | Promise<Answer> = () => ({});

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  async deliver(message: OutgoingMessage): Promise<DeliveryReport> {
    const to = message.envelope.recipients.map((each) => each.address);
    this.seen.push({ id: message.id, mailbox: message.mailbox, atMs: this.#clock.now(), to });
    this.mostRunning = Math.max(this.mostRunning, ++this.running);
    try {
      const answer = await this.answer(message, this.seen.length);
      const each = Array.isArray(answer) ? answer : to.map(() => answer);
      const pause = each.find((one) => one.pauseMailboxMs)?.pauseMailboxMs;
      return {
        recipients: to.map((address, i) => ({ address, outcome: 'delivered', code: '2.0.0', text: 'OK', ...each[i] })),
        ...(pause === undefined ? {} : { pauseMailboxMs: pause }),
      };
    } finally {
      this.running--;
    }
  }

  async close(): Promise<void> {}
}

function bridge(overrides: Partial<SchedulerOptions> = {}, folder = temporaryFolder(), clock = new FakeClock()) {
  const courier = new ScriptedCourier(clock);
  const store = openTestStore(folder);
  const bounced: string[] = [];
  const { log, lines } = recordedLog();
  const queue = new Queue({
    store,
    clock,
    log,
    couriers: courierTraits,
    limits: { messagesPerMinute: 1000, recipientsPerDay: 100_000, concurrentPerMailbox: 3 },
    backoff: { baseMs: 60_000, maxMs: 3_600_000 },
    retain: { deliveredMs: 7 * 86_400_000, failedMs: 14 * 86_400_000 },
    courierFor: () => courier,
    bouncesFor: async (message, verdict) => {
      if (message.isBounce || message.envelope.reversePath === '') return [];
      bounced.push(...verdict.failed.map((each) => `${each.address} ${each.code}`));
      const envelope = {
        ...message.envelope,
        reversePath: '',
        recipients: [{ address: message.envelope.reversePath }],
      };
      return [{ message: { ...message, isBounce: true, envelope }, content: Buffer.from('it failed\r\n') }];
    },
    ...overrides,
  });
  let stopped = false;
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    await queue.stop(20_000);
  };
  onTestFinished(stop);
  const send = async (change: Parameters<typeof newMessage>[0] = {}) => {
    const spool = queue.spool();
    await spool.write(Buffer.from('Subject: x\r\n\r\nx\r\n'));
    const now = clock.now();
    const message = await spool.commit(newMessage({ receivedAtMs: now, expiresAtMs: now + 48 * 3_600_000, ...change }));
    await settle();
    return message;
  };
  return { queue, store, clock, courier, send, bounced, lines, stop, folder };
}

const minutes = 60_000;

describe('the scheduler', () => {
  test('delivers what is accepted, at once', async () => {
    const { queue, courier, send, store } = bridge();
    queue.start();
    const message = await send();
    expect(courier.seen).toMatchObject([{ id: message.id, to: ['ann@contoso.example', 'bo@fabrikam.example'] }]);
    expect((await store.get(message.id))?.state).toBe('delivered');
  });

  test('delivers after a restart what was accepted before it', async () => {
    const before = bridge();
    for (let i = 0; i < 120; i++) await before.send();
    await before.stop();
    const after = bridge({}, before.folder, before.clock);
    after.queue.start();
    await expect.poll(() => after.courier.seen.length, { timeout: 20_000 }).toBe(120);
    expect(new Set(after.courier.seen.map((each) => each.id)).size).toBe(120);
    await expect.poll(() => after.store.count('delivered'), { timeout: 20_000 }).toBe(120);
  });

  test('tries again after a wait that grows, until it succeeds', async () => {
    const { queue, courier, clock, send, store } = bridge();
    courier.answer = (_, call) => (call < 4 ? { outcome: 'temporary', code: '4.4.1', text: 'no answer' } : {});
    queue.start();
    const message = await send();
    await clock.advance(10 * minutes);
    const times = courier.seen.map((each) => each.atMs - message.receivedAtMs);
    expect(times).toHaveLength(4);
    const gaps = times.slice(1).map((at, i) => (at - (times[i] ?? 0)) / minutes);
    expect(gaps.map((gap, i) => gap >= 0.8 * 2 ** i && gap <= 1.2 * 2 ** i + 0.01)).toEqual([true, true, true]);
    expect((await store.attempts(message.id)).map((each) => each.outcomes[0]?.outcome)).toEqual([
      'temporary',
      'temporary',
      'temporary',
      'delivered',
    ]);
  });

  test('says of each attempt what came of it, and how long it took', async () => {
    const { queue, courier, clock, send, lines } = bridge();
    courier.answer = (_, call) =>
      new Promise((resolve) =>
        clock.after(700, () => resolve(call === 1 ? { outcome: 'temporary', code: '4.4.1', text: 'no answer' } : {})),
      );
    queue.start();
    const { id } = await send();
    await clock.advance(5 * minutes);
    const said = lines
      .filter(({ fields }) => fields.id === id)
      .map(({ text, fields }) => [text, fields.attempt, fields.ms]);
    expect(said).toEqual([
      ['deferred', 1, 700],
      ['deferred', 1, 700],
      ['delivered', 2, 700],
    ]);
  });

  test('serves again only the recipients that were deferred', async () => {
    const { queue, courier, clock, send, bounced, store } = bridge();
    courier.answer = (_, call) => (call === 1 ? [{}, { outcome: 'temporary', code: '4.2.2', text: 'full' }] : {});
    queue.start();
    const message = await send();
    await clock.advance(5 * minutes);
    expect(courier.seen.map((each) => each.to)).toEqual([
      ['ann@contoso.example', 'bo@fabrikam.example'],
      ['bo@fabrikam.example'],
    ]);
    expect((await store.get(message.id))?.state).toBe('delivered');
    expect(bounced).toEqual([]);
  });

  test('tells the sender of a recipient failed permanently, and sends that notice by the same way', async () => {
    const { queue, courier, send, bounced, store } = bridge();
    courier.answer = (message) =>
      message.envelope.reversePath === '' ? {} : [{}, { outcome: 'permanent', code: '5.1.1', text: 'nobody here' }];
    queue.start();
    const message = await send();
    expect(bounced).toEqual(['bo@fabrikam.example 5.1.1']);
    expect((await store.get(message.id))?.state).toBe('failed');
    expect(courier.seen[1]).toMatchObject({ to: ['reports@contoso.example'] });
  });

  test('never answers a bounce or a null reverse-path with a bounce', async () => {
    const { queue, courier, send, store } = bridge();
    courier.answer = () => ({ outcome: 'permanent', code: '5.1.1', text: 'nobody here' });
    queue.start();
    await send({ envelope: { ...newMessage().envelope, reversePath: '' } });
    await send();
    expect(await store.count('failed')).toBe(3);
    expect(await store.count('queued')).toBe(0);
  });

  test('keeps mail that only an administrator can free, pauses its mailbox, and delivers all once it is mended', async () => {
    const { queue, courier, clock, send, bounced, store } = bridge();
    let mended = false;
    courier.answer = () =>
      mended ? {} : { outcome: 'needs-admin', code: '5.7.3', text: 'Authentication unsuccessful' };
    queue.start();
    for (let i = 0; i < 20; i++) await send();
    await clock.advance(12 * 60 * minutes);
    expect(await store.count('queued')).toBe(20);
    expect(bounced).toEqual([]);
    // Twelve hours with at most one look every fifteen minutes, not twenty messages times their own retries.
    expect(courier.seen.length).toBeLessThan(80);
    mended = true;
    await clock.advance(80 * minutes);
    expect(await store.count('delivered')).toBe(20);
  });

  test('gives up when the time of the message is over, not before, and says so', { timeout: 120_000 }, async () => {
    const { queue, courier, clock, send, bounced } = bridge();
    courier.answer = (message) =>
      message.envelope.reversePath === '' ? {} : { outcome: 'needs-admin', code: '5.7.3', text: 'no' };
    queue.start();
    await send();
    await clock.advance(47 * 60 * minutes);
    expect(bounced).toEqual([]);
    await clock.advance(3 * 60 * minutes);
    expect(bounced).toEqual(['ann@contoso.example 5.7.3', 'bo@fabrikam.example 5.7.3']);
  });

  test('obeys a Retry-After for the whole mailbox, and for no other', async () => {
    const { queue, courier, clock, send } = bridge();
    courier.answer = (_, call) =>
      call === 1 ? { outcome: 'temporary', code: '429', text: 'slow down', pauseMailboxMs: 5 * minutes } : {};
    queue.start();
    const start = clock.now();
    await send();
    await send();
    await send({ mailbox: 'sales@contoso.example' });
    await clock.advance(30 * minutes);
    expect(courier.seen.map((each) => [each.mailbox.split('@')[0], each.atMs - start >= 5 * minutes])).toEqual([
      ['reports', false],
      ['sales', false],
      ['reports', true],
      ['reports', true],
    ]);
  });

  test('starts no more than the limit in any minute, also across a restart', async () => {
    const limits = { messagesPerMinute: 30, recipientsPerDay: 100_000, concurrentPerMailbox: 3 };
    const before = bridge({ limits });
    before.queue.start();
    for (let i = 0; i < 100; i++) await before.send();
    await before.clock.advance(65_000);
    expect(before.courier.seen).toHaveLength(60);
    await before.stop();
    const after = bridge({ limits }, before.folder, before.clock);
    after.queue.start();
    await after.clock.advance(5 * minutes);
    const times = [...before.courier.seen, ...after.courier.seen].map((each) => each.atMs);
    expect(times).toHaveLength(100);
    for (const at of times)
      expect(times.filter((each) => each > at - minutes && each <= at).length).toBeLessThanOrEqual(30);
  });

  test('counts recipients by the day', { timeout: 120_000 }, async () => {
    const { queue, courier, clock, send } = bridge({
      limits: { messagesPerMinute: 1000, recipientsPerDay: 5, concurrentPerMailbox: 3 },
    });
    queue.start();
    for (let i = 0; i < 3; i++) await send();
    await clock.advance(23 * 60 * minutes);
    expect(courier.seen).toHaveLength(2);
    await clock.advance(2 * 60 * minutes);
    expect(courier.seen).toHaveLength(3);
  });

  test('keeps to the concurrency of a mailbox', async () => {
    const { queue, courier, clock, send } = bridge();
    courier.answer = () => new Promise<Answer>((resolve) => clock.after(1000, () => resolve({})));
    queue.start();
    for (let i = 0; i < 10; i++) await send();
    await clock.advance(10_000);
    expect(courier.mostRunning).toBe(3);
    expect(courier.seen).toHaveLength(10);
  });

  test('a mailbox in trouble holds up no other', async () => {
    const { queue, courier, clock, send, store } = bridge();
    courier.answer = (message) =>
      message.mailbox.startsWith('reports') ? { outcome: 'needs-admin', code: '5.7.3', text: 'no' } : {};
    queue.start();
    for (let i = 0; i < 5; i++) await send();
    for (let i = 0; i < 5; i++) await send({ mailbox: 'sales@contoso.example' });
    await clock.advance(1000);
    expect(await store.count('delivered')).toBe(5);
  });

  test('does what another process asks: hold, release, delete', async () => {
    const { queue, courier, clock, send, folder, store } = bridge();
    courier.answer = () => ({ outcome: 'temporary', code: '4.4.1', text: 'no answer' });
    queue.start();
    const message = await send();
    const command = openTestStore(folder, { exclusive: false });
    onTestFinished(() => command.close());
    await command.hold({ ids: [message.id] });
    await clock.advance(60 * minutes);
    expect(courier.seen).toHaveLength(1);
    courier.answer = () => ({});
    await command.release({ ids: [message.id] }, clock.now());
    // The store checks for it once a second, whatever time the queue believes it is.
    await expect.poll(() => clock.advance(0).then(() => store.count('delivered')), { timeout: 20_000 }).toBe(1);
  });

  test('a courier that throws costs a retry, not the message', async () => {
    const { queue, courier, clock, send, store } = bridge();
    courier.answer = (_, call) => {
      if (call === 1) throw new Error('a defect');
      return {};
    };
    queue.start();
    const message = await send();
    await clock.advance(5 * minutes);
    expect((await store.get(message.id))?.state).toBe('delivered');
  });

  test('a store that fails for a while stops nothing for good', async () => {
    const { queue, courier, clock, send, store } = bridge();
    queue.start();
    const { due, get } = store;
    store.due = () => {
      throw new Error('disk I/O error');
    };
    store.get = () => {
      throw new Error('disk I/O error');
    };
    await send();
    await send();
    expect(courier.seen).toEqual([]);
    Object.assign(store, { due, get });
    await clock.advance(5 * minutes);
    expect(courier.seen).toHaveLength(2);
  });

  test('a message whose body is gone is quarantined, and holds up no other', async () => {
    const { queue, courier, clock, send, store } = bridge();
    const lost = await send();
    const sound = await send();
    const { open } = store;
    store.open = (id, options) => {
      if (id === lost.id) throw new BridgeError('queue-body-missing', 'gone');
      return open.call(store, id, options);
    };
    courier.answer = async (message) => {
      await buffer(message.open());
      return {};
    };
    queue.start();
    await clock.advance(1000);
    expect((await store.get(sound.id))?.state).toBe('delivered');
    expect(await store.get(lost.id)).toMatchObject({ state: 'quarantined', attempts: 0 });
  });

  test('an outcome that cannot be written costs another attempt, not the message', async () => {
    const { queue, courier, clock, send, store, lines } = bridge();
    queue.start();
    const { record } = store;
    store.record = async () => {
      throw new Error('disk I/O error');
    };
    const message = await send();
    expect(courier.seen).toHaveLength(1);
    expect(lines.filter(({ level }) => level === 'error')).toMatchObject([
      { fields: { id: message.id }, text: 'queue: cannot save the outcome of an attempt' },
    ]);
    Object.assign(store, { record });
    await clock.advance(5 * minutes);
    expect(courier.seen).toHaveLength(2);
    expect((await store.get(message.id))?.state).toBe('delivered');
  });

  test('waits for attempts under way when it stops, and starts none', async () => {
    const { queue, courier, send, stop, folder } = bridge();
    const finish: (() => void)[] = [];
    courier.answer = () => new Promise<Answer>((resolve) => finish.push(() => resolve({})));
    queue.start();
    for (let i = 0; i < 6; i++) await send();
    const stopped = stop();
    await settle();
    for (const each of finish) each();
    await stopped;
    expect(courier.seen).toHaveLength(3);
    const reopened = openTestStore(folder);
    onTestFinished(() => reopened.close());
    expect([await reopened.count('delivered'), await reopened.count('queued')]).toEqual([3, 3]);
  });
});
