import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { QueueStore, StoreChange } from '../../../../src/queue/store.ts';
import { postgresForTests } from '../../../support/postgres.ts';
import { newMessage, put } from '../store-contract.ts';
import { newSchema, openInstance, openStore } from './opening.ts';

const server = postgresForTests({ synchronous_commit: 'on' });
const options = () => ({ url: server().url(), schema: newSchema(), poolSize: 6 });
const unreachable = { code: 'queue-unreachable' };
const now = Date.now();

/** What a store reports about the server, from then on. */
function changesOf(store: QueueStore): string[] {
  const told: string[] = [];
  onTestFinished(store.subscribe(({ kind }: StoreChange) => told.push(kind)));
  return told;
}

async function until(what: () => boolean, patienceMs = 20_000): Promise<void> {
  for (const end = performance.now() + patienceMs; !what(); await delay(20)) {
    if (performance.now() > end) throw new Error('it did not come to that');
  }
}

/** How long a call takes until it is refused. */
async function refusedAfter(call: Promise<unknown>): Promise<number> {
  const started = performance.now();
  await expect(call).rejects.toMatchObject(unreachable);
  return performance.now() - started;
}

test('while the server is down every call is refused at once; then all goes on by itself', {
  timeout: 60_000,
}, async () => {
  const store = await openInstance('a', options());
  const told = changesOf(store);
  const before = await put(store, 'before');
  const lease = { key: 'x', fence: 1, sinceMs: 0 };
  await server().kill();
  await expect(store.get(before.id)).rejects.toMatchObject({
    ...unreachable,
    // The reason: a new connection was refused, or an old one broke, whichever was noticed first.
    message: expect.stringMatching(/^PostgreSQL at 127\.0\.0\.1:\d+ cannot be reached \(.*(?:ECONN|terminated).*\)\.$/),
  });
  await until(() => told.includes('unreachable'));
  const calls = [
    () => put(store, 'x'),
    () => store.assertRoom(1),
    () => store.due('contoso/x', now, 10),
    () => store.begin(before.id, { courier: 'graph', startedAtMs: now }, lease),
    () => store.records.add('duplicate', 'x', 'y', now),
    () => store.leases.renew(1000),
    () => store.hold({}),
    () => store.open(before.id),
  ];
  for (const call of calls) expect(await refusedAfter(call())).toBeLessThan(1000);
  const used = process.cpuUsage();
  await delay(1500);
  // One prober that waits longer each time: no busy loop.
  expect(process.cpuUsage(used).user / 1000).toBeLessThan(750);
  await server().run();
  await until(() => told.includes('reachable'));
  expect(await store.get(before.id)).toEqual(before);
  expect((await put(store, 'after')).state).toBe('queued');
});

test('what was accepted is there after kill -9 amid commits, and what was refused is not', {
  timeout: 120_000,
}, async () => {
  const store = await openStore(options());
  const accepted = new Map<string, string>();
  const refused: string[] = [];
  let ended = false;
  const client = async (name: string) => {
    for (let n = 0; !ended; n++) {
      const body = `${name} ${n} ${'x'.repeat(n % 7 === 0 ? 300_000 : 3000)}`;
      const spool = store.spool();
      try {
        await spool.write(Buffer.from(body));
        accepted.set((await spool.commit(newMessage({ receivedAtMs: now }))).id, body);
      } catch (error) {
        expect(error).toMatchObject(unreachable);
        refused.push(spool.id);
        await spool.discard();
        await delay(50);
      }
    }
  };
  const clients = Array.from({ length: 12 }, (_, i) => client(`client ${i}`));
  for (let round = 0; round < 4; round++) {
    const goal = accepted.size + 40;
    await until(() => accepted.size > goal, 40_000);
    await server().kill();
    await delay(round * 150);
    await server().run();
  }
  ended = true;
  await Promise.all(clients);
  // The server answers, and the store finds that out at its next check.
  await expect.poll(() => store.count('queued').catch(() => -1), { timeout: 20_000 }).toBeGreaterThan(0);
  const there = new Set((await store.list({}, 100_000)).map(({ id }) => id));
  expect([...accepted.keys()].filter((id) => !there.has(id))).toEqual([]);
  // What could not be cleared up in time is taken back once the server is back.
  await expect.poll(async () => (await store.list({ ids: refused }, 10)).length, { timeout: 15_000 }).toBe(0);
  expect(await store.count('queued')).toBe(accepted.size);
  for (const [id, body] of accepted) expect((await buffer(await store.open(id))).toString() === body, id).toBe(true);
});

test('an outcome that may have been written is written once', { timeout: 120_000 }, async () => {
  const store = await openStore(options());
  const messages = await Promise.all(Array.from({ length: 200 }, () => put(store, 'x')));
  const bounce = { message: newMessage({ isBounce: true }), content: Buffer.from('sorry') };
  const recorded = messages.map(async (message) => {
    const result = {
      attempt: { startedAtMs: now, durationMs: 1, outcomes: [] },
      ...({ recipients: message.recipients, state: 'failed', nextAttemptAtMs: now } as const),
      bounces: [bounce],
      followUp: { connection: 'contoso', mailbox: 'a@contoso.example', note: 'x', times: 1, dueAtMs: now },
    };
    for (;;) {
      try {
        return await store.record(message.id, result);
      } catch (error) {
        expect(error).toMatchObject(unreachable);
        await delay(100);
      }
    }
  });
  await delay(5);
  await server().kill();
  await server().run();
  await Promise.all(recorded);
  // All may have been answered before the server was gone.
  await expect.poll(() => store.count('queued').catch(() => -1), { timeout: 20_000 }).toBe(messages.length);
  const failed = await store.list({ states: ['failed'] }, 1000);
  expect(failed.map(({ attempts }) => attempts)).toEqual(messages.map(() => 1));
  const followUps = await store.followUps('contoso/a@contoso.example', now, 1000);
  expect(followUps.map(({ times }) => times)).toEqual(messages.map(() => 1));
});

