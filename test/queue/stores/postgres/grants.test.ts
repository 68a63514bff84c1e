import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../../src/base/clock.ts';
import { silentLog } from '../../../../src/base/log.ts';
import { postgresAddress } from '../../../../src/postgres/address.ts';
import { Database } from '../../../../src/postgres/database.ts';
import { dayMs } from '../../../../src/queue/limits/limits.ts';
import { destinationOf } from '../../../../src/queue/message.ts';
import { preferredInstance } from '../../../../src/queue/ownership/instances.ts';
import { sharedOwnership } from '../../../../src/queue/ownership/shared.ts';
import { Queue } from '../../../../src/queue/queue.ts';
import type { QueueStore } from '../../../../src/queue/store.ts';
import { PostgresGrants } from '../../../../src/queue/stores/postgres/grants.ts';
import { postgresForTests } from '../../../support/postgres.ts';
import { courierTraits } from '../../courier-traits.ts';
import { newMessage, put } from '../store-contract.ts';
import { newSchema, openInstance, openStore } from './opening.ts';

const server = postgresForTests({ fsync: 'off' });
const place = () => ({ url: server().url(), schema: newSchema(), poolSize: 4 });
const nowMs = Date.now();
const ask = (store: QueueStore, amount: number, limit = 10, connection = 'contoso') =>
  store.grants!.grant(connection, amount, { limit, windowMs: dayMs, nowMs });

/** An attempt that has served this many recipients outside the tenant. */
async function sent(store: QueueStore, external: number, change: Partial<{ agoMs: number; connection: string }> = {}) {
  const { agoMs = 0, connection = 'contoso' } = change;
  const message = await put(store, 'x', { connection });
  const delivered = { address: 'bo@fabrikam.example', outcome: 'delivered', code: '202', text: 'OK' } as const;
  const attempt = { startedAtMs: nowMs - agoMs, durationMs: 0, externalDelivered: external, outcomes: [delivered] };
  const result = { attempt, recipients: message.recipients, state: 'delivered', nextAttemptAtMs: nowMs } as const;
  await store.record(message.id, result);
  return { ...message, result };
}

test('only a bridge takes part in the limit', async () => {
  const options = place();
  await openInstance('a', options);
  expect((await openStore(options)).grants).toBeUndefined();
});

test('what one process holds no other gets, and what it gives back others do; connections are apart', async () => {
  const options = place();
  const [a, b] = [await openInstance('a', options), await openInstance('b', options)];
  expect([await ask(a, 6), await ask(b, 6), await ask(b, 1), await ask(a, 1)]).toEqual([6, 4, 0, 0]);
  expect(await ask(b, 6, 10, 'contoso2')).toBe(6);
  await a.grants!.giveBack('contoso', 2);
  expect([await ask(b, 6), await ask(a, 6)]).toEqual([2, 0]);
  // A limit that was reduced leaves less than nothing.
  expect(await ask(a, 1, 3)).toBe(0);
});

test('what is recorded is held no more, by whatever attempt, and counts for a day', async () => {
  const options = place();
  const [a, b] = [await openInstance('a', options), await openInstance('b', options)];
  expect(await ask(a, 6)).toBe(6);
  const message = await sent(a, 4);
  await a.countSent('contoso/x', { startedAtMs: nowMs, endedAtMs: nowMs, recipients: 9, external: 1 });
  // Written again, as after a lost answer.
  await a.record(message.id, message.result);
  // Four and one are recorded, and one is held.
  expect(await ask(b, 10)).toBe(4);
  await sent(b, 2, { connection: 'contoso2' });
  await sent(b, 2, { agoMs: dayMs + 1000 });
  expect(await ask(a, 10)).toBe(2);
});

test('what several ask for at the same time is never more than there is', async () => {
  const options = place();
  const stores = await Promise.all(['a', 'b', 'c'].map((name) => openInstance(name, options)));
  const working = stores.map(async (store) => {
    let used = 0;
    for (let n = 0; n < 12; n++) {
      const granted = await ask(store, 2, 30);
      // A part of the grant is recorded while the others ask.
      if (granted > 0) await sent(store, granted);
      used += granted;
    }
    return used;
  });
  const used = await Promise.all(working);
  expect(used.reduce((sum, each) => sum + each, 0)).toBe(30);
});

