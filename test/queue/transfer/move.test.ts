import { rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import type { QueuedMessage } from '../../../src/queue/message.ts';
import { openSqliteStore } from '../../../src/queue/stores/sqlite/store.ts';
import { moveQueue } from '../../../src/queue/transfer/move.ts';
import type { MovableStore } from '../../../src/queue/transfer/transfer.ts';
import { postgresForTests } from '../../support/postgres.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { newSchema, openStore } from '../stores/postgres/opening.ts';
import { put } from '../stores/store-contract.ts';

const server = postgresForTests({ fsync: 'off' });
const nowMs = Date.now();
const destination = 'contoso/reports@contoso.example';

const stores = {
  sqlite: async () => openSqliteStore(temporaryFolder(), { exclusive: true }),
  postgres: async () => (await openStore({ url: server().url(), schema: newSchema(), listens: false })) as MovableStore,
};
const directions = [
  ['sqlite', 'postgres'],
  ['postgres', 'sqlite'],
] as const;

/** One of everything. */
async function fill(store: MovableStore): Promise<QueuedMessage[]> {
  const messages = [];
  for (const size of [20, 100_000, 700_000]) messages.push(await put(store, Buffer.alloc(size, `${size}\r\n`)));
  const held = await put(store, 'held');
  const notice = { isBounce: true, noticeAbout: held.id };
  const [failed, delivered] = [await put(store, 'failed', notice), await put(store, 'gone', notice)];
  await store.hold({ ids: [held.id] });
  for (const [message, state] of [[failed, 'failed'] as const, [delivered, 'delivered'] as const]) {
    await store.record(message.id, {
      attempt: {
        startedAtMs: nowMs - 5000,
        durationMs: 10,
        externalDelivered: 1,
        outcomes: [
          {
            address: 'ann@contoso.example',
            outcome: state === 'failed' ? 'permanent' : 'delivered',
            code: '2.0.0',
            text: 'so',
          },
        ],
      },
      recipients: message.recipients.map((each) => ({ ...each, state })),
      ...{ state, nextAttemptAtMs: nowMs },
    });
  }
  const set = await put(store, 'set aside');
  await store.quarantine(set.id, 'It is odd.');
  await store.begin(messages[0]!.id, { courier: 'graph', startedAtMs: nowMs });
  await store.countSent(destination, {
    startedAtMs: nowMs - 3000,
    endedAtMs: nowMs - 2990,
    recipients: 4,
    external: 2,
  });
  await store.setPause({
    key: destination,
    untilMs: nowMs + 60_000,
    sinceMs: nowMs,
    code: 'x',
    text: 'y',
    strikes: 2,
    needsAdmin: false,
  });
  await store.addFollowUp(
    delivered.id,
    { connection: 'contoso', mailbox: 'reports@contoso.example', note: 'n', dueAtMs: nowMs },
    nowMs,
  );
  await store.records.add('key', 'marker', 'k', nowMs);
  await store.records.add('duplicate', 'fingerprint', `kept ${held.id}`, nowMs, { expiresAtMs: nowMs + 9000 });
  await store.records.add('invitation', '4f1c09a2b7d3', '{}', nowMs, { expiresAtMs: nowMs + 9000 });
  await store.records.add('store', 'boot', 'of this store alone', nowMs);
  await store.records.add('sign-in', 'contoso', 'of others', nowMs);
  return [...messages, held, failed, delivered, set];
}

/** Everything visible of a store. */
async function view(store: MovableStore) {
  const messages = await store.list({}, 100);
  const bodies = messages.map(async ({ id, state }) =>
    state === 'delivered' ? '' : (await buffer(await store.open(id))).toString(),
  );
  return {
    messages,
    bodies: await Promise.all(bodies),
    attempts: await Promise.all(messages.map(({ id }) => store.attempts(id))),
    sent: (await store.sentSince(destination, 0, nowMs)).toSorted(
      (a, b) => a.startedAtMs - b.startedAtMs || a.recipients - b.recipients,
    ),
    external: await store.externalSince('contoso', 0),
    pauses: await store.pauses(),
    followUps: await store.followUps(destination, Number.MAX_SAFE_INTEGER, 10),
    keys: await store.records.list('key', nowMs),
    duplicates: await store.records.list('duplicate', nowMs),
    invitations: await store.records.list('invitation', nowMs),
  };
}

const empty = {
  ...{ messages: [], bodies: [], attempts: [], sent: [], external: [], pauses: [], followUps: [] },
  ...{ keys: new Map(), duplicates: new Map(), invitations: new Map() },
};

test.each(directions)('all of a queue goes from %s to %s, and nothing of it stays', async (one, other) => {
  const [from, to] = [await stores[one](), await stores[other]()];
  await fill(from);
  const before = await view(from);
  const progress: number[] = [];
  const moved = await moveQueue(from, to, { onProgress: (done) => progress.push(done) });
  expect(moved).toEqual({
    messages: { queued: 3, held: 1, failed: 1, quarantined: 1, delivered: 1 },
    octets: 20 + 100_000 + 700_000 + 4 + 6 + 9,
    ...{ alreadyThere: 0, quarantined: [], records: 3, pauses: 1, followUps: 1, counts: 1, keysKept: false },
  });
  expect(await view(to)).toEqual(before);
  expect(await view(from)).toEqual(empty);
  expect(progress).toEqual([7]);
  expect((await to.records.list('sign-in', nowMs)).size).toBe(0);
  expect((await to.records.get('store', 'boot', nowMs))?.value).not.toBe('of this store alone');
  await Promise.all([from.close(), to.close()]);
});

/** Fails at the n-th call that changes a store, before it or after it, as if the process had ended there. */
function dying(store: MovableStore, count: { left: number }, isBefore: boolean): MovableStore {
  const dead = () => new Error('the process is dead');
  const wrap = <T extends object>(inner: T): T =>
    new Proxy(inner, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (value !== null && typeof value === 'object') return wrap(value);
        if (typeof value !== 'function') return value;
        return async (...args: unknown[]) => {
          if (count.left < 0) throw dead();
          const ends = changes.has(String(name)) && count.left-- === 0;
          if (ends && isBefore) throw dead();
          const result: unknown = await Reflect.apply(value, target, args);
          if (ends) throw dead();
          return result;
        };
      },
    });
  return wrap(store);
}

