import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { QueueStore } from '../../../../src/queue/store.ts';
import { postgresForTests } from '../../../support/postgres.ts';
import { newMessage, put } from '../store-contract.ts';
import { newSchema, openInstance, openStore } from './opening.ts';

const server = postgresForTests({ fsync: 'off' });
const options = () => ({ url: server().url(), schema: newSchema(), poolSize: 8 });
const megabyte = 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function inUse(): number {
  collectGarbage();
  // Memory of buffers is freed concurrently; the next collection waits for that to end.
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function hashOf(store: QueueStore, id: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of await store.open(id)) hash.update(chunk);
  return hash.digest('hex');
}

test('a body of 35 MB comes and goes with little of it in memory', { timeout: 120_000 }, async () => {
  const store = await openStore(options());
  const block = randomBytes(64 * 1024);
  const hash = createHash('sha256');
  const before = inUse();
  let most = 0;
  let looks = 0;
  const look = () => {
    if (looks++ % 50 === 0) most = Math.max(most, inUse() - before);
  };
  const spool = store.spool();
  for (let size = 0; size < 35 * megabyte; size += block.length) {
    hash.update(block);
    await spool.write(Buffer.from(block));
    look();
  }
  const message = await spool.commit(newMessage());
  expect(message.size).toBe(35 * megabyte);
  const read = createHash('sha256');
  for await (const chunk of await store.open(message.id)) {
    read.update(chunk);
    look();
  }
  expect(read.digest('hex')).toBe(hash.digest('hex'));
  expect(most / megabyte).toBeLessThan(16);
});

test('50 messages come in at the same time, part by part', { timeout: 120_000 }, async () => {
  const store = await openStore(options());
  const stored = await Promise.all(
    Array.from({ length: 50 }, async (_, i) => {
      const spool = store.spool();
      const hash = createHash('sha256');
      for (let n = 0; n < 12; n++) {
        const chunk = randomBytes(40_000 + i * 1000);
        hash.update(chunk);
        await spool.write(chunk);
      }
      return { id: (await spool.commit(newMessage())).id, hash: hash.digest('hex') };
    }),
  );
  for (const { id, hash } of stored) expect(await hashOf(store, id)).toBe(hash);
});

test('what came in so far can be read before it is accepted, again and again', async () => {
  const store = await openStore(options());
  const spool = store.spool();
  const content = randomBytes(700_000);
  for (let i = 0; i < content.length; i += 100_000) await spool.write(content.subarray(i, i + 100_000));
  for (let n = 0; n < 2; n++) {
    const chunks: Buffer[] = [];
    for await (const chunk of spool.open()) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(content)).toBe(true);
  }
});

test('a body that is discarded leaves nothing, and one whose instance died nothing after some hours', async () => {
  const place = options();
  const store = await openStore(place);
  const parts = async () => Number((await server().query(`SELECT count(*) AS n FROM ${place.schema}.bodies`))[0]?.n);
  const discarded = store.spool();
  await discarded.write(Buffer.alloc(600_000));
  expect(await parts()).toBe(2);
  await discarded.discard();
  expect(await parts()).toBe(0);
  const orphan = store.spool();
  await orphan.write(Buffer.alloc(600_000));
  await openInstance('a', place);
  await delay(300);
  expect(await parts()).toBe(2);
  await server().query(`UPDATE ${place.schema}.spools SET touched_at = touched_at - interval '4 hours'`);
  await openInstance('b', place);
  await expect.poll(parts).toBe(0);
  // A sender that gets to the end after all is refused, and has to send it again.
  await expect(orphan.commit(newMessage())).rejects.toMatchObject({ code: 'queue-unreachable' });
  await expect((async () => orphan.write(Buffer.alloc(300_000)))()).rejects.toMatchObject({
    code: 'queue-unreachable',
  });
  expect(await store.list({}, 10)).toEqual([]);
});

test.each([
  ['small', 1000],
  ['of several parts', 600_000],
])('a damaged body that is %s is never given to its end, and is set aside', async (_, size) => {
  const place = options();
  const found: [string, string][] = [];
  const store = await openInstance('a', { ...place, onQuarantined: (...each) => found.push(each) });
  const message = await put(store, randomBytes(size));
  const last = size > 256 * 1024 ? 2 : 0;
  await server().query(
    `UPDATE ${place.schema}.bodies SET content = set_byte(content, length(content) - 1, (get_byte(content, length(content) - 1) + 1) % 256) WHERE part = ${last}`,
  );
  let octets = 0;
  const read = async () => {
    for await (const chunk of await store.open(message.id)) octets += chunk.length;
  };
  await expect(read()).rejects.toMatchObject({ code: 'queue-body-damaged' });
  expect(octets).toBeLessThan(size);
  await expect.poll(() => found).toEqual([[message.id, expect.stringContaining('checksum')]]);
  expect((await store.get(message.id))?.state).toBe('quarantined');
  octets = 0;
  for await (const chunk of await store.open(message.id, { evenIfDamaged: true })) octets += chunk.length;
  expect(octets).toBe(size);
});

test('a body of which a part is gone is not given to its end', async () => {
  const place = options();
  const store = await openStore(place);
  const message = await put(store, randomBytes(900_000));
  await server().query(`DELETE FROM ${place.schema}.bodies WHERE part = 2`);
  const read = async () => {
    for await (const _ of await store.open(message.id));
  };
  await expect(read()).rejects.toMatchObject({ code: 'queue-body-missing' });
  await expect(store.open('nobody')).rejects.toMatchObject({ code: 'queue-body-missing' });
});

test('a reader that leaves in the middle leaves nothing behind', async () => {
  const store = await openStore(options());
  const message = await put(store, randomBytes(2_000_000));
  for (let n = 0; n < 30; n++) {
    const body = await store.open(message.id);
    for await (const _ of body) break;
    expect(body.destroyed).toBe(true);
  }
  expect((await store.get(message.id))?.id).toBe(message.id);
});

test('a body on its way in is read with the parts that are in the server already, and not without one of them', async () => {
  const opened = options();
  const store = await openStore(opened);
  const spool = store.spool();
  const octets = randomBytes(megabyte);
  await spool.write(octets);
  expect((await buffer(spool.open())).equals(octets)).toBe(true);
  await server().query(`DELETE FROM ${opened.schema}.bodies WHERE part = 1`);
  await expect(buffer(spool.open())).rejects.toMatchObject({ code: 'queue-body-missing' });
  await spool.discard();
});
