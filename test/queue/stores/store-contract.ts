import { readdirSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { NewMessage, QueuedMessage } from '../../../src/queue/message.ts';
import { destinationOf } from '../../../src/queue/message.ts';
import type { AttemptResult, QueueFilter, QueueStore, StoreChange } from '../../../src/queue/store.ts';
import type { KeptMessage, MovableStore } from '../../../src/queue/transfer/transfer.ts';

/** Opens a store at a place; opening the same place again returns what was written before. */
export type OpenStore = (place: string) => Promise<MovableStore>;

const t0 = Date.UTC(2026, 0, 5, 8);
/** For queries that need the current time; long after everything that is asked for. */
const nowMs = t0 + 4 * 3_600_000;

/** A message from a scanner to two people. */
export function newMessage(overrides: Partial<NewMessage> = {}): NewMessage {
  return {
    account: 'scanner',
    connection: 'contoso',
    mailbox: 'reports@contoso.example',
    courier: 'graph',
    envelope: {
      reversePath: 'reports@contoso.example',
      recipients: [{ address: 'ann@contoso.example' }, { address: 'bo@fabrikam.example', dsn: { notify: ['NEVER'] } }],
      eightBit: true,
      smtpUtf8: false,
    },
    isBounce: false,
    receivedAtMs: t0,
    expiresAtMs: t0 + 48 * 3_600_000,
    ...overrides,
  };
}

export async function put(
  store: QueueStore,
  content: string | Buffer,
  overrides?: Partial<NewMessage>,
): Promise<QueuedMessage> {
  const spool = store.spool();
  await spool.write(Buffer.from(content));
  return await spool.commit(newMessage(overrides));
}

function outcome(
  message: QueuedMessage,
  state: 'delivered' | 'queued' | 'failed',
  nextAttemptAtMs = t0,
): AttemptResult {
  return {
    attempt: {
      startedAtMs: t0 + 10,
      durationMs: 5,
      upstreamId: 'req-1',
      outcomes: message.recipients.map(({ address }) => ({
        address,
        outcome: state === 'delivered' ? 'delivered' : state === 'failed' ? 'permanent' : 'temporary',
        code: '4.3.2',
        text: 'as it was',
      })),
    },
    recipients: message.recipients.map((each) => ({
      ...each,
      state: state === 'queued' ? 'pending' : state,
      last: { outcome: 'temporary', code: '4.3.2', text: 'as it was' },
    })),
    state,
    nextAttemptAtMs,
  };
}

/** What every engine of the queue must do. */
export function storeContract(name: string, newPlace: () => string, openStore: OpenStore): void {
  const open = async (place = newPlace()) => {
    const store = await openStore(place);
    let closed = false;
    const close = store.close.bind(store);
    store.close = async () => {
      if (!closed) await close();
      closed = true;
    };
    onTestFinished(() => store.close());
    return store;
  };
  const destination = destinationOf(newMessage());

  describe(`${name}: a queue store`, () => {
    test('gives back what was put in, after it was closed and opened again', async () => {
      const place = newPlace();
      const first = await open(place);
      const put1 = await put(first, 'Subject: one\r\n\r\nbody\r\n');
      await first.close();
      const again = await open(place);
      expect(await again.get(put1.id)).toEqual(put1);
      expect((await buffer(await again.open(put1.id))).toString()).toBe('Subject: one\r\n\r\nbody\r\n');
      expect((await again.get(put1.id))?.envelope.recipients[1]?.dsn).toEqual({ notify: ['NEVER'] });
    });

    test.each([0, 1, 65_535, 65_536, 65_537, 3_000_000])('keeps a body of %i octets identical', async (size) => {
      const store = await open();
      const content = Buffer.alloc(size, 'Zm9v\r\n');
      const spool = store.spool();
      for (let i = 0; i < size; i += 50_000) await spool.write(content.subarray(i, i + 50_000));
      const message = await spool.commit(newMessage());
      expect(message.size).toBe(size);
      expect((await buffer(await store.open(message.id))).equals(content)).toBe(true);
      expect((await buffer(await store.open(message.id))).equals(content)).toBe(true);
    });

    test('knows nothing of a message that was not committed', async () => {
      const place = newPlace();
      const store = await open(place);
      for (const size of [10, 200_000]) {
        const spool = store.spool();
        await spool.write(Buffer.alloc(size));
        await spool.discard();
      }
      const abandoned = store.spool();
      await abandoned.write(Buffer.alloc(200_000));
      await store.close();
      expect(await (await open(place)).list({}, 10)).toEqual([]);
      await abandoned.discard();
    });

    test('names messages in the order of their coming', async () => {
      const store = await open();
      const ids: string[] = [];
      for (let i = 0; i < 20; i++) ids.push((await put(store, `${i}`, { receivedAtMs: t0 + i })).id);
      expect((await store.list({}, 100)).map((each) => each.id).sort()).toEqual(ids.toSorted());
      expect(new Set(ids).size).toBe(20);
      expect((await store.due(destination, t0 + 100, 100)).map((each) => each.id)).toEqual(ids);
    });

    test('takes many at once, all or each', async () => {
      const store = await open();
      const all = await Promise.all(Array.from({ length: 200 }, (_, i) => put(store, `message ${i}`)));
      expect(await store.count('queued')).toBe(200);
      expect(new Set(all.map((each) => each.id)).size).toBe(200);
    });

    test('hands out what is due, destination by destination', async () => {
      const store = await open();
      const early = await put(store, 'early');
      const late = await put(store, 'late', { receivedAtMs: t0 + 5000 });
      const other = await put(store, 'other', { mailbox: 'Sales@contoso.example' });
      expect((await store.due(destination, t0, 10)).map((each) => each.id)).toEqual([early.id]);
      expect(await store.nextDueMs(destination, t0)).toBe(late.nextAttemptAtMs);
      expect(await store.nextDueMs(destination, t0 + 5000)).toBeUndefined();
      expect((await store.due(destination, t0 + 9000, 1)).map((each) => each.id)).toEqual([early.id]);
      expect((await store.destinations()).map((each) => each.destination).sort()).toEqual(
        [destination, destinationOf(other)].sort(),
      );
    });

    test('records attempts and what became of each recipient', async () => {
      const store = await open();
      const message = await put(store, 'x');
      await store.record(message.id, outcome(message, 'queued', t0 + 60_000));
      const after = await store.get(message.id);
      expect(after).toMatchObject({ attempts: 1, state: 'queued', nextAttemptAtMs: t0 + 60_000 });
      expect(after?.recipients[0]).toMatchObject({ state: 'pending', last: { code: '4.3.2', text: 'as it was' } });
      await store.record(message.id, outcome(message, 'delivered'));
      expect((await store.attempts(message.id)).map((each) => each.outcomes[0]?.outcome)).toEqual([
        'temporary',
        'delivered',
      ]);
      expect((await store.attempts(message.id))[0]).toMatchObject({
        startedAtMs: t0 + 10,
        durationMs: 5,
        upstreamId: 'req-1',
      });
      const sent = { startedAtMs: t0 + 10, endedAtMs: t0 + 15, recipients: 2 };
      expect(await store.sentSince(destination, t0, nowMs)).toMatchObject([sent]);
      expect(await store.sentOfConnectionSince(message.connection, t0 + 15, nowMs)).toMatchObject([sent]);
      expect(await store.sentOfConnectionSince(message.connection, t0 + 16, nowMs)).toEqual([]);
      expect(await store.sentOfConnectionSince(`${message.connection}2`, t0, nowMs)).toEqual([]);
    });

    test('counts what it did not hold, as often as it is told', async () => {
      const store = await open();
      const sent = { startedAtMs: t0 + 10.4, endedAtMs: t0 + 15.6, recipients: 2, external: 1 };
      await store.countSent(destination, sent);
      await store.countSent(destination, sent);
      const counted = { startedAtMs: t0 + 10, endedAtMs: t0 + 15, recipients: 2, external: 1 };
      expect(await store.sentSince(destination, t0, nowMs)).toMatchObject([counted, counted]);
      expect(await store.externalSince('contoso', t0)).toMatchObject([{ destination }, { destination }]);
      expect(await store.list({}, 10)).toEqual([]);
    });

    test('counts an attempt that began up to an hour before the time asked for, by its end', async () => {
      const store = await open();
      const endedAtMs = t0 + 2 * 3_600_000;
      await store.countSent(destination, {
        startedAtMs: t0 + 3_600_000 + 60_000,
        endedAtMs,
        recipients: 1,
        external: 0,
      });
      expect(await store.sentSince(destination, endedAtMs, nowMs)).toHaveLength(1);
      expect(await store.sentOfConnectionSince('contoso', endedAtMs, nowMs)).toHaveLength(1);
      expect(await store.sentSince(destination, endedAtMs + 1, nowMs)).toEqual([]);
    });

    test('lets go of the file of a message that does not come to its end', async () => {
      const store = await open();
      const openFiles = () => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0);
      const before = openFiles();
      for (let n = 0; n < 5; n++) {
        const spool = store.spool();
        await spool.write(Buffer.alloc(200_000));
        await spool.discard();
      }
      expect(openFiles()).toBeLessThan(before + 5);
    });

    test('keeps no body of a delivered message, and that of a failed one until it is purged', async () => {
      const store = await open();
      for (const size of [100, 100_000]) {
        const delivered = await put(store, Buffer.alloc(size));
        await store.record(delivered.id, outcome(delivered, 'delivered'));
        await expect(store.open(delivered.id)).rejects.toMatchObject({ code: 'queue-body-missing' });
        const failed = await put(store, Buffer.alloc(size));
        await store.record(failed.id, outcome(failed, 'failed'));
        expect((await buffer(await store.open(failed.id))).length).toBe(size);
      }
      expect(await store.purge({ deliveredMs: t0 + 15, failedMs: t0 + 15 })).toBe(0);
      expect(await store.purge({ deliveredMs: t0 + 16, failedMs: t0 + 15 })).toBe(2);
      expect((await store.list({}, 10)).map((each) => each.state)).toEqual(['failed', 'failed']);
      expect(await store.purge({ deliveredMs: t0, failedMs: t0 + 16 })).toBe(2);
      expect(await store.list({}, 10)).toEqual([]);
    });

    test('puts bounces into the queue together with the failure they report', async () => {
      const store = await open();
      const message = await put(store, 'x');
      const notice = newMessage({ isBounce: true, envelope: { ...message.envelope, reversePath: '' } });
      const queued = await store.record(message.id, {
        ...outcome(message, 'failed'),
        bounces: ['sorry', 'so sorry'].map((text) => ({ message: notice, content: Buffer.from(text) })),
      });
      expect(queued).toMatchObject([5, 8].map((size) => ({ isBounce: true, state: 'queued', size })));
      expect((await store.get(message.id))?.state).toBe('failed');
      expect(await store.count('queued')).toBe(2);
      expect((await buffer(await store.open(queued[1]?.id ?? ''))).toString()).toBe('so sorry');
    });

    test('lets an administrator hold, release and remove by filter', async () => {
      const store = await open();
      const mine = await put(store, 'x');
      const other = await put(store, 'y', { account: 'erp', mailbox: 'erp@contoso.example' });
      expect(await store.hold({ account: 'scanner' })).toBe(1);
      expect(await store.due(destination, t0, 10)).toEqual([]);
      expect((await store.list({ states: ['held'] }, 10)).map((each) => each.id)).toEqual([mine.id]);
      expect(await store.release({ recipient: 'ANN@contoso.example', states: ['held'] }, t0 + 1)).toBe(1);
      expect((await store.due(destination, t0 + 1, 10)).map((each) => each.id)).toEqual([mine.id]);
      expect(await store.remove({ mailbox: 'ERP@contoso.example' })).toBe(1);
      expect(await store.get(other.id)).toBeUndefined();
      await store.record(other.id, outcome(other, 'delivered'));
    });

    test('releases a failed message with the recipients that failed', async () => {
      const store = await open();
      const message = await put(store, 'x');
      await store.record(message.id, outcome(message, 'failed'));
      expect(await store.release({ ids: [message.id] }, t0 + 99)).toBe(1);
      expect(await store.get(message.id)).toMatchObject({ state: 'queued', nextAttemptAtMs: t0 + 99 });
      expect((await store.get(message.id))?.recipients.map((each) => each.state)).toEqual(['pending', 'pending']);
    });

    test('gives a released message as much time as it once had', async () => {
      const store = await open();
      const message = await put(store, 'x');
      await store.record(message.id, outcome(message, 'failed'));
      const weekMs = 7 * 86_400_000;
      await store.release({ ids: [message.id] }, t0 + weekMs);
      expect((await store.get(message.id))?.expiresAtMs).toBe(t0 + weekMs + 48 * 3_600_000);
      await store.release({ ids: [message.id] }, t0 + 2 * weekMs);
      expect((await store.get(message.id))?.expiresAtMs).toBe(t0 + weekMs + 48 * 3_600_000);
    });

    test.each<[string, QueueFilter]>([
      ['account in any case', { account: 'ERP' }],
      ['connection', { connection: 'fabrikam' }],
      ['mailbox in any case', { mailbox: 'Erp@Contoso.example' }],
      ['whole recipient', { recipient: 'Cy@wingtip.example' }],
      ['recipient by domain', { recipient: '*@WINGTIP.example' }],
      ['age, below', { receivedBeforeMs: t0 }],
      ['age, both ends', { receivedSinceMs: t0 - 1000, receivedBeforeMs: t0 - 999 }],
      ['code of the last error', { error: 'errorquotaexceeded' }],
      ['words of the last error', { error: 'mailbox is FULL' }],
      ['state and account', { states: ['held'], account: 'erp' }],
    ])('finds messages by %s', async (_, filter) => {
      const store = await open();
      await put(store, 'x');
      const recipients = [{ address: 'cy@wingtip.example' }];
      const wanted = await put(store, 'y', {
        account: 'erp',
        connection: 'fabrikam',
        mailbox: 'erp@contoso.example',
        envelope: { ...newMessage().envelope, recipients },
        receivedAtMs: t0 - 1000,
      });
      const last = { outcome: 'temporary', code: 'ErrorQuotaExceeded', text: 'The mailbox is full.' } as const;
      await store.record(wanted.id, {
        ...outcome(wanted, 'queued'),
        recipients: wanted.recipients.map((each) => ({ ...each, last })),
      });
      await store.hold({ ids: [wanted.id] });
      expect((await store.list(filter, 10)).map((each) => each.id)).toEqual([wanted.id]);
    });

    test.each(['an?@contoso.example', '[a]nn@contoso.example', 'ann@contoso', 'ErrorQuota', '%'])(
      'takes "%s" as it is written',
      async (text) => {
        const store = await open();
        const message = await put(store, 'x');
        const last = { outcome: 'temporary', code: 'ErrorQuotaExceeded', text: 'full' } as const;
        await store.record(message.id, {
          ...outcome(message, 'queued'),
          recipients: message.recipients.map((each) => ({ ...each, last })),
        });
        expect(await store.list({ recipient: text }, 10)).toEqual([]);
        expect(await store.list({ error: text }, 10)).toEqual([]);
      },
    );

    test('sums up each mailbox and state', async () => {
      const store = await open();
      await put(store, '12345');
      await put(store, '123', { receivedAtMs: t0 - 5 });
      const held = await put(store, '1', { mailbox: 'erp@contoso.example' });
      await store.hold({ ids: [held.id] });
      expect(await store.totals({})).toEqual([
        { mailbox: 'erp@contoso.example', state: 'held', messages: 1, octets: 1, oldestReceivedAtMs: t0 },
        { mailbox: 'reports@contoso.example', state: 'queued', messages: 2, octets: 8, oldestReceivedAtMs: t0 - 5 },
      ]);
      expect(await store.totals({ states: ['failed'] })).toEqual([]);
    });

    test('sets a damaged message aside, through an attempt under way, until it is released', async () => {
      const store = await open();
      const message = await put(store, 'x');
      await store.quarantine(message.id, 'The disk ate it.');
      await store.record(message.id, outcome(message, 'queued', t0 + 1000));
      expect(await store.get(message.id)).toMatchObject({ state: 'quarantined', damage: 'The disk ate it.' });
      expect(await store.due(destination, t0 + 5000, 10)).toEqual([]);
      expect(await store.release({ ids: [message.id] }, t0)).toBe(1);
      expect(await store.get(message.id)).not.toHaveProperty('damage');
      expect(await store.due(destination, t0, 10)).toHaveLength(1);
    });

    test('knows the accounts that wait, and what is due of each, and next of all', async () => {
      const store = await open();
      const ids: Record<string, string> = {};
      for (const [account, afterMs] of [
        ['b', 2000],
        ['a', 1000],
        ['c', 3000],
      ] as const) {
        ids[account] = (await put(store, 'x', { account, receivedAtMs: t0 + afterMs })).id;
      }
      await put(store, 'x', { account: 'd', mailbox: 'sales@contoso.example' });
      expect(await store.accounts(destination)).toEqual(['a', 'b', 'c']);
      expect((await store.due(destination, t0 + 9000, 10, 'b')).map(({ id }) => id)).toEqual([ids.b]);
      expect(await store.due(destination, t0 + 1999, 10, 'b')).toEqual([]);
      expect(await Promise.all([0, 1000, 2000, 3000].map((ms) => store.nextDueMs(destination, t0 + ms)))).toEqual([
        ...[t0 + 1000, t0 + 2000, t0 + 3000, undefined],
      ]);
      await store.hold({ account: 'a' });
      expect(await store.accounts(destination)).toEqual(['b', 'c']);
      expect(await store.nextDueMs(destination, t0)).toBe(t0 + 2000);
    });

    test('puts queued messages off, and makes all of them due again', async () => {
      const store = await open();
      const [one, two, held] = [await put(store, '1'), await put(store, '2'), await put(store, '3')];
      await store.hold({ ids: [held.id] });
      await store.defer([one.id, held.id], t0 + 5000.2);
      expect(await store.get(one.id)).toMatchObject({ nextAttemptAtMs: t0 + 5001, attempts: 0 });
      expect((await store.get(two.id))?.nextAttemptAtMs).toBe(t0);
      await store.hasten(t0 + 100);
      const all = await Promise.all([one, two, held].map(({ id }) => store.get(id)));
      const times = all.map((each) => each?.nextAttemptAtMs);
      expect(times).toEqual([t0 + 100, t0, t0]);
    });

    test('keeps pauses over a restart, one for each key', async () => {
      const place = newPlace();
      const first = await open(place);
      const pause = {
        untilMs: t0 + 9000.6,
        sinceMs: t0 + 0.4,
        code: '429',
        text: 'slow',
        strikes: 1,
        needsAdmin: false,
      };
      await first.setPause({ ...pause, key: 'a' });
      await first.setPause({ ...pause, key: 'b' });
      await first.setPause({ ...pause, key: 'a', strikes: 2, needsAdmin: true });
      await first.endPause('b');
      await first.close();
      expect(await (await open(place)).pauses()).toEqual([
        { ...pause, key: 'a', untilMs: t0 + 9001, sinceMs: t0, strikes: 2, needsAdmin: true },
      ]);
    });

    test('finds messages whose time is over, page by page, those of one connection', async () => {
      const store = await open();
      const expiresAtMs = t0 + 1000;
      const ids: string[] = [];
      for (let i = 0; i < 3; i++) ids.push((await put(store, 'x', { expiresAtMs })).id);
      await put(store, 'x', { expiresAtMs: t0 + 1001 });
      await put(store, 'x', { expiresAtMs, connection: 'fabrikam' });
      await store.hold({ ids: [(await put(store, 'x', { expiresAtMs })).id] });
      const found = async (nowMs: number, afterId: string, limit: number) =>
        (await store.expired('contoso', nowMs, afterId, limit)).map(({ id }) => id);
      expect(await found(t0 + 1000, '', 10)).toEqual(ids);
      expect(await found(t0 + 1000, '', 2)).toEqual(ids.slice(0, 2));
      expect(await found(t0 + 1000, ids[1] ?? '', 2)).toEqual(ids.slice(2));
      expect(await found(t0 + 999, '', 10)).toEqual([]);
    });

    test('finds messages whose sender should know that they wait, in the order of their ids', async () => {
      const store = await open();
      const messages = [];
      // The first to come does not have the first id: the clock was set, or the message was moved here.
      for (const agoMs of [0, 20, 10, 5]) messages.push(await put(store, 'x', { receivedAtMs: t0 - agoMs }));
      const [young, ...ids] = messages.map(({ id }) => id);
      await put(store, 'x', { receivedAtMs: t0 - 20, isBounce: true });
      const held = await put(store, 'x', { receivedAtMs: t0 - 20 });
      await store.hold({ ids: [held.id] });
      const found = async (...asked: Parameters<QueueStore['delayed']>) =>
        (await store.delayed(...asked)).map(({ id }) => id);
      expect(await found(t0, '', 10)).toEqual(ids);
      expect(await found(t0 + 0.5, '', 10)).toEqual([young, ...ids]);
      expect(await found(t0, '', 2)).toEqual(ids.slice(0, 2));
      expect(await found(t0, ids[1] ?? '', 2)).toEqual(ids.slice(2));
      await store.noteDelayTold(ids[0] ?? '', undefined);
      expect(await found(t0, '', 10)).toEqual(ids.slice(1));
    });

    test('gives up a queued message without an attempt, and no other', async () => {
      const store = await open();
      const message = await put(store, 'x');
      const recipients = message.recipients.map((each) => ({ ...each, state: 'failed' as const }));
      const bounce = { message: newMessage({ isBounce: true }), content: Buffer.from('sorry') };
      const given = { recipients, finishedAtMs: t0 + 5, bounces: [bounce] };
      expect(await store.giveUp(message.id, given)).toMatchObject([{ isBounce: true, state: 'queued', size: 5 }]);
      expect(await store.get(message.id)).toMatchObject({
        state: 'failed',
        attempts: 0,
        finishedAtMs: t0 + 5,
        recipients,
      });
      expect(await store.giveUp(message.id, given)).toEqual([]);
      expect(await store.count('queued')).toBe(1);
      const quiet = await put(store, 'x');
      expect(await store.giveUp(quiet.id, { recipients, finishedAtMs: t0 })).toEqual([]);
      expect((await store.get(quiet.id))?.state).toBe('failed');
    });

    test('forgets counts of messages that are gone, from before a time; those of others stay', async () => {
      const store = await open();
      const there = await put(store, 'x');
      const gone = await put(store, 'x');
      for (const each of [there, gone]) await store.record(each.id, outcome(each, 'delivered'));
      await store.remove({ ids: [gone.id] });
      await store.purgeCounts(t0 + 10);
      expect(await store.sentSince(destination, t0, nowMs)).toHaveLength(2);
      await store.purgeCounts(t0 + 11);
      expect(await store.sentSince(destination, t0, nowMs)).toHaveLength(1);
      expect(await store.attempts(there.id)).toHaveLength(1);
      expect(await store.attempts(gone.id)).toEqual([]);
    });

    test('leaves what is delivered as it is: no release, no quarantine', async () => {
      const store = await open();
      const message = await put(store, 'x');
      await store.record(message.id, outcome(message, 'delivered'));
      expect(await store.release({}, t0)).toBe(0);
      await store.quarantine(message.id, 'damaged');
      expect((await store.get(message.id))?.state).toBe('delivered');
    });

    test('gives queued messages no more time when they are released', async () => {
      const store = await open();
      const message = await put(store, 'x');
      expect(await store.release({}, t0 + 1000)).toBe(1);
      expect(await store.get(message.id)).toMatchObject({
        expiresAtMs: message.expiresAtMs,
        nextAttemptAtMs: t0 + 1000,
      });
    });

    test('leaves a hold that came during an attempt in force', async () => {
      const store = await open();
      const message = await put(store, 'x');
      await store.hold({ ids: [message.id] });
      await store.record(message.id, outcome(message, 'queued', t0 + 1000));
      expect((await store.get(message.id))?.state).toBe('held');
    });

    test('tells what another opening of the same place changes, until nobody listens', {
      timeout: 20_000,
    }, async () => {
      const place = newPlace();
      const bridge = await open(place);
      const message = await put(bridge, 'x');
      const told: StoreChange[] = [];
      const end = bridge.subscribe((change) => told.push(change));
      onTestFinished(end);
      const command = await open(place);
      await command.hold({ ids: [message.id] });
      await expect.poll(() => told.map(({ kind }) => kind), { timeout: 5000 }).toContain('administered');
      expect((await bridge.get(message.id))?.state).toBe('held');
      told.length = 0;
      await put(command, 'y', { mailbox: 'Sales@contoso.example' });
      // A store that cannot tell which destinations changed says that any may have.
      const sales = 'contoso/sales@contoso.example';
      const isTold = (change: StoreChange) =>
        change.kind === 'administered' || (change.kind === 'queued' && change.destinations.includes(sales));
      await expect.poll(() => told.some(isTold), { timeout: 5000 }).toBe(true);
      end();
      told.length = 0;
      await command.hold({});
      await setTimeout(2500);
      expect(told).toEqual([]);
    });

    test('keeps what is to follow a message with its outcome, and after it is gone', async () => {
      const place = newPlace();
      const store = await open(place);
      const message = await put(store, 'x');
      const followUp = {
        connection: 'contoso',
        mailbox: 'Reports@contoso.example',
        note: '<1@x>',
        times: 1,
        dueAtMs: t0 + 50,
      };
      await store.record(message.id, { ...outcome(message, 'queued'), followUp });
      const { times: _, ...unknown } = { ...followUp, mailbox: 'a@contoso.example' };
      await store.addFollowUp('direct', unknown, t0);
      await store.record(message.id, { ...outcome(message, 'delivered'), followUp: { ...followUp, times: 2 } });
      await store.remove({});
      await store.close();
      const again = await open(place);
      expect(await again.followUpDestinations(t0 + 49)).toEqual([]);
      expect([...(await again.followUpDestinations(t0 + 50))].toSorted()).toEqual([
        'contoso/a@contoso.example',
        destination,
      ]);
      const kept = { ...followUp, id: message.id, times: 3, sinceMs: t0 + 15, tries: 0 };
      expect(await again.followUps(destination, t0 + 50, 10)).toEqual([kept]);
      expect(await again.followUps('contoso/a@contoso.example', t0 + 50, 10)).toEqual([
        { ...unknown, id: 'direct', sinceMs: t0, tries: 0 },
      ]);
      await again.changeFollowUps([
        { id: message.id, done: 2, tries: 4, dueAtMs: t0 + 90 },
        { id: 'direct', over: true },
        { id: 'nobody', over: true },
      ]);
      expect(await again.followUpDestinations(t0 + 89)).toEqual([]);
      expect(await again.followUps(destination, t0 + 90, 10)).toEqual([
        { ...kept, times: 1, tries: 4, dueAtMs: t0 + 90 },
      ]);
      await again.hastenFollowUps(t0, t0 + 90);
      expect(await again.followUpDestinations(t0 + 89)).toEqual([]);
      await again.hastenFollowUps(t0, t0 + 89);
      expect(await again.followUps(destination, t0, 10)).toMatchObject([{ dueAtMs: t0, sinceMs: t0 }]);
    });

    test('gives what is to follow messages in the order in which it falls due, as much as is asked for', async () => {
      const store = await open();
      const followUp = { connection: 'contoso', mailbox: 'reports@contoso.example', note: '', times: 1 };
      for (const late of [3, 1, 2]) await store.addFollowUp(`m${late}`, { ...followUp, dueAtMs: t0 + late }, t0);
      expect((await store.followUps(destination, t0 + 3, 2)).map(({ id }) => id)).toEqual(['m1', 'm2']);
    });

    test('never knows again how often something has to be done once it did not', async () => {
      const store = await open();
      const followUp = { connection: 'contoso', mailbox: 'reports@contoso.example', note: '', dueAtMs: t0 };
      await store.addFollowUp('m1', followUp, t0);
      await store.addFollowUp('m1', { ...followUp, times: 1 }, t0);
      expect((await store.followUps(destination, t0, 10))[0]).not.toHaveProperty('times');
    });

    test('notes an attempt that begins, and gives back the message as it was before', async () => {
      const place = newPlace();
      const first = await open(place);
      const message = await put(first, 'x');
      expect(await first.begin(message.id, { courier: 'smtp', startedAtMs: t0 + 7.4 })).toEqual(message);
      const unfinished = { courier: 'smtp', startedAtMs: t0 + 7 };
      expect(await first.get(message.id)).toEqual({ ...message, unfinished });
      await first.close();
      const again = await open(place);
      const all = await Promise.all([
        again.due(destination, t0, 10),
        again.list({}, 10),
        again.expired('contoso', message.expiresAtMs, '', 10),
        again.delayed(t0 + 1, '', 10),
      ]);
      for (const found of all) expect(found).toEqual([{ ...message, unfinished }]);
      expect(await again.begin(message.id, { courier: 'graph', startedAtMs: t0 + 9 })).toEqual({
        ...message,
        unfinished,
      });
      expect((await again.get(message.id))?.unfinished).toEqual({ courier: 'graph', startedAtMs: t0 + 9 });
    });

    test('begins no attempt on what is not queued any more', async () => {
      const store = await open();
      const begin = (id: string) => store.begin(id, { courier: 'graph', startedAtMs: t0 });
      const message = await put(store, 'x');
      await store.hold({ ids: [message.id] });
      expect(await begin(message.id)).toBeUndefined();
      expect(await begin('nobody')).toBeUndefined();
      await store.release({ ids: [message.id] }, t0);
      expect((await store.get(message.id))?.unfinished).toBeUndefined();
      await begin(message.id);
      await store.record(message.id, outcome(message, 'failed'));
      expect(await begin(message.id)).toBeUndefined();
      expect(await store.sentSince(destination, t0, nowMs)).toEqual([]);
    });

    test('forgets an attempt once its outcome is recorded, not once the message is held, damaged or given up', async () => {
      const store = await open();
      const message = await put(store, 'x');
      const attempt = { courier: 'graph', startedAtMs: t0 } as const;
      const unfinished = async () => (await store.get(message.id))?.unfinished;
      await store.begin(message.id, attempt);
      await store.hold({});
      await store.release({}, t0);
      await store.quarantine(message.id, 'damaged');
      await store.release({}, t0);
      await store.giveUp(message.id, { recipients: message.recipients, finishedAtMs: t0 });
      await store.release({}, t0);
      expect(await unfinished()).toEqual(attempt);
      await store.record(message.id, outcome(message, 'queued'));
      expect(await unfinished()).toBeUndefined();
      await store.begin(message.id, attempt);
      await store.record(message.id, outcome(message, 'delivered'));
      expect(await unfinished()).toBeUndefined();
    });

    test('keeps what was unfinished before an attempt that could not be made, with what that came to', async () => {
      const store = await open();
      const message = await put(store, 'x');
      const earlier = { courier: 'smtp', startedAtMs: t0 } as const;
      await store.begin(message.id, { courier: 'smtp', startedAtMs: t0 + 5 });
      await store.record(message.id, { ...outcome(message, 'queued'), unfinished: earlier });
      expect(await store.get(message.id)).toMatchObject({ attempts: 1, unfinished: earlier });
      await store.record(message.id, outcome(message, 'queued'));
      expect((await store.get(message.id))?.unfinished).toBeUndefined();
    });

    test('takes an attempt back that was not made', async () => {
      const store = await open();
      const message = await put(store, 'x');
      const unfinished = async () => (await store.get(message.id))?.unfinished;
      const earlier = { courier: 'smtp', startedAtMs: t0 } as const;
      await store.begin(message.id, earlier);
      await store.begin(message.id, { courier: 'graph', startedAtMs: t0 + 5 });
      await store.cancelAttempt(message.id, earlier);
      expect(await unfinished()).toEqual(earlier);
      await store.cancelAttempt(message.id, { startedAtMs: t0 + 1 });
      expect(await unfinished()).toEqual({ startedAtMs: t0 + 1 });
      await store.cancelAttempt(message.id, undefined);
      expect(await unfinished()).toBeUndefined();
      await store.cancelAttempt('nobody', earlier);
      expect(await store.sentSince(destination, t0, nowMs)).toEqual([]);
    });

    test('counts an attempt that has not ended as one that serves everybody now, for an hour at most', async () => {
      const store = await open();
      const message = await put(store, 'x');
      await store.begin(message.id, { courier: 'graph', startedAtMs: t0 + 5 });
      const counted = (endedAtMs: number) => [{ startedAtMs: t0 + 5, endedAtMs, recipients: 2, external: 0 }];
      expect(await store.sentSince(destination, t0, t0 + 1000)).toEqual(counted(t0 + 1000));
      expect(await store.sentOfConnectionSince('contoso', t0, t0 + 1000)).toEqual(counted(t0 + 1000));
      expect(await store.sentSince(destination, t0, nowMs)).toEqual(counted(t0 + 5 + 3_600_000));
      expect(await store.sentSince(destination, t0 + 6 + 3_600_000, nowMs)).toEqual([]);
      expect(await store.sentOfConnectionSince('contoso', t0 + 6 + 3_600_000, nowMs)).toEqual([]);
      expect(await store.sentSince('contoso/sales@contoso.example', t0, nowMs)).toEqual([]);
      expect(await store.sentOfConnectionSince('contos', t0, nowMs)).toEqual([]);
      expect(await store.externalSince('contoso', t0)).toEqual([]);
      await store.record(message.id, outcome(message, 'delivered'));
      expect(await store.sentSince(destination, t0, nowMs)).toMatchObject([
        { startedAtMs: t0 + 10, endedAtMs: t0 + 15 },
      ]);
    });

    test.each(['removed', 'purged'])('counts no attempt on a message that was %s', async (how) => {
      const store = await open();
      const message = await put(store, 'x');
      await store.begin(message.id, { courier: 'graph', startedAtMs: t0 });
      await store.giveUp(message.id, { recipients: message.recipients, finishedAtMs: t0 });
      expect(await store.sentSince(destination, t0, nowMs)).toHaveLength(1);
      if (how === 'removed') await store.remove({});
      else await store.purge({ deliveredMs: t0 + 1, failedMs: t0 + 1 });
      expect(await store.sentSince(destination, t0, nowMs)).toEqual([]);
    });

    test('keeps subject and Message-ID through every state, and finds messages by a part of them', async () => {
      const place = newPlace();
      const store = await open(place);
      const listed = { subject: 'Rechnung Nr. 5 für Müller', messageId: '<Ab.1@mfp.contoso.example>' };
      const { id } = await put(store, 'a', listed);
      const other = await put(store, 'b', { subject: '100% sicher_', messageId: '<2@x.example>' });
      await put(store, 'without either');
      const found = async (filter: QueueFilter) => (await store.list(filter, 10)).map((each) => each.id);
      const search = async () => {
        expect(await store.get(id)).toMatchObject(listed);
        expect(await found({ subject: 'rechnung nr. 5 FüR MüLLER' })).toEqual([id]);
        expect(await found({ messageId: 'ab.1@MFP' })).toEqual([id]);
        expect(await found({ subject: '100% s' })).toEqual([other.id]);
        expect(await found({ subject: '%' })).toEqual([other.id]);
        expect(await found({ subject: '*' })).toEqual([]);
      };
      await search();
      await store.record(id, outcome((await store.get(id)) as QueuedMessage, 'queued'));
      await search();
      await store.record(id, outcome((await store.get(id)) as QueuedMessage, 'delivered'));
      await search();
      await store.close();
      expect(await (await open(place)).get(id)).toMatchObject({ ...listed, state: 'delivered' });
    });

    test('keeps which message a notice is about, through every state and after that message is gone', async () => {
      const place = newPlace();
      const store = await open(place);
      const message = await put(store, 'x');
      const other = await put(store, 'y');
      const about = (id: string) => ({
        message: newMessage({ isBounce: true, noticeAbout: id }),
        content: Buffer.from('n'),
      });
      const warning = (await store.noteDelayTold(message.id, about(message.id))) as QueuedMessage;
      const bounces = await store.record(message.id, { ...outcome(message, 'queued'), bounces: [about(message.id)] });
      const given = { recipients: message.recipients, finishedAtMs: t0 };
      const late = await store.giveUp(message.id, { ...given, bounces: [about(message.id)] });
      const [ofOther] = await store.giveUp(other.id, { ...given, bounces: [about(other.id)] });
      const ids = [warning, ...bounces, ...late].map(({ id }) => id);
      expect(ids).toHaveLength(3);
      await store.record(warning.id, outcome(warning, 'queued'));
      await store.record(warning.id, outcome(warning, 'delivered'));
      expect(await store.remove({ ids: [message.id] })).toBe(1);
      await store.close();
      const again = await open(place);
      const found = await again.list({ noticeAbout: message.id }, 10);
      expect(found.map(({ id, state, noticeAbout }) => [id, state, noticeAbout])).toEqual(
        ids.map((id) => [id, id === warning.id ? 'delivered' : 'queued', message.id]).toSorted(),
      );
      expect((await again.list({ noticeAbout: other.id }, 10)).map(({ id }) => id)).toEqual([ofOther?.id]);
      expect(await again.list({ noticeAbout: message.id, states: ['delivered'] }, 10)).toMatchObject([
        { id: warning.id },
      ]);
      expect(await again.list({ noticeAbout: message.id.toUpperCase() }, 10)).toEqual([]);
      expect(await again.get(other.id)).not.toHaveProperty('noticeAbout');
      const newest = await again.page({ noticeAbout: message.id }, { limit: 2 });
      const oldest = await again.page({ noticeAbout: message.id }, { limit: 2, beforeId: newest.next ?? '' });
      expect([...newest.messages, ...oldest.messages].map(({ id }) => id)).toEqual(ids.toSorted().toReversed());
      expect(oldest.next).toBeUndefined();
    });

    test('finds messages by their sender, a pattern or the whole of it', async () => {
      const store = await open();
      const from = (reversePath: string) => ({ envelope: { ...newMessage().envelope, reversePath } });
      const one = await put(store, 'a', from('Scan.1@Devices.contoso.example'));
      const bounce = await put(store, 'b', from(''));
      const found = async (sender: string) => (await store.list({ sender }, 10)).map(({ id }) => id);
      expect(await found('scan.1@devices.contoso.example')).toEqual([one.id]);
      expect(await found('*@devices.*')).toEqual([one.id]);
      expect(await found('scan?1@devices.contoso.example')).toEqual([]);
      expect(await found('scan_1@devices.contoso.example')).toEqual([]);
      expect(await found('')).toEqual([bounce.id]);
    });

    test('pages through the newest first, by any filter, each message once', async () => {
      const store = await open();
      const all: QueuedMessage[] = [];
      for (let i = 0; i < 25; i++) all.push(await put(store, `${i}`, { account: i % 5 === 0 ? 'erp' : 'scanner' }));
      const delivered = all.filter((_, i) => i % 2 === 0);
      for (const message of delivered) await store.record(message.id, outcome(message, 'delivered'));
      const paged = async (filter: QueueFilter, limit: number) => {
        const pages: string[][] = [];
        for (let beforeId: string | undefined; ; ) {
          const { messages, next } = await store.page(filter, { limit, ...(beforeId && { beforeId }) });
          pages.push(messages.map(({ id }) => id));
          if (next === undefined) return pages;
          beforeId = next;
        }
      };
      const newestFirst = (some: readonly QueuedMessage[]) => some.map(({ id }) => id).toReversed();
      const pages = await paged({}, 10);
      expect(pages.map(({ length }) => length)).toEqual([10, 10, 5]);
      expect(pages.flat()).toEqual(newestFirst(all));
      expect((await paged({ states: ['delivered'] }, 4)).flat()).toEqual(newestFirst(delivered));
      const open12 = all.filter((message) => !delivered.includes(message));
      expect((await paged({ states: ['queued', 'held'] }, 5)).flat()).toEqual(newestFirst(open12));
      expect((await paged({ account: 'ERP' }, 2)).flat()).toEqual(newestFirst(all.filter((_, i) => i % 5 === 0)));
      const ids = [all[3], all[7]].map((message) => message?.id ?? '');
      expect(await paged({ ids }, 10)).toEqual([ids.toReversed()]);
      expect(await paged({ account: 'nobody' }, 3)).toEqual([[]]);
    });

    test('tells itself in numbers', async () => {
      const store = await open();
      expect(await store.summary()).toEqual({ open: { queued: 0, held: 0, failed: 0, quarantined: 0 } });
      const first = await put(store, 'a');
      const second = await put(store, 'b', { receivedAtMs: t0 + 5 });
      await put(store, 'c', { receivedAtMs: t0 + 7 });
      await store.hold({ ids: [first.id] });
      await store.record(second.id, outcome(second, 'failed'));
      expect(await store.summary()).toEqual({
        open: { queued: 1, held: 1, failed: 1, quarantined: 0 },
        oldestQueuedAtMs: t0 + 7,
      });
      const done = await put(store, 'd');
      await store.record(done.id, outcome(done, 'delivered'));
      const endedAtMs = t0 + 15;
      expect([await store.deliveredSince(endedAtMs), await store.deliveredSince(endedAtMs + 1)]).toEqual([1, 0]);
    });

    test('has room for what comes', async () => {
      await expect((await open()).assertRoom(1000)).resolves.toBeUndefined();
    });
  });

  describe(`${name}: small facts`, () => {
    test('stay, by their kind and key, over a restart', async () => {
      const place = newPlace();
      const { records, close } = await open(place);
      expect(await records.get('a', 'x', t0)).toBeUndefined();
      expect(await records.put('a', 'x', 'one')).toBe(1);
      expect(await records.put('b', 'x', 'zwei – ✓', { soft: true })).toBe(1);
      expect(await records.put('a', 'x', 'another')).toBe(2);
      await close();
      const again = (await open(place)).records;
      expect(await again.get('a', 'x', t0)).toEqual({ value: 'another', version: 2 });
      expect(await again.get('b', 'x', t0)).toEqual({ value: 'zwei – ✓', version: 1 });
      expect(await again.get('a', 'X', t0)).toBeUndefined();
      await again.delete('a', 'x');
      await again.delete('a', 'nobody');
      expect(await again.get('a', 'x', t0)).toBeUndefined();
      expect(await again.get('b', 'x', t0)).toBeDefined();
    });

    test('may be as long as is said', async () => {
      const { records } = await open();
      const [key, value] = ['k'.repeat(1000), 'v'.repeat(1024 * 1024)];
      await records.put(key, key, value);
      expect((await records.get(key, key, t0))?.value).toBe(value);
    });

    test('are written in place of one version alone, where that is asked for', async () => {
      const { records } = await open();
      expect(await records.put('a', 'x', 'one', { ifVersion: 1 })).toBeUndefined();
      expect(await records.put('a', 'x', 'one', { ifVersion: 0 })).toBe(1);
      expect(await records.put('a', 'x', 'other', { ifVersion: 0 })).toBeUndefined();
      expect(await records.put('a', 'x', 'two', { ifVersion: 1 })).toBe(2);
      expect(await records.put('a', 'x', 'other', { ifVersion: 1 })).toBeUndefined();
      expect(await records.get('a', 'x', t0)).toEqual({ value: 'two', version: 2 });
    });

    test('are added once, however many try at the same time', async () => {
      const place = newPlace();
      const stores = [await open(place), await open(place)];
      const tries = Array.from({ length: 20 }, async (_, i) => {
        const there = await stores[i % 2]?.records.add('a', 'x', `${i}`, t0);
        return there?.value ?? `${i}`;
      });
      const winners = new Set(await Promise.all(tries));
      expect(winners.size).toBe(1);
      expect((await stores[0]?.records.get('a', 'x', t0))?.value).toBe([...winners][0]);
    });

    test('are gone when their time is over, and may be added anew', async () => {
      const { records } = await open();
      await records.put('a', 'x', 'short', { expiresAtMs: t0 + 10 });
      await records.put('a', 'y', 'long', { expiresAtMs: t0 + 20 });
      await records.put('a', 'z', 'for ever');
      expect(await records.get('a', 'x', t0 + 9)).toEqual({ value: 'short', version: 1, expiresAtMs: t0 + 10 });
      expect(await records.add('a', 'x', 'other', t0 + 9)).toMatchObject({ value: 'short' });
      expect(await records.get('a', 'x', t0 + 10)).toBeUndefined();
      expect([...(await records.list('a', t0 + 10)).keys()]).toEqual(['y', 'z']);
      expect(await records.add('a', 'x', 'anew', t0 + 10, { expiresAtMs: t0 + 11 })).toBeUndefined();
      expect(await records.get('a', 'x', t0 + 10)).toMatchObject({ value: 'anew', expiresAtMs: t0 + 11 });
      await records.purge(t0 + 11);
      expect([...(await records.list('a', t0)).keys()]).toEqual(['y', 'z']);
      // A record that was to expire and is rewritten without an expiry stays.
      await records.put('a', 'y', 'for ever');
      await records.purge(t0 + 100);
      expect([...(await records.list('a', t0 + 100)).keys()]).toEqual(['y', 'z']);
    });

    test('are listed by the beginning of their keys, as it is written', async () => {
      const { records } = await open();
      for (const key of ['m1.a', 'm1.b', 'm1', 'm%', 'm_x', 'M1.c', 'é'])
        await records.put('a', key, key.toUpperCase());
      await records.put('b', 'm1.c', 'of another kind');
      const keys = async (prefix?: string) => [...(await records.list('a', t0, prefix)).keys()].toSorted();
      expect(await keys('m1.')).toEqual(['m1.a', 'm1.b']);
      expect(await keys('m%')).toEqual(['m%']);
      expect(await keys('m_')).toEqual(['m_x']);
      expect(await keys('\\')).toEqual([]);
      expect(await keys('é')).toEqual(['é']);
      expect(await keys()).toHaveLength(7);
      expect((await records.list('a', t0, 'm1.a')).get('m1.a')).toEqual({ value: 'M1.A', version: 1 });
    });
  });

  describe(`${name}: from one store to another`, () => {
    test.each([0, 10, 70_000, 600_000])('gives and takes a message with a body of %i octets as it is', async (size) => {
      const [from, to] = [await open(), await open()];
      const content = Buffer.alloc(size, 'Zm9v\r\n');
      const message = await put(from, content, { subject: 'Größe', messageId: '<1@x>', noticeAbout: 'gone' });
      await from.record(message.id, { ...outcome(message, 'queued', t0 + 60_000), courier: 'smtp' });
      await from.begin(message.id, { courier: 'graph', startedAtMs: t0 + 70_000 });
      await from.noteDelayTold(message.id, undefined);
      const kept = (await from.transfer.messages('', 10))[0] as KeptMessage;
      expect(kept).toMatchObject({
        message: { id: message.id, attempts: 1, courier: 'smtp', unfinished: { courier: 'graph' } },
        ...{ isDelayTold: true, attempts: [{ id: message.id, number: 1, destination, delivered: 0, external: 0 }] },
      });
      expect(await adopted(to, kept, content)).toEqual(kept.message);
      expect(await to.transfer.messages('', 10)).toEqual([kept]);
      expect(await to.get(message.id)).toEqual(await from.get(message.id));
      expect((await to.list({ noticeAbout: 'gone' }, 10)).map(({ id }) => id)).toEqual([message.id]);
      expect(await to.attempts(message.id)).toEqual(await from.attempts(message.id));
      expect(await to.delayed(Number.MAX_SAFE_INTEGER, '', 10)).toEqual([]);
      expect((await buffer(await to.open(message.id))).equals(content)).toBe(true);
    });

    test.each(['delivered', 'failed'] as const)('gives and takes a message that is %s', async (state) => {
      const [from, to] = [await open(), await open()];
      const message = await put(from, 'one', { subject: 'Größe', messageId: '<1@x>', noticeAbout: 'gone' });
      await from.record(message.id, outcome(message, state));
      const kept = (await from.transfer.messages('', 10))[0] as KeptMessage;
      if (state === 'failed') await adopted(to, kept, Buffer.from('one'));
      else await to.transfer.adopt(kept);
      expect(await to.get(message.id)).toEqual(await from.get(message.id));
      expect((await to.list({ noticeAbout: 'gone' }, 10)).map(({ id }) => id)).toEqual([message.id]);
      expect(await to.sentSince(destination, t0, nowMs)).toEqual(await from.sentSince(destination, t0, nowMs));
      expect(await to.purge({ deliveredMs: nowMs, failedMs: nowMs })).toBe(1);
    });

    test('quarantines what comes with another body or none, and never gives it for whole', async () => {
      const [from, to] = [await open(), await open()];
      const messages = [await put(from, 'some body'), await put(from, 'another'), await put(from, 'third')];
      const [wrong, short, none] = (await from.transfer.messages('', 10)) as [KeptMessage, KeptMessage, KeptMessage];
      await adopted(to, wrong, Buffer.from('same size'));
      await adopted(to, short, Buffer.from('anoth'));
      await to.transfer.adopt(none);
      expect((await to.list({}, 10)).map(({ id, state, size }) => ({ id, state, size }))).toEqual(
        messages.map(({ id, size }) => ({ id, state: 'quarantined', size })),
      );
      expect((await to.list({}, 10)).map(({ damage }) => damage)).toEqual([
        `The body of message ${wrong.message.id} is damaged: its checksum is wrong.`,
        `The body of message ${short.message.id} is damaged: its checksum is wrong.`,
        `The body of message ${none.message.id} is missing or incomplete.`,
      ]);
      const left = await buffer(await to.open(wrong.message.id, { evenIfDamaged: true }));
      expect(left.toString()).toBe('same size');
      // An administrator may release it; it is still not sent.
      expect(await to.release({}, nowMs)).toBe(2);
      for (const { message } of [wrong, short]) {
        await expect(bodyOf(to, message.id)).rejects.toMatchObject({ code: 'queue-body-damaged' });
      }
    });

    test('takes in once what comes twice, and forgets all of what went elsewhere', async () => {
      const [from, to] = [await open(), await open()];
      const message = await put(from, 'one');
      await from.record(message.id, outcome(message, 'delivered'));
      await from.countSent(destination, { startedAtMs: t0, endedAtMs: t0 + 5, recipients: 3, external: 1 });
      const followUp = {
        connection: 'contoso',
        mailbox: 'reports@contoso.example',
        note: 'copies',
        times: 2,
        dueAtMs: t0,
      };
      await from.addFollowUp(message.id, followUp, t0);
      const [kept] = (await from.transfer.messages('', 10)) as [KeptMessage];
      await from.transfer.forget([message.id]);
      const counts = await from.transfer.counts({ id: '', number: 0 }, 10);
      expect(counts).toMatchObject([{ delivered: 3, external: 1, destination }]);
      const followUps = await from.followUps(destination, nowMs, 10);
      for (let times = 0; times < 2; times++) {
        await to.transfer.adopt(kept);
        await to.transfer.adoptCounts(counts);
        await to.transfer.adoptFollowUps(followUps);
      }
      expect(await to.list({}, 10)).toEqual([kept.message]);
      expect((await to.sentSince(destination, t0, nowMs)).map(({ recipients }) => recipients).toSorted()).toEqual([
        2, 3,
      ]);
      expect(await to.followUps(destination, nowMs, 10)).toEqual([
        { ...followUp, id: message.id, sinceMs: t0, tries: 0 },
      ]);
      expect(await from.list({}, 10)).toEqual([]);
      expect((await from.sentSince(destination, t0, nowMs)).map(({ recipients }) => recipients)).toEqual([3]);
    });

    test('gives messages, counts and records in pages', async () => {
      const store = await open();
      const ids: string[] = [];
      for (let i = 0; i < 3; i++) ids.push((await put(store, `${i}`)).id);
      for (let i = 0; i < 3; i++) {
        await store.countSent(destination, { startedAtMs: t0, endedAtMs: t0, recipients: 1, external: 0 });
        await store.records.add('duplicate', `key ${i} \u00e9`, `value ${i}`, t0, { expiresAtMs: t0 + i });
      }
      await store.records.add('other', 'key 1', 'of another kind', t0);
      const { transfer } = store;
      expect((await transfer.messages('', 2)).map(({ message }) => message.id)).toEqual(ids.slice(0, 2));
      expect((await transfer.messages(ids[1] as string, 2)).map(({ message }) => message.id)).toEqual(ids.slice(2));
      const [, second] = await transfer.counts({ id: '', number: 0 }, 2);
      expect(await transfer.counts(second as NonNullable<typeof second>, 2)).toHaveLength(1);
      const first = await transfer.records('duplicate', '', 2);
      expect(first.map(([key]) => key)).toEqual(['key 0 \u00e9', 'key 1 \u00e9']);
      expect(await transfer.records('duplicate', 'key 1 \u00e9', 2)).toMatchObject([
        ['key 2 \u00e9', { value: 'value 2', expiresAtMs: t0 + 2 }],
      ]);
    });
  });
}

async function adopted(store: MovableStore, kept: KeptMessage, content: Buffer): Promise<QueuedMessage> {
  const spool = await store.transfer.spool(kept);
  for (let at = 0; at < content.length; at += 50_000) await spool.write(content.subarray(at, at + 50_000));
  return await spool.commit(kept.message);
}

async function bodyOf(store: QueueStore, id: string): Promise<Buffer> {
  return await buffer(await store.open(id));
}
