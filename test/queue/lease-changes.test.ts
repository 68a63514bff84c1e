import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { BridgeError } from '../../src/base/errors.ts';
import type { DeliveryReport, OutgoingMessage } from '../../src/message/delivery.ts';
import type { Courier } from '../../src/queue/courier.ts';
import type { QueueLimits } from '../../src/queue/limits/limits.ts';
import type { QueueOptions } from '../../src/queue/queue.ts';
import type { QueueStore } from '../../src/queue/store.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { meteredQueue, Upstream } from './metered-world.ts';
import { ScriptedOwnership } from './ownership/scripted.ts';
import { recordedLog } from './recorded-log.ts';

const minuteMs = 60_000;
const reports = 'contoso/reports@contoso.example';
const sales = 'contoso/sales@contoso.example';

/** A queue that delivers what it has a lease for, and closes sessions when the test lets it. */
function world(limits: Partial<QueueLimits> = {}, overrides: Partial<QueueOptions> = {}, folder?: string) {
  const clock = new FakeClock();
  const upstream = new Upstream(clock);
  const ownership = new ScriptedOwnership(clock);
  const { log, lines } = recordedLog();
  const closed: string[] = [];
  let closing: Promise<void> | undefined;
  const base = meteredQueue(
    limits,
    { clock, upstream, ...(folder === undefined ? {} : { folder }) },
    {
      ownership,
      log,
      async closeSessions(destination) {
        await closing;
        closed.push(destination);
      },
      ...overrides,
    },
  );
  /** Keeps sessions open until they are released. */
  const heldOpen = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    closing = promise;
    return resolve;
  };
  const errors = () => lines.filter(({ level }) => level === 'error');
  return { ...base, ownership, closed, heldOpen, lines, errors };
}

/** Whether a promise is resolved by now. */
function watchedPromise(promise: Promise<unknown>) {
  const seen = { isOver: false };
  void promise.then(() => {
    seen.isOver = true;
  });
  return seen;
}

/** A courier that answers when the test says so, and aborts when told to. */
class HeldCourier implements Courier {
  readonly seen: OutgoingMessage[] = [];
  readonly aborted: string[] = [];
  readonly #answers: (() => void)[] = [];

  deliver(message: OutgoingMessage, signal: AbortSignal): Promise<DeliveryReport> {
    this.seen.push(message);
    return new Promise((resolve, reject) => {
      const outcome = { outcome: 'delivered', code: '2.0.0', text: 'OK' } as const;
      const recipients = message.envelope.recipients.map(({ address }) => ({ address, ...outcome }));
      this.#answers.push(() => resolve({ recipients }));
      signal.addEventListener('abort', () => {
        this.aborted.push(message.id);
        reject(new Error('broken off'));
      });
    });
  }