test('an outcome written again counts nothing twice; what is to follow a message that was deleted is kept', async () => {
  const store = await openStore(options());
  const followUp = { connection: 'contoso', mailbox: 'a@contoso.example', note: 'x', times: 1, dueAtMs: now };
  const timesOf = async () =>
    (await store.followUps('contoso/a@contoso.example', now, 10)).map(({ id, times }) => [id, times]);
  for (const state of ['queued', 'failed', 'delivered'] as const) {
    const { id, recipients } = await put(store, 'x');
    const attempt = { startedAtMs: now, durationMs: 1, outcomes: [] };
    const result = { attempt, recipients, state, nextAttemptAtMs: now, followUp };
    await store.record(id, result);
    await store.record(id, result);
    expect(await timesOf(), state).toEqual([[id, 1]]);
    // A later attempt adds its own.
    if (state === 'queued') {
      await store.record(id, { ...result });
      expect(await timesOf()).toEqual([[id, 2]]);
    }
    await store.changeFollowUps([{ id, over: true }]);
  }
  const { id, recipients } = await put(store, 'x');
  await store.remove({ ids: [id] });
  const attempt = { startedAtMs: now, durationMs: 1, outcomes: [] };
  await store.record(id, { attempt, recipients, state: 'failed', nextAttemptAtMs: now, followUp });
  expect(await timesOf()).toEqual([[id, 1]]);
});

test('a server that stands still is given up after some seconds, and taken back when it goes on', {
  timeout: 60_000,
}, async () => {
  const store = await openStore(options());
  const told = changesOf(store);
  await put(store, 'before');
  server().pause();
  try {
    const started = performance.now();
    await expect(store.get('x')).rejects.toMatchObject(unreachable);
    expect(performance.now() - started).toBeLessThan(15_000);
    const slow = expect(store.count('queued')).rejects.toMatchObject(unreachable);
    await until(() => told.includes('unreachable'));
    await slow;
    expect(await refusedAfter(store.get('x'))).toBeLessThan(1000);
  } finally {
    server().resume();
  }
  await until(() => told.includes('unreachable') === told.includes('reachable'));
  await expect
    .poll(
      () =>
        put(store, 'after').then(
          () => true,
          () => false,
        ),
      { timeout: 20_000 },
    )
    .toBe(true);
});

test('a message whose commit met a server that stood still is there once', { timeout: 60_000 }, async () => {
  const store = await openStore(options());
  await put(store, 'before');
  server().pause();
  const during = put(store, 'during').then(
    () => true,
    () => false,
  );
  await delay(3000);
  server().resume();
  expect(await during).toBe(true);
  expect(await store.count('queued')).toBe(2);
  server().pause();
  const given = put(store, 'given up').then(
    () => true,
    () => false,
  );
  const wasAccepted = await given;
  server().resume();
  expect(wasAccepted).toBe(false);
  await expect.poll(() => store.count('queued').catch(() => -1), { timeout: 20_000 }).toBe(2);
});

test('a server that takes no writes any more counts as unreachable', { timeout: 60_000 }, async () => {
  const store = await openStore(options());
  const told = changesOf(store);
  await put(store, 'before');
  await server().configure({ default_transaction_read_only: 'on' });
  server().reload();
  await delay(500);
  await expect(put(store, 'x')).rejects.toMatchObject({
    ...unreachable,
    message: expect.stringContaining('it is a standby, or read-only'),
  });
  await until(() => told.includes('unreachable'));
  await server().configure({ default_transaction_read_only: 'off' });
  server().reload();
  await until(() => told.includes('reachable'));
  await put(store, 'after');
  expect(await store.count('queued')).toBe(2);
});

test('of several hosts the one that takes writes is used', async () => {
  const place = options();
  const url = place.url.replace('@127.0.0.1', '@127.0.0.1:1,127.0.0.1');
  const store = await openStore({ ...place, url: `${url}?target_session_attrs=read-write` });
  expect((await put(store, 'x')).state).toBe('queued');
});

test('a start without the server says where it looked for it', async () => {
  const url = server()
    .url()
    .replace(/:\d+\//, ':1/');
  await expect(openStore({ url })).rejects.toMatchObject({
    ...unreachable,
    message: 'PostgreSQL at 127.0.0.1:1 cannot be reached (connect ECONNREFUSED 127.0.0.1:1).',
  });
});

test.each([
  ['password', (url: string) => url.replace(/:[^:@]*@/, ':wrong@'), /password authentication failed/],
  ['database', (url: string) => url.replace('/postgres', '/nowhere'), /database "nowhere" does not exist/],
])('a wrong %s is refused for good, and not shown', async (_, wrong, says) => {
  const refused = openStore({ url: wrong(server().url()) });
  await expect(refused).rejects.toMatchObject({ code: 'queue-store-refused', message: expect.stringMatching(says) });
});
