import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import type { AttemptResult } from '../../../../src/queue/store.ts';
import { type CutPoint, startCutter } from '../../../support/cutter.ts';
import { postgresForTests } from '../../../support/postgres.ts';
import { newMessage, put } from '../store-contract.ts';
import { newSchema, openStore } from './opening.ts';

const server = postgresForTests();
const now = 1_800_000_000_000;

/** Locks the row of a message until it is released. */
async function heldRow(schema: string, id: string) {
  const client = new pg.Client({ connectionString: server().url() });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query('BEGIN');
  await client.query(`SELECT FROM "${schema}".messages WHERE id = $1 FOR UPDATE`, [id]);
  return { release: () => client.query('COMMIT') };
}

/** A store whose sessions go through a cutter, and another of the same queue whose sessions do not. */
async function twoStores() {
  const schema = newSchema();
  const place = { url: server().url(), schema, poolSize: 2, listens: false };
  const direct = await openStore(place);
  const cutter = await startCutter(server().port);
  onTestFinished(() => cutter.close());
  const store = await openStore({ ...place, url: place.url.replace(`:${server().port}/`, `:${cutter.port}/`) });
  return { store, direct, cutter, schema };
}

const deliveredOf = (recipients: AttemptResult['recipients']): AttemptResult => ({
  attempt: { startedAtMs: now, durationMs: 1, outcomes: [] },
  ...{ recipients, state: 'delivered', nextAttemptAtMs: now },
});

/** Blocks this thread, as SIGSTOP does a process: other threads continue. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test.each<CutPoint>(['question', 'answer', 'middle of the answer'])(
  'a message whose connection breaks at the %s is accepted, and there once',
  async (point) => {
    const { store, direct, cutter } = await twoStores();
    await put(store, 'before');
    cutter.cutNext(point);
    const { id } = await put(store, 'x');
    expect(cutter.cuts).toBe(1);
    expect((await direct.list({}, 10)).map((message) => message.id)).toContain(id);
    expect(await direct.count('queued')).toBe(2);
  },
);

test('a message whose answer was lost, and that another instance has delivered meanwhile, does not come back', async () => {
  const { store, direct, cutter } = await twoStores();
  cutter.cutNext('answer', { andRefuse: true });
  const spool = store.spool();
  await spool.write(Buffer.from('x'));
  const committed = spool.commit(newMessage({ receivedAtMs: now }));
  await expect.poll(() => direct.count('queued')).toBe(1);
  const message = await direct.get(spool.id);
  await direct.record(spool.id, deliveredOf(message?.recipients ?? []));
  cutter.accept();
  expect((await committed).id).toBe(spool.id);
  expect(await direct.count('queued')).toBe(0);
  expect(await direct.count('delivered')).toBe(1);
});

test('a message that was refused and is there all the same is not delivered by this instance before it is taken back', {
  timeout: 60_000,
}, async () => {
  const { store, direct, cutter, schema } = await twoStores();
  cutter.cutNext('answer', { andRefuse: true });
  const spool = store.spool();
  await spool.write(Buffer.from('x'));
  await expect(spool.commit(newMessage({ receivedAtMs: now }))).rejects.toMatchObject({ code: 'queue-unreachable' });
  expect(await direct.count('queued')).toBe(1);
  // Another transaction has it locked, so that it cannot be taken back yet.
  const row = await heldRow(schema, spool.id);
  cutter.accept();
  await expect.poll(() => store.count('queued').catch(() => -1), { timeout: 20_000 }).toBe(1);
  expect(await store.begin(spool.id, { courier: 'graph', startedAtMs: now })).toBeUndefined();
  await row.release();
  await expect.poll(() => direct.count('queued')).toBe(0);
});

test('a caller that changes its error, as nodemailer does with that of a stream, does not change those of others', {
  timeout: 60_000,
}, async () => {
  const { store, direct, cutter } = await twoStores();
  await put(store, 'before');
  cutter.cutNext('answer', { andRefuse: true });
  const spool = store.spool();
  await spool.write(Buffer.from('x'));
  const committed = spool.commit(newMessage({ receivedAtMs: now }));
  const refusal = expect(committed).rejects.toMatchObject({ code: 'queue-unreachable' });
  let isOver = false;
  void refusal.finally(() => {
    isOver = true;
  });
  await expect.poll(() => cutter.cuts).toBe(1);
  while (!isOver) {
    const error = await store.open(spool.id).catch((failure: unknown) => failure as { code: string });
    if ('code' in error) error.code = 'ESTREAM';
    await delay(20);
  }
  await refusal;
  const others = await Promise.allSettled([put(store, 'x'), put(store, 'x'), store.get('x'), store.assertRoom(1)]);
  for (const failed of others) expect(failed).toMatchObject({ reason: { code: 'queue-unreachable' } });
  expect(new Set(others.map((each) => 'reason' in each && each.reason)).size).toBe(others.length);
  // And the message, which may or may not have been committed, is taken back.
  expect(await direct.count('queued')).toBe(2);
  cutter.accept();
  await expect.poll(() => direct.count('queued'), { timeout: 20_000 }).toBe(1);
});

test('a connection that broke while the process stood still is no reason to refuse a message', {
  timeout: 60_000,
}, async () => {
  const { store, direct, cutter } = await twoStores();
  await put(store, 'before');
  cutter.cutNext('answer', { before: () => standStill(12_000) });
  await put(store, 'x');
  expect(cutter.cuts).toBe(1);
  expect(await direct.count('queued')).toBe(2);
});

test('an answer that came while the process stood still counts', { timeout: 60_000 }, async () => {
  const { store, direct } = await twoStores();
  await put(store, 'before');
  const spool = store.spool();
  await spool.write(Buffer.from('x'));
  const committed = spool.commit(newMessage({ receivedAtMs: now }));
  // The query is sent in the following turns of the event loop.
  for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate);
  standStill(12_000);
  expect((await committed).id).toBe(spool.id);
  expect(await direct.count('queued')).toBe(2);
});
