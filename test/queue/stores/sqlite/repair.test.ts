import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import type { QueuedMessage } from '../../../../src/queue/message.ts';
import { repairQueue } from '../../../../src/queue/stores/sqlite/repair.ts';
import { openSqliteStore } from '../../../../src/queue/stores/sqlite/store.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { put } from '../store-contract.ts';

/** A closed queue with many messages, small and large, one of them tried. */
async function someQueue() {
  const folder = temporaryFolder();
  const store = openSqliteStore(folder, { exclusive: true });
  const messages: QueuedMessage[] = [];
  for (let i = 0; i < 300; i++) messages.push(await put(store, `message ${i}`.padEnd(i % 10 === 0 ? 70_000 : 700)));
  await store.close();
  return { folder, messages, file: join(folder, 'queue.sqlite') };
}

function reopen(folder: string) {
  const store = openSqliteStore(folder, { exclusive: true });
  onTestFinished(() => store.close());
  return store;
}

test('a sound queue is the same after a repair', async () => {
  const { folder, messages } = await someQueue();
  const report = repairQueue(folder, 'today');
  expect(report).toMatchObject({ messages: 300, withoutBody: 0, bodies: 0 });
  const store = reopen(folder);
  const byId = messages.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  expect(await store.list({}, 1000)).toEqual(byId);
  for (const { id, size } of messages) expect((await buffer(await store.open(id))).length).toBe(size);
});

test('what was tried, what upstreams have asked for and what is to follow is known after a repair', async () => {
  const folder = temporaryFolder();
  const store = openSqliteStore(folder, { exclusive: true });
  const tried = await put(store, 'x');
  const pause = {
    ...{ key: 'contoso/reports@contoso.example', untilMs: 9000, sinceMs: 1000 },
    ...{ code: '429', text: 'slow down', strikes: 2, needsAdmin: false },
  };
  await store.setPause(pause);
  const mailbox = 'reports@contoso.example';
  await store.addFollowUp('m1', { connection: 'contoso', mailbox, note: '<1@x>', times: 1, dueAtMs: 9000 }, 1000);
  const outcomes = tried.recipients.map(({ address }) => ({
    ...{ address, outcome: 'temporary' as const, code: '4.4.1', text: 'no answer' },
  }));
  const attempt = { startedAtMs: 5000, durationMs: 7, upstreamId: 'req-1', outcomes };
  await store.record(tried.id, { attempt, recipients: tried.recipients, state: 'queued', nextAttemptAtMs: 9000 });
  await store.begin(tried.id, { courier: 'smtp', startedAtMs: 6000 });
  await store.records.put('key', 'marker', 'secret', { expiresAtMs: 9000 });
  await store.close();
  expect(repairQueue(folder, 'today')).toMatchObject({ messages: 1 });
  const repaired = reopen(folder);
  expect(await repaired.attempts(tried.id)).toEqual([attempt]);
  expect(await repaired.pauses()).toEqual([pause]);
  expect(await repaired.followUps(`contoso/${mailbox}`, 9000, 10)).toMatchObject([
    { id: 'm1', note: '<1@x>', times: 1 },
  ]);
  const unfinished = { courier: 'smtp', startedAtMs: 6000 };
  expect(await repaired.get(tried.id)).toMatchObject({ attempts: 1, nextAttemptAtMs: 9000, unfinished });
  expect(await repaired.records.get('key', 'marker', 0)).toMatchObject({ value: 'secret', expiresAtMs: 9000 });
});

test.each([1, 2, 3, 5, 8, 13, 21, 34])('with page %i torn out, nothing is lost but what stood on it', async (page) => {
  const { folder, messages, file } = await someQueue();
  const octets = readFileSync(file);
  octets.fill(0xa5, page * 8192, (page + 1) * 8192);
  writeFileSync(file, octets);
  const report = repairQueue(folder, 'today');
  expect(readFileSync(report.kept).equals(octets)).toBe(true);

  const store = reopen(folder);
  let whole = 0;
  for (const { id, state, size } of await store.list({}, 1000)) {
    const original = messages.find((each) => each.id === id);
    expect(original).toBeDefined();
    if (state === 'quarantined') continue;
    const body = await buffer(await store.open(id));
    expect(body.toString()).toBe(`message ${messages.indexOf(original as QueuedMessage)}`.padEnd(size));
    whole += 1;
  }
  const recovered = report.bodies > 0 ? readdirSync(report.recovered) : [];
  expect(recovered).toHaveLength(report.bodies);
  for (const name of recovered) {
    const content = readFileSync(join(report.recovered, name), 'latin1');
    const index = messages.findIndex(({ id }) => name === `${id}.eml`);
    expect(content.startsWith(`message ${index} `)).toBe(true);
  }
  // A page holds some dozen messages; the tables' root pages lead to all of them.
  const isRoot = page <= 8;
  if (!isRoot) expect(whole).toBeGreaterThan(260);
  expect(whole + recovered.length).toBeGreaterThanOrEqual(30);
});

test('where the database is no database at all, the large bodies are left', async () => {
  const { folder, messages, file } = await someQueue();
  writeFileSync(file, 'nothing of it is left');
  rmSync(`${file}-wal`, { force: true });
  const report = repairQueue(folder, 'today');
  expect(report).toMatchObject({ messages: 0, bodies: 30 });
  expect(await reopen(folder).list({}, 10)).toEqual([]);
  const large = messages.filter(({ size }) => size > 65_536).map(({ id }) => `${id}.eml`);
  expect(readdirSync(report.recovered).sort()).toEqual(large.sort());
});

/** Fills the first page of a table with garbage. */
function tearOut(file: string, table: string): void {
  const db = new DatabaseSync(file);
  const page = db.prepare('SELECT rootpage FROM sqlite_master WHERE name = ?').get(table)?.rootpage as number;
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
  const octets = readFileSync(file);
  octets.fill(0xa5, (page - 1) * 8192, page * 8192);
  writeFileSync(file, octets);
}

test('where it is lost which attempts were under way, any may have been', async () => {
  const { folder, file } = await someQueue();
  tearOut(file, 'unfinished');
  repairQueue(folder, 'today');
  const found = await reopen(folder).list({}, 1000);
  expect(found).toHaveLength(300);
  expect(found.every(({ unfinished }) => unfinished !== undefined && unfinished.courier === undefined)).toBe(true);
});

test('where the small facts are lost, the messages are there', async () => {
  const { folder, file, messages } = await someQueue();
  tearOut(file, 'records');
  repairQueue(folder, 'today');
  const found = await reopen(folder).list({}, 1000);
  expect(found.map(({ id }) => id)).toEqual(messages.map(({ id }) => id).toSorted());
});