const changes = new Set(
  'adopt adoptCounts adoptFollowUps forget spool setPause add put purgeCounts endPause delete changeFollowUps'.split(
    ' ',
  ),
);

test.each(directions)('broken off at any step from %s to %s, it goes on where it was', async (one, other) => {
  const [from, to] = [await stores[one](), await stores[other]()];
  await fill(from);
  const before = await view(from);
  let deaths = 0;
  for (let step = 0; ; step++) {
    const count = { left: Math.floor(step / 2) };
    const isBefore = step % 2 === 0;
    try {
      await moveQueue(dying(from, count, isBefore), dying(to, count, isBefore));
      break;
    } catch (error) {
      expect(error).toMatchObject({ message: 'the process is dead' });
      deaths++;
    }
    // Nothing is lost: each message is here or there, and whole.
    const ids = new Set([...(await from.list({}, 100)), ...(await to.list({}, 100))].map(({ id }) => id));
    expect(ids.size).toBe(7);
  }
  expect(deaths).toBeGreaterThan(10);
  expect(await view(to)).toEqual(before);
  expect(await view(from)).toEqual(empty);
  await Promise.all([from.close(), to.close()]);
});

test('bodies that are damaged or lost are told, and never sent', async () => {
  const folder = temporaryFolder();
  const from = openSqliteStore(folder, { exclusive: true });
  const [cut, lost] = [await put(from, Buffer.alloc(90_000, 'a')), await put(from, Buffer.alloc(90_000, 'b'))];
  const whole = await put(from, 'whole');
  truncateSync(join(folder, 'bodies', `${cut.id}.eml`), 80_000);
  rmSync(join(folder, 'bodies', `${lost.id}.eml`));
  const to = await stores.postgres();
  const moved = await moveQueue(from, to);
  expect(moved.messages).toEqual({ quarantined: 2, queued: 1 });
  expect(moved.quarantined.toSorted((a, b) => a.id.localeCompare(b.id))).toEqual([
    { id: cut.id, damage: expect.stringContaining('is damaged') },
    { id: lost.id, damage: expect.stringContaining('is missing') },
  ]);
  expect((await to.due(destination, nowMs, 10)).map(({ id }) => id)).toEqual([whole.id]);
  await expect(to.open(cut.id).then(buffer)).rejects.toMatchObject({ code: 'queue-body-damaged' });
  await expect(to.open(lost.id)).rejects.toMatchObject({ code: 'queue-body-missing' });
  expect(await buffer(await to.open(cut.id, { evenIfDamaged: true }))).toHaveLength(80_000);
  await from.close();
});

test('the key of the marks comes along, unless messages are there that another one marks', async () => {
  const [first, second, to] = [await stores.sqlite(), await stores.sqlite(), await stores.postgres()];
  await to.records.add('key', 'marker', 'of a start that sent nothing', nowMs);
  await put(first, 'one');
  for (const store of [first, second]) await store.records.add('key', 'marker', `of ${store === first}`, nowMs);
  expect((await moveQueue(first, to)).keysKept).toBe(false);
  expect((await to.records.get('key', 'marker', nowMs))?.value).toBe('of true');
  expect((await moveQueue(second, to)).keysKept).toBe(true);
  expect((await to.records.get('key', 'marker', nowMs))?.value).toBe('of true');
  await Promise.all([first.close(), second.close()]);
});

test('where the stores are not ours alone any more it stops before it takes anything', async () => {
  const [from, to] = [await stores.sqlite(), await stores.postgres()];
  await put(from, 'one');
  const check = () => {
    throw new Error('not ours alone');
  };
  await expect(moveQueue(from, to, { check })).rejects.toThrow('not ours alone');
  expect([await from.count('queued'), await to.count('queued')]).toEqual([1, 0]);
  await from.close();
});
