import { readdirSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { NewMessage, QueuedMessage } from '../../../src/queue/message.ts';
import { destinationOf } from '../../../src/queue/message.ts';
import type { AttemptResult, QueueFilter, QueueStore } from '../../../src/queue/store.ts';

/** Opens a store at a place; opening the same place again gives what an earlier one wrote. */
export type OpenStore = (place: string) => QueueStore;

const t0 = Date.UTC(2026, 0, 5, 8);

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
  const open = (place = newPlace()) => {
    const store = openStore(place);
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
      const first = open(place);
      const put1 = await put(first, 'Subject: one\r\n\r\nbody\r\n');
      await first.close();
      const again = open(place);
      expect(again.get(put1.id)).toEqual(put1);
      expect((await buffer(again.open(put1.id))).toString()).toBe('Subject: one\r\n\r\nbody\r\n');
      expect(again.get(put1.id)?.envelope.recipients[1]?.dsn).toEqual({ notify: ['NEVER'] });
    });

    test.each([0, 1, 65_535, 65_536, 65_537, 3_000_000])('keeps a body of %i octets identical', async (size) => {
      const store = open();
      const content = Buffer.alloc(size, 'Zm9v\r\n');
      const spool = store.spool();
      for (let i = 0; i < size; i += 50_000) await spool.write(content.subarray(i, i + 50_000));
      const message = await spool.commit(newMessage());
      expect(message.size).toBe(size);
      expect((await buffer(store.open(message.id))).equals(content)).toBe(true);
      expect((await buffer(store.open(message.id))).equals(content)).toBe(true);
    });

    test('knows nothing of a message that was not committed', async () => {
      const place = newPlace();
      const store = open(place);
      for (const size of [10, 200_000]) {
        const spool = store.spool();
        await spool.write(Buffer.alloc(size));
        await spool.discard();
      }
      const abandoned = store.spool();
      await abandoned.write(Buffer.alloc(200_000));
      await store.close();
      expect(open(place).list({}, 10)).toEqual([]);
      await abandoned.discard();
    });

    test('names messages in the order of their coming', async () => {
      const store = open();
      const ids: string[] = [];
      for (let i = 0; i < 20; i++) ids.push((await put(store, `${i}`, { receivedAtMs: t0 + i })).id);
      expect(
        store
          .list({}, 100)
          .map((each) => each.id)
          .sort(),
      ).toEqual(ids.toSorted());
      expect(new Set(ids).size).toBe(20);
      expect(store.due(destination, t0 + 100, 100).map((each) => each.id)).toEqual(ids);
    });

    test('takes many at once, all or each', async () => {
      const store = open();
      const all = await Promise.all(Array.from({ length: 200 }, (_, i) => put(store, `message ${i}`)));
      expect(store.count('queued')).toBe(200);
      expect(new Set(all.map((each) => each.id)).size).toBe(200);
    });

    test('hands out what is due, destination by destination', async () => {
      const store = open();
      const early = await put(store, 'early');
      const late = await put(store, 'late', { receivedAtMs: t0 + 5000 });
      const other = await put(store, 'other', { mailbox: 'Sales@contoso.example' });
      expect(store.due(destination, t0, 10).map((each) => each.id)).toEqual([early.id]);
      expect(store.nextDueMs(destination, t0)).toBe(late.nextAttemptAtMs);
      expect(store.nextDueMs(destination, t0 + 5000)).toBeUndefined();
      expect(store.due(destination, t0 + 9000, 1).map((each) => each.id)).toEqual([early.id]);
      expect(
        store
          .destinations()
          .map((each) => each.destination)
          .sort(),
      ).toEqual([destination, destinationOf(other)].sort());
    });

    test('records attempts and what became of each recipient', async () => {
      const store = open();
      const message = await put(store, 'x');
      await store.record(message.id, outcome(message, 'queued', t0 + 60_000));
      const after = store.get(message.id);
      expect(after).toMatchObject({ attempts: 1, state: 'queued', nextAttemptAtMs: t0 + 60_000 });
      expect(after?.recipients[0]).toMatchObject({ state: 'pending', last: { code: '4.3.2', text: 'as it was' } });
      await store.record(message.id, outcome(message, 'delivered'));
      expect(store.attempts(message.id).map((each) => each.outcomes[0]?.outcome)).toEqual(['temporary', 'delivered']);
      expect(store.attempts(message.id)[0]).toMatchObject({ startedAtMs: t0 + 10, durationMs: 5, upstreamId: 'req-1' });
      const sent = { startedAtMs: t0 + 10, endedAtMs: t0 + 15, recipients: 2 };
      expect(store.sentSince(destination, t0)).toMatchObject([sent]);
      expect(store.sentOfConnectionSince(message.connection, t0 + 15)).toMatchObject([sent]);
      expect(store.sentOfConnectionSince(message.connection, t0 + 16)).toEqual([]);
      expect(store.sentOfConnectionSince(`${message.connection}2`, t0)).toEqual([]);
    });

    test('counts what it did not hold, as often as it is told', async () => {
      const store = open();
      const sent = { startedAtMs: t0 + 10.4, endedAtMs: t0 + 15.6, recipients: 2, external: 1 };
      await store.countSent(destination, sent);
      await store.countSent(destination, sent);
      const counted = { startedAtMs: t0 + 10, endedAtMs: t0 + 15, recipients: 2, external: 1 };
      expect(store.sentSince(destination, t0)).toMatchObject([counted, counted]);
      expect(store.externalSince('contoso', t0)).toMatchObject([{ destination }, { destination }]);
      expect(store.list({}, 10)).toEqual([]);
    });

    test('counts an attempt that began up to an hour before the time asked for, by its end', async () => {
      const store = open();
      const endedAtMs = t0 + 2 * 3_600_000;
      await store.countSent(destination, {
        startedAtMs: t0 + 3_600_000 + 60_000,
        endedAtMs,
        recipients: 1,
        external: 0,
      });
      expect(store.sentSince(destination, endedAtMs)).toHaveLength(1);
      expect(store.sentOfConnectionSince('contoso', endedAtMs)).toHaveLength(1);
      expect(store.sentSince(destination, endedAtMs + 1)).toEqual([]);
    });

    test('lets go of the file of a message that does not come to its end', async () => {
      const store = open();
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
      const store = open();
      for (const size of [100, 100_000]) {
        const delivered = await put(store, Buffer.alloc(size));
        await store.record(delivered.id, outcome(delivered, 'delivered'));
        expect(() => store.open(delivered.id)).toThrow(expect.objectContaining({ code: 'queue-body-missing' }));
        const failed = await put(store, Buffer.alloc(size));
        await store.record(failed.id, outcome(failed, 'failed'));
        expect((await buffer(store.open(failed.id))).length).toBe(size);
      }
      expect(await store.purge({ deliveredMs: t0 + 15, failedMs: t0 + 15 })).toBe(0);
      expect(await store.purge({ deliveredMs: t0 + 16, failedMs: t0 + 15 })).toBe(2);
      expect(store.list({}, 10).map((each) => each.state)).toEqual(['failed', 'failed']);
      expect(await store.purge({ deliveredMs: t0, failedMs: t0 + 16 })).toBe(2);
      expect(store.list({}, 10)).toEqual([]);
    });

    test('puts a bounce into the queue together with the failure it reports', async () => {
      const store = open();
      const message = await put(store, 'x');
      const notice = newMessage({ isBounce: true, envelope: { ...message.envelope, reversePath: '' } });
      const queued = await store.record(message.id, {
        ...outcome(message, 'failed'),
        bounce: { message: notice, content: Buffer.from('sorry') },
      });
      expect(queued).toMatchObject({ isBounce: true, state: 'queued', size: 5 });
      expect(store.get(message.id)?.state).toBe('failed');
      expect((await buffer(store.open(queued?.id ?? ''))).toString()).toBe('sorry');
    });

    test('lets an administrator hold, release and remove by filter', async () => {
      const store = open();
      const mine = await put(store, 'x');
      const other = await put(store, 'y', { account: 'erp', mailbox: 'erp@contoso.example' });
      expect(await store.hold({ account: 'scanner' })).toBe(1);
      expect(store.due(destination, t0, 10)).toEqual([]);
      expect(store.list({ states: ['held'] }, 10).map((each) => each.id)).toEqual([mine.id]);
      expect(await store.release({ recipient: 'ANN@contoso.example', states: ['held'] }, t0 + 1)).toBe(1);
      expect(store.due(destination, t0 + 1, 10).map((each) => each.id)).toEqual([mine.id]);
      expect(await store.remove({ mailbox: 'ERP@contoso.example' })).toBe(1);
      expect(store.get(other.id)).toBeUndefined();
      await store.record(other.id, outcome(other, 'delivered'));
    });

    test('releases a failed message with the recipients that failed', async () => {
      const store = open();
      const message = await put(store, 'x');
      await store.record(message.id, outcome(message, 'failed'));
      expect(await store.release({ ids: [message.id] }, t0 + 99)).toBe(1);
      expect(store.get(message.id)).toMatchObject({ state: 'queued', nextAttemptAtMs: t0 + 99 });
      expect(store.get(message.id)?.recipients.map((each) => each.state)).toEqual(['pending', 'pending']);
    });

    test('gives a released message as much time as it once had', async () => {
      const store = open();
      const message = await put(store, 'x');
      await store.record(message.id, outcome(message, 'failed'));
      const weekMs = 7 * 86_400_000;
      await store.release({ ids: [message.id] }, t0 + weekMs);
      expect(store.get(message.id)?.expiresAtMs).toBe(t0 + weekMs + 48 * 3_600_000);
      await store.release({ ids: [message.id] }, t0 + 2 * weekMs);
      expect(store.get(message.id)?.expiresAtMs).toBe(t0 + weekMs + 48 * 3_600_000);
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
      const store = open();
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
      expect(store.list(filter, 10).map((each) => each.id)).toEqual([wanted.id]);
    });

    test.each(['an?@contoso.example', '[a]nn@contoso.example', 'ann@contoso', 'ErrorQuota', '%'])(
      'takes "%s" as it is written',
      async (text) => {
        const store = open();
        const message = await put(store, 'x');
        const last = { outcome: 'temporary', code: 'ErrorQuotaExceeded', text: 'full' } as const;
        await store.record(message.id, {
          ...outcome(message, 'queued'),
          recipients: message.recipients.map((each) => ({ ...each, last })),
        });
        expect(store.list({ recipient: text }, 10)).toEqual([]);
        expect(store.list({ error: text }, 10)).toEqual([]);
      },
    );

    test('sums up each mailbox and state', async () => {
      const store = open();
      await put(store, '12345');
      await put(store, '123', { receivedAtMs: t0 - 5 });
      const held = await put(store, '1', { mailbox: 'erp@contoso.example' });
      await store.hold({ ids: [held.id] });
      expect(store.totals({})).toEqual([
        { mailbox: 'erp@contoso.example', state: 'held', messages: 1, octets: 1, oldestReceivedAtMs: t0 },
        { mailbox: 'reports@contoso.example', state: 'queued', messages: 2, octets: 8, oldestReceivedAtMs: t0 - 5 },
      ]);
      expect(store.totals({ states: ['failed'] })).toEqual([]);
    });

    test('sets a damaged message aside, through an attempt under way, until it is released', async () => {
      const store = open();
      const message = await put(store, 'x');
      await store.quarantine(message.id, 'The disk ate it.');
      await store.record(message.id, outcome(message, 'queued', t0 + 1000));
      expect(store.get(message.id)).toMatchObject({ state: 'quarantined', damage: 'The disk ate it.' });
      expect(store.due(destination, t0 + 5000, 10)).toEqual([]);
      expect(await store.release({ ids: [message.id] }, t0)).toBe(1);
      expect(store.get(message.id)).not.toHaveProperty('damage');
      expect(store.due(destination, t0, 10)).toHaveLength(1);
    });

    test('knows the accounts that wait, and what is due of each, and next of all', async () => {
      const store = open();
      const ids: Record<string, string> = {};
      for (const [account, afterMs] of [
        ['b', 2000],
        ['a', 1000],
        ['c', 3000],
      ] as const) {
        ids[account] = (await put(store, 'x', { account, receivedAtMs: t0 + afterMs })).id;
      }
      await put(store, 'x', { account: 'd', mailbox: 'sales@contoso.example' });
      expect(store.accounts(destination)).toEqual(['a', 'b', 'c']);
      expect(store.due(destination, t0 + 9000, 10, 'b').map(({ id }) => id)).toEqual([ids.b]);
      expect(store.due(destination, t0 + 1999, 10, 'b')).toEqual([]);
      expect([0, 1000, 2000, 3000].map((ms) => store.nextDueMs(destination, t0 + ms))).toEqual([
        ...[t0 + 1000, t0 + 2000, t0 + 3000, undefined],
      ]);
      await store.hold({ account: 'a' });
      expect(store.accounts(destination)).toEqual(['b', 'c']);
      expect(store.nextDueMs(destination, t0)).toBe(t0 + 2000);
    });

    test('puts queued messages off, and makes all of them due again', async () => {
      const store = open();
      const [one, two, held] = [await put(store, '1'), await put(store, '2'), await put(store, '3')];
      await store.hold({ ids: [held.id] });
      await store.defer([one.id, held.id], t0 + 5000.2);
      expect(store.get(one.id)).toMatchObject({ nextAttemptAtMs: t0 + 5001, attempts: 0 });
      expect(store.get(two.id)?.nextAttemptAtMs).toBe(t0);
      await store.hasten(t0 + 100);
      const times = [one, two, held].map(({ id }) => store.get(id)?.nextAttemptAtMs);
      expect(times).toEqual([t0 + 100, t0, t0]);
    });

    test('keeps pauses over a restart, one for each key', async () => {
      const place = newPlace();
      const first = open(place);
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
      expect(open(place).pauses()).toEqual([
        { ...pause, key: 'a', untilMs: t0 + 9001, sinceMs: t0, strikes: 2, needsAdmin: true },
      ]);
    });

    test('finds messages whose time is over, page by page, those of one connection', async () => {
      const store = open();
      const expiresAtMs = t0 + 1000;
      const ids: string[] = [];
      for (let i = 0; i < 3; i++) ids.push((await put(store, 'x', { expiresAtMs })).id);
      await put(store, 'x', { expiresAtMs: t0 + 1001 });
      await put(store, 'x', { expiresAtMs, connection: 'fabrikam' });
      await store.hold({ ids: [(await put(store, 'x', { expiresAtMs })).id] });
      const found = (nowMs: number, afterId: string, limit: number) =>
        store.expired('contoso', nowMs, afterId, limit).map(({ id }) => id);
      expect(found(t0 + 1000, '', 10)).toEqual(ids);
      expect(found(t0 + 1000, '', 2)).toEqual(ids.slice(0, 2));
      expect(found(t0 + 1000, ids[1] ?? '', 2)).toEqual(ids.slice(2));
      expect(found(t0 + 999, '', 10)).toEqual([]);
    });

    test('gives up a queued message without an attempt, and no other', async () => {
      const store = open();
      const message = await put(store, 'x');
      const recipients = message.recipients.map((each) => ({ ...each, state: 'failed' as const }));
      const bounce = { message: newMessage({ isBounce: true }), content: Buffer.from('sorry') };
      const given = { recipients, finishedAtMs: t0 + 5, bounce };
      expect(await store.giveUp(message.id, given)).toMatchObject({ isBounce: true, state: 'queued', size: 5 });
      expect(store.get(message.id)).toMatchObject({ state: 'failed', attempts: 0, finishedAtMs: t0 + 5, recipients });
      expect(await store.giveUp(message.id, given)).toBeUndefined();
      expect(store.count('queued')).toBe(1);
      const quiet = await put(store, 'x');
      expect(await store.giveUp(quiet.id, { recipients, finishedAtMs: t0 })).toBeUndefined();
      expect(store.get(quiet.id)?.state).toBe('failed');
    });

    test('forgets counts of messages that are gone, from before a time; those of others stay', async () => {
      const store = open();
      const there = await put(store, 'x');
      const gone = await put(store, 'x');
      for (const each of [there, gone]) await store.record(each.id, outcome(each, 'delivered'));
      await store.remove({ ids: [gone.id] });
      await store.purgeCounts(t0 + 10);
      expect(store.sentSince(destination, t0)).toHaveLength(2);
      await store.purgeCounts(t0 + 11);
      expect(store.sentSince(destination, t0)).toHaveLength(1);
      expect(store.attempts(there.id)).toHaveLength(1);
      expect(store.attempts(gone.id)).toEqual([]);
    });

    test('leaves what is delivered as it is: no release, no quarantine', async () => {
      const store = open();
      const message = await put(store, 'x');
      await store.record(message.id, outcome(message, 'delivered'));
      expect(await store.release({}, t0)).toBe(0);
      await store.quarantine(message.id, 'damaged');
      expect(store.get(message.id)?.state).toBe('delivered');
    });

    test('gives queued messages no more time when they are released', async () => {
      const store = open();
      const message = await put(store, 'x');
      expect(await store.release({}, t0 + 1000)).toBe(1);
      expect(store.get(message.id)).toMatchObject({ expiresAtMs: message.expiresAtMs, nextAttemptAtMs: t0 + 1000 });
    });

    test('leaves a hold that came during an attempt in force', async () => {
      const store = open();
      const message = await put(store, 'x');
      await store.hold({ ids: [message.id] });
      await store.record(message.id, outcome(message, 'queued', t0 + 1000));
      expect(store.get(message.id)?.state).toBe('held');
    });

    test('notices what another process changed, and only that', async () => {
      const place = newPlace();
      const bridge = open(place);
      const message = await put(bridge, 'x');
      const before = bridge.foreignChanges();
      await put(bridge, 'y');
      expect(bridge.foreignChanges()).toBe(before);
      const command = open(place);
      await command.hold({ ids: [message.id] });
      expect(bridge.foreignChanges()).not.toBe(before);
      expect(bridge.get(message.id)?.state).toBe('held');
    });
  });
}