  async answer(): Promise<void> {
    for (const answer of this.#answers.splice(0)) answer();
    await settle();
  }
}

const direct = (mailbox = 'reports@contoso.example') =>
  ({ connection: 'contoso', mailbox, couriers: ['graph'], recipients: ['ann@contoso.example'] }) as const;

describe('a destination of another instance', () => {
  test('is not delivered, whoever accepts its mail, and is offered; once it is ours all its mail goes', async () => {
    const { ownership, send, upstream, store } = world();
    await send();
    await send();
    await settle();
    expect(upstream.seen).toEqual([]);
    expect(ownership.asked).toEqual([reports, reports]);
    ownership.gain(reports);
    await settle();
    expect(upstream.seen).toHaveLength(2);
    expect(await store.count('delivered')).toBe(2);
    await send();
    await send({ mailbox: 'sales@contoso.example' });
    await settle();
    expect(upstream.seen).toHaveLength(3);
    expect(ownership.asked.slice(2)).toEqual([sales]);
  });

  test('is found at the start as well', async () => {
    const before = world();
    await before.send();
    await before.stop();
    const after = world({}, {}, before.folder);
    await settle();
    expect(after.ownership.asked).toEqual([reports]);
    expect(after.upstream.seen).toEqual([]);
  });

  test('may be all of a connection', async () => {
    const { ownership, send, upstream, closed } = world();
    await send();
    await send({ mailbox: 'sales@contoso.example' });
    await send({ connection: 'fabrikam' });
    ownership.gain('contoso/');
    await settle();
    expect(upstream.seen.map(({ mailbox }) => mailbox)).toEqual(['reports@contoso.example', 'sales@contoso.example']);
    await ownership.handOver('contoso/');
    expect(closed.toSorted()).toEqual([reports, sales]);
    await send();
    await settle();
    expect(upstream.seen).toHaveLength(2);
  });

  test('has its delay warnings and follow-ups done by others', async () => {
    const told: string[] = [];
    const { ownership, send, clock, upstream, store } = world(
      {},
      {
        delayWarnings: {
          afterMs: minuteMs,
          async warningFor({ mailbox }) {
            told.push(mailbox);
            return undefined;
          },
        },
      },
    );
    upstream.answer = () => ({ outcome: 'temporary', code: '4.3.2', text: 'later' });
    for (let i = 0; i < 45; i++) await send();
    await send({ mailbox: 'sales@contoso.example' });
    const read: number[] = [];
    const { delayed } = store;
    store.delayed = async (...asked) => {
      const found = await delayed.apply(store, asked);
      read.push(found.length);
      return found;
    };
    ownership.gain(sales);
    await clock.advance(6 * minuteMs);
    expect(told).toEqual(['sales@contoso.example']);
    // Each once in a round, however many belong to others.
    expect(read.reduce((sum, each) => sum + each, 0)).toBe(46);
    await clock.advance(4 * minuteMs);
    expect(told).toEqual(['sales@contoso.example']);
    ownership.gain(reports);
    await clock.advance(10 * minuteMs);
    expect(told).toHaveLength(46);
  });
});

describe('a lease that is gained', () => {
  test('begins with what others have sent meanwhile, by the mailbox’s limits', async () => {
    const { ownership, send, clock, upstream, store } = world({ messagesPerMinute: 2 });
    ownership.gain(reports);
    await send();
    await settle();
    expect(upstream.seen).toHaveLength(1);
    await ownership.handOver(reports);
    await clock.advance(10_000);
    await store.countSent(reports, { startedAtMs: clock.now(), endedAtMs: clock.now(), recipients: 1, external: 0 });
    for (let i = 0; i < 3; i++) await send();
    const gainedAtMs = clock.now();
    ownership.gain(reports);
    await settle();
    expect(upstream.seen).toHaveLength(1);
    await clock.advance(minuteMs - 10_001);
    expect(upstream.seen).toHaveLength(1);
    await clock.advance(1);
    expect(upstream.seen).toHaveLength(2);
    await clock.advance(10_000);
    expect(upstream.times('reports@contoso.example').slice(1)).toEqual([gainedAtMs + 50_000, gainedAtMs + minuteMs]);
  });

  test('by those of the tenant, though other mailboxes of it were ours all the time', async () => {
    const { ownership, send, clock, upstream, store } = world({ externalRecipientsPerDay: 4 });
    const outside = ['bo@fabrikam.example'];
    ownership.gain(sales);
    await send({ mailbox: 'sales@contoso.example' }, outside);
    await settle();
    await store.countSent(reports, { startedAtMs: clock.now(), endedAtMs: clock.now(), recipients: 3, external: 3 });
    for (let i = 0; i < 2; i++) await send({}, outside);
    ownership.gain(reports);
    await clock.advance(60 * minuteMs);
    expect(upstream.seen).toHaveLength(1);
    await send({ mailbox: 'sales@contoso.example' }, outside);
    await clock.advance(60 * minuteMs);
    expect(upstream.seen).toHaveLength(1);
    await clock.advance(23 * 60 * minuteMs);
    expect(upstream.seen).toHaveLength(4);
  });

  test('by those of the tenant, in one count, though its last mailbox goes while another comes', async () => {
    const { ownership, sendMany, clock, upstream, store } = world({ externalRecipientsPerDay: 4 });
    const outside = ['bo@fabrikam.example'];
    ownership.gain(reports);
    await sendMany(1, {}, outside);
    await settle();
    const { promise, resolve } = Promise.withResolvers<void>();
    const { sentSince } = store;
    store.sentSince = async (destination, ...times) => {
      if (destination === sales) await promise;
      return await sentSince.call(store, destination, ...times);
    };
    ownership.gain(sales);
    await sendMany(10, { mailbox: 'sales@contoso.example' }, outside);
    await settle();
    await ownership.handOver(reports);
    ownership.gain(reports);
    await sendMany(10, {}, outside);
    await settle();
    resolve();
    await clock.advance(60 * minuteMs);
    expect(upstream.seen).toHaveLength(4);
  });

  test('and by those of the login that its mailboxes share', async () => {
    const { ownership, send, clock, upstream, store } = world({ messagesPerMinute: 3 });
    const ofPerson = { connection: 'person', courier: 'smtp' } as const;
    ownership.gain('person/');
    await send({ ...ofPerson, mailbox: 'a@contoso.example' });
    await settle();
    await ownership.handOver('person/');
    const sent = { startedAtMs: clock.now(), endedAtMs: clock.now(), recipients: 1, external: 0 };
    for (let i = 0; i < 2; i++) await store.countSent('person/b@contoso.example', sent);
    await send({ ...ofPerson, mailbox: 'c@contoso.example' });
    ownership.gain('person/');
    await clock.advance(minuteMs - 1);
    expect(upstream.seen).toHaveLength(1);
    await clock.advance(1 + 10_000);
    expect(upstream.seen).toHaveLength(2);
  });

  test('begins nothing before the store has told of the limits, and asks again where it cannot', async () => {
    const { ownership, send, clock, upstream, store, errors } = world();
    const { sentSince } = store;
    store.sentSince = async () => {
      throw new Error('disk I/O error');
    };
    await send();
    await send({ mailbox: 'sales@contoso.example' });
    ownership.gain(reports);
    ownership.gain(sales);
    await clock.advance(2500);
    expect(upstream.seen).toEqual([]);
    // Once a second, however many mailboxes wait for it.
    expect(errors()).toHaveLength(3);
    store.sentSince = sentSince;
    await clock.advance(1000);
    expect(upstream.seen).toHaveLength(2);
  });

  test('and lost before that begins nothing', async () => {
    const { ownership, send, upstream, store } = world();
    const { promise, resolve } = Promise.withResolvers<void>();
    const { sentSince } = store;
    store.sentSince = async (...asked) => {
      await promise;
      return await sentSince(...asked);
    };
    await send();
    ownership.gain(reports);
    await settle();
    ownership.lose(reports);
    resolve();
    await settle();
    expect(upstream.seen).toEqual([]);
    ownership.gain(reports);
    await settle();
    expect(upstream.seen).toHaveLength(1);
  });
});

describe('a lease that is handed over', () => {
  test('is so when what is under way is over and written, and no session is open; nothing more begins', async () => {
    const courier = new HeldCourier();
    const { ownership, send, store, closed, heldOpen, queue } = world({}, { courierFor: () => courier });
    ownership.gain(reports);
    for (let i = 0; i < 6; i++) await send();
    await settle();
    expect(courier.seen).toHaveLength(4);
    const admitting = queue.admit(direct(), 60_000);
    await settle();
    const closeNow = heldOpen();
    const handed = watchedPromise(ownership.handOver(reports));
    await settle();
    // A waiting client can try again.
    expect(await admitting).toMatchObject({ admitted: false });
    await send();
    await courier.answer();
    expect(courier.seen).toHaveLength(4);
    expect(courier.aborted).toEqual([]);
    expect([handed.isOver, closed]).toEqual([false, []]);
    closeNow();
    await settle();
    expect([handed.isOver, closed]).toEqual([true, [reports]]);
    expect([await store.count('delivered'), await store.count('queued')]).toEqual([4, 3]);
    ownership.gain(reports);
    await settle();
    expect(courier.seen).toHaveLength(7);
  });

  test('waits for a delivery that a client waits for, until that is counted', async () => {
    const { ownership, queue, store, clock } = world();
    ownership.gain(reports);
    const admission = await queue.admit(direct(), 0);
    if (!admission.admitted) throw new Error('refused');
    const { promise, resolve } = Promise.withResolvers<void>();
    const { countSent } = store;
    store.countSent = async (...counted) => {
      await promise;
      await countSent(...counted);
    };
    const handed = watchedPromise(ownership.handOver(reports));
    await clock.advance(1000);
    expect(handed.isOver).toBe(false);
    admission.ended({ recipients: [{ address: 'a', outcome: 'delivered', code: '202', text: 'OK' }] });
    await settle();
    expect(handed.isOver).toBe(false);
    resolve();
    await settle();
    expect(handed.isOver).toBe(true);
    expect(await store.sentSince(reports, 0, clock.now())).toHaveLength(1);
  });

  test('is so at once where nothing is open', async () => {
    const { ownership, closed } = world();
    ownership.gain(reports);
    await settle();
    await ownership.handOver(reports);
    expect(closed).toEqual([]);
  });

  test('leaves to others what is left of the tenant’s limit, with the last mailbox of the connection', async () => {
    const outside = ['bo@fabrikam.example'];
    const { ownership, send, store, stop } = world({ externalRecipientsPerDay: 1000 });
    const calls: string[] = [];
    const grants: QueueStore['grants'] = {
      async grant(connection, amount) {
        calls.push(`${connection} +${amount}`);
        return amount;
      },
      async giveBack(connection, amount) {
        calls.push(`${connection} -${amount}`);
      },
    };
    Object.assign(store, { grants });
    ownership.gain(reports);
    ownership.gain(sales);
    await send({}, outside);
    await send({ mailbox: 'sales@contoso.example' }, outside);
    await settle();
    expect(await store.count('delivered')).toBe(2);
    await ownership.handOver(reports);
    expect(calls).toEqual(['contoso +10']);
    await ownership.handOver(sales);
    expect(calls.splice(0)).toEqual(['contoso +10', 'contoso -8']);
    ownership.gain(sales);
    await send({ mailbox: 'sales@contoso.example' }, outside);
    await settle();
    await stop();
    expect(calls).toEqual(['contoso +10', 'contoso -9']);
  });

  test('is so although its sessions cannot be closed', async () => {
    const { ownership, send, errors } = world({}, { closeSessions: () => Promise.reject(new Error('a defect')) });
    ownership.gain(reports);
    await send();
    await settle();
    await ownership.handOver(reports);
    expect(errors()).toMatchObject([{ fields: { destination: reports } }]);
  });

  test('at the end of the bridge at once where nothing is under way, and with the last delivery otherwise', async () => {
    const courier = new HeldCourier();
    const { ownership, send, queue, store, closed } = world({}, { courierFor: () => courier });
    ownership.gain(reports);
    ownership.gain(sales);
    await send({ mailbox: 'sales@contoso.example' });
    await settle();
    await courier.answer();
    await send();
    await settle();
    const stopped = watchedPromise(queue.stop(20_000));
    await settle();
    expect([ownership.released, closed]).toEqual([[sales], [sales]]);
    expect([stopped.isOver, courier.aborted]).toEqual([false, []]);
    const delivered = await store.count('delivered');
    await courier.answer();
    expect(delivered).toBe(1);
    expect([ownership.released, closed, ownership.isStopped]).toEqual([[sales, reports], [sales, reports], true]);
  });

  test('at the end of the bridge, after its sessions are closed', async () => {
    const { ownership, send, closed, stop } = world();
    ownership.gain(reports);
    await send();
    await settle();
    await stop();
    expect([closed, ownership.isStopped]).toEqual([[reports], true]);
  });
});

describe('a lease that is lost', () => {
  test('breaks off what is under way, which writes nothing; whoever delivers next looks for it first', async () => {
    const courier = new HeldCourier();
    const { ownership, send, store, clock, lines, errors, closed } = world({}, { courierFor: () => courier });
    ownership.gain(reports);
    const message = await send();
    await settle();
    const recorded: string[] = [];
    const { record } = store;
    store.record = async (id, ...rest) => {
      recorded.push(id);
      return await record(id, ...rest);
    };
    ownership.lose(reports);
    await settle();
    expect(courier.aborted).toEqual([message.id]);
    expect(recorded).toEqual([]);
    expect(closed).toEqual([reports]);
    expect(await store.get(message.id)).toMatchObject({
      ...{ state: 'queued', attempts: 0, unfinished: { courier: 'graph' } },
    });
    expect(lines.filter(({ text }) => text.startsWith('another instance delivers'))).toHaveLength(1);
    // A courier that aborts this way reports it as a defect.
    expect(errors().map(({ text }) => text)).toEqual(['delivery attempt failed unexpectedly']);
    await clock.advance(5000);
    const lease = ownership.gain(reports);
    await settle();
    expect(courier.seen).toHaveLength(2);
    expect(courier.seen[1]?.ambiguous).toEqual({
      ...{ addresses: ['ann@contoso.example'], overAtMs: lease.sinceMs, courier: 'graph' },
    });
    await courier.answer();
    expect(recorded).toEqual([message.id]);
  });

  test('and gained again: nothing begins while what was broken off still holds a connection', async () => {
    const ends: (() => void)[] = [];
    const started: string[] = [];
    const courier: Courier = {
      async deliver({ id, envelope }) {
        started.push(id);
        await new Promise<void>((resolve) => ends.push(resolve));
        const outcome = { outcome: 'delivered', code: '2.0.0', text: 'OK' } as const;
        return { recipients: envelope.recipients.map(({ address }) => ({ address, ...outcome })) };
      },
    };
    const { ownership, send } = world({}, { courierFor: () => courier });
    ownership.gain(reports);
    const first = await send();
    await settle();
    ownership.lose(reports);
    ownership.gain(reports);
    await send();
    await settle();
    expect(started).toEqual([first.id]);
    ends[0]?.();
    await settle();
    expect(started).toHaveLength(3);
    for (const end of ends) end();
  });

  test('while an attempt is being begun: nothing is sent', async () => {
    const { ownership, send, upstream, store } = world();
    const { promise, resolve } = Promise.withResolvers<void>();
    const { begin } = store;
    store.begin = async (...begun) => {
      const message = await begin(...begun);
      await promise;
      return message;
    };
    ownership.gain(reports);
    await send();
    await settle();
    ownership.lose(reports);
    resolve();
    await settle();
    expect(upstream.seen).toEqual([]);
  });

  test.each(['begin', 'record'] as const)('is what the store says at %s: one line, and no error', async (call) => {
    const { ownership, sendMany, store, lines, errors, clock } = world({ concurrentPerMailbox: 1 });
    let calls = 0;
    const refused = () => {
      calls += 1;
      return Promise.reject(new BridgeError('lease-lost', 'another has it'));
    };
    Object.assign(store, { [call]: refused });
    ownership.gain(reports);
    await sendMany(5);
    await clock.advance(minuteMs);
    // Nothing more is tried until the lease is back.
    expect(calls).toBe(1);
    ownership.lose(reports);
    await clock.advance(minuteMs);
    expect(errors()).toEqual([]);
    expect(lines.filter(({ text }) => text.startsWith('another instance delivers'))).toHaveLength(1);
  });

  test('is what the store says where mail is put off: no error, and nothing more is tried', async () => {
    const { ownership, send, store, errors, clock } = world({ externalRecipientsPerDay: 1 });
    let calls = 0;
    store.defer = () => {
      calls += 1;
      return Promise.reject(new BridgeError('lease-lost', 'another has it'));
    };
    ownership.gain(reports);
    for (let i = 0; i < 2; i++) await send({}, ['bo@fabrikam.example']);
    await clock.advance(minuteMs);
    expect(calls).toBe(1);
    expect(await Promise.race([ownership.handOver(reports).then(() => 'idle'), settle()])).toBe('idle');
    expect(errors()).toEqual([]);
  });

  test('leaves a message whose body is gone to whoever delivers it', async () => {
    const { ownership, send, store, errors, clock } = world(
      {},
      { courierFor: () => ({ deliver: async (message) => Promise.reject(await buffer(await message.open())) }) },
    );
    store.open = () => Promise.reject(new BridgeError('queue-body-missing', 'gone'));
    store.cancelAttempt = () => Promise.reject(new BridgeError('lease-lost', 'another has it'));
    ownership.gain(reports);
    const { id } = await send();
    await clock.advance(1000);
    expect((await store.get(id))?.state).toBe('queued');
    expect(errors()).toEqual([]);
  });

  test('breaks off a delivery that a client waits for', async () => {
    const { ownership, queue } = world();
    ownership.gain(reports);
    const admission = await queue.admit(direct(), 0);
    if (!admission.admitted) throw new Error('refused');
    const message = admission.guarded({ open: () => [] } as unknown as OutgoingMessage);
    expect(() => message.assertMaySend?.()).not.toThrow();
    ownership.lose(reports);
    expect(admission.signal.aborted).toBe(true);
    expect(() => message.assertMaySend?.()).toThrow(expect.objectContaining({ code: 'lease-lost' }));
    admission.ended(undefined);
  });
});

test('an instance that was frozen sends neither the end of a message nor another request', async () => {
  const read: (string | undefined)[] = [];
  let refusal: unknown;
  const ownershipOf: { ownership?: ScriptedOwnership } = {};
  const courier: Courier = {
    async deliver(message) {
      // Meanwhile the lease expired, without a notice yet.
      ownershipOf.ownership?.doubtful.add(reports);
      const error = await buffer(message.open()).then(
        (octets) => void read.push(octets.toString()),
        (failure: unknown) => failure,
      );
      read.push((error as BridgeError | undefined)?.code);
      try {
        message.assertMaySend?.();
      } catch (thrown) {
        refusal = thrown;
      }
      const outcome = { outcome: 'temporary', code: 'message-unreadable', text: 'x' } as const;
      const trouble = { part: 'graph', outcome: 'temporary', code: 'x', text: 'x', isSure: true } as const;
      return { recipients: message.envelope.recipients.map(({ address }) => ({ address, ...outcome })), trouble };
    },
  };
  const { ownership, send, store, queue } = world({}, { courierFor: () => courier });
  ownershipOf.ownership = ownership;
  ownership.gain(reports);
  const { id } = await send();
  await settle();
  expect(read).toEqual(['lease-lost']);
  expect(refusal).toMatchObject({ code: 'lease-lost' });
  // It is no trouble of the connection; the store would have refused the outcome if another instance had the lease.
  expect(queue.breakers()).toEqual([]);
  expect(await store.get(id)).toMatchObject({ state: 'queued', recipients: [{ last: { code: 'lease-lost' } }] });
});

describe('a client that waits for a direct delivery', () => {
  test('waits for the lease of its mailbox, and then for the limits', async () => {
    const { ownership, queue, clock } = world();
    const admitted = watchedPromise(queue.admit(direct(), 30_000));
    await clock.advance(5000);
    expect(admitted.isOver).toBe(false);
    ownership.gain(reports);
    await settle();
    expect(admitted.isOver).toBe(true);
  });

  test('is told to come again where that does not come in time', async () => {
    const { queue, clock } = world();
    const admission = queue.admit(direct(), 30_000);
    await clock.advance(30_000);
    expect(await admission).toEqual({ admitted: false, retryAfterMs: 1000 });
  });
});