test('what a process held that died is kept for a day and an hour; that of one that lives for as long as it lives', async () => {
  const options = place();
  const [a, b] = [await openInstance('a', options), await openInstance('b', options)];
  await b.leases.renew(60_000);
  expect([await ask(a, 3), await ask(b, 4)]).toEqual([3, 4]);
  const grow = (hours: number) =>
    server().query(`UPDATE ${options.schema}.external_grants SET touched_at = touched_at - interval '${hours} hours'`);
  await a.leases.leave();
  await grow(24);
  expect(await ask(b, 10)).toBe(3);
  await b.grants!.giveBack('contoso', 3);
  await grow(2);
  expect(await ask(b, 10)).toBe(6);
  // The next start of an instance forgets what nobody holds.
  await openInstance('c', options, randomUUID());
  const rows = () => server().query(`SELECT amount FROM ${options.schema}.external_grants`);
  await expect.poll(rows, { timeout: 5000 }).toHaveLength(1);
});

test('a grant whose answer was lost is given once', async () => {
  const options = place();
  const b = await openInstance('b', options);
  const address = postgresAddress(options.url, undefined);
  const { default: driver } = await import('pg');
  const db = new Database({ driver, address, schema: options.schema, poolSize: 1 });
  onTestFinished(() => db.close());
  const a = new PostgresGrants(db, 'a');
  const { transaction } = db;
  db.transaction = async (work) => {
    await transaction.call(db, work);
    db.transaction = transaction;
    throw new Error('Connection terminated unexpectedly');
  };
  const window = { limit: 10, windowMs: dayMs, nowMs };
  await expect(a.grant('contoso', 4, window)).rejects.toThrow();
  expect(await ask(b, 10)).toBe(6);
  expect(await a.grant('contoso', 7, window)).toBe(4);
  expect(await a.grant('contoso', 7, window)).toBe(0);
});

test('two instances never send more together than the limit of the tenant', { timeout: 60_000 }, async () => {
  const options = place();
  const names = ['a', 'b'];
  const sentTo: string[] = [];
  const queues: Queue[] = [];
  for (const name of names) {
    const store = await openInstance(name, options);
    const { leases } = store;
    const ownership = sharedOwnership({ leases, store, clock: systemClock, log: silentLog });
    const queue = new Queue({
      ...{ store, ownership, clock: systemClock, log: silentLog, couriers: courierTraits },
      limits: { messagesPerMinute: 10_000, recipientsPerDay: 10_000, externalRecipientsPerDay: 20 },
      isInternal: (_, address) => address.endsWith('@contoso.example'),
      backoff: { baseMs: 60_000, maxMs: 60_000 },
      retain: { deliveredMs: dayMs, failedMs: dayMs },
      bouncesFor: async () => [],
      courierFor: () => ({
        async deliver({ envelope, mailbox }) {
          await delay(5);
          sentTo.push(mailbox);
          const ok = { outcome: 'delivered', code: '202', text: 'OK' } as const;
          return { recipients: envelope.recipients.map(({ address }) => ({ address, ...ok })) };
        },
      }),
    });
    queue.start();
    onTestFinished(() => queue.stop(0));
    queues.push(queue);
  }
  await delay(1000);
  const mailboxOf = (name: string) =>
    Array.from({ length: 99 }, (_, at) => `m${at}@contoso.example`).find(
      (mailbox) => preferredInstance(destinationOf({ connection: 'contoso', mailbox }), names) === name,
    )!;
  const mailboxes = names.map(mailboxOf);
  const send = async (mailbox: string, address: string) => {
    const spool = queues[0]!.spool();
    await spool.write(Buffer.from('x'));
    const now = Date.now();
    const envelope = { ...newMessage().envelope, recipients: [{ address }] };
    await spool.commit(newMessage({ mailbox, envelope, receivedAtMs: now, expiresAtMs: now + dayMs }));
  };
  for (let n = 0; n < 20; n++) for (const mailbox of mailboxes) await send(mailbox, 'bo@fabrikam.example');
  await expect.poll(() => sentTo.length, { timeout: 20_000 }).toBe(20);
  await delay(1500);
  expect(sentTo).toHaveLength(20);
  expect(new Set(sentTo).size).toBe(2);
  // Mail within the tenant continues.
  for (const mailbox of mailboxes) await send(mailbox, 'ann@contoso.example');
  await expect.poll(() => sentTo.length, { timeout: 20_000 }).toBe(22);
});
