import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { BridgeError } from '../../../../src/base/errors.ts';
import type { QueuedMessage } from '../../../../src/queue/message.ts';
import type { QueueStore } from '../../../../src/queue/store.ts';
import { freeOctets } from '../../../../src/queue/stores/disk-full.ts';
import { Reserve, reserveOctets } from '../../../../src/queue/stores/reserve.ts';
import { CommitGroup } from '../../../../src/queue/stores/sqlite/engine/commit-group.ts';
import { openSqliteStore, type RoomLimits } from '../../../../src/queue/stores/sqlite/store.ts';
import { smallDisk } from '../../../support/small-disk.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { newMessage, put } from '../store-contract.ts';

function open(room: Partial<RoomLimits>, folder = temporaryFolder()): QueueStore {
  const store = openSqliteStore(folder, { exclusive: true, room: { minFreeOctets: 0, ...room } });
  onTestFinished(() => store.close());
  return store;
}

const full = { code: 'queue-full', kind: 'temporary' };

/** As a listener does: what is not accepted is discarded. */
async function receive(store: QueueStore, content: Buffer): Promise<QueuedMessage> {
  const spool = store.spool();
  try {
    await spool.write(content);
    return await spool.commit(newMessage());
  } finally {
    await spool.discard();
  }
}

async function deliver(store: QueueStore, message: QueuedMessage): Promise<void> {
  await store.record(message.id, {
    attempt: { startedAtMs: message.receivedAtMs, durationMs: 1, outcomes: [] },
    recipients: message.recipients.map((each) => ({ ...each, state: 'delivered' })),
    state: 'delivered',
    nextAttemptAtMs: 0,
  });
}

test('a queue takes no more messages than it may, and takes them again when some are gone', async () => {
  const store = open({ maxMessages: 2 });
  const first = await put(store, 'a');
  await put(store, 'b');
  await expect(store.assertRoom(0)).rejects.toMatchObject(full);
  await expect(put(store, 'c')).rejects.toMatchObject(full);
  await deliver(store, first);
  const third = await put(store, 'c');
  await expect(put(store, 'd')).rejects.toMatchObject(full);
  await store.remove({ ids: [third.id] });
  await store.assertRoom(0);
});

test('a queue takes no more octets than it may; what another process removes counts', async () => {
  const folder = temporaryFolder();
  const store = open({ maxOctets: 200_000 }, folder);
  const first = await put(store, Buffer.alloc(150_000));
  await store.assertRoom(50_000);
  await expect(store.assertRoom(50_001)).rejects.toMatchObject(full);
  await expect(put(store, Buffer.alloc(100_000))).rejects.toMatchObject(full);
  const command = openSqliteStore(folder, { exclusive: false });
  await command.remove({ ids: [first.id] });
  await command.close();
  await put(store, Buffer.alloc(100_000));
});

test('what was given up counts, for its body is still there', async () => {
  const store = open({ maxMessages: 1 });
  const message = await put(store, 'a');
  await store.record(message.id, {
    attempt: { startedAtMs: 0, durationMs: 1, outcomes: [] },
    recipients: message.recipients.map((each) => ({ ...each, state: 'failed' })),
    state: 'failed',
    nextAttemptAtMs: 0,
  });
  await expect(store.assertRoom(0)).rejects.toMatchObject(full);
});

test('the disk keeps the free space it shall keep', async () => {
  const folder = temporaryFolder();
  const store = open({ minFreeOctets: 2 ** 52 }, folder);
  await expect(store.assertRoom(0)).rejects.toMatchObject(full);
  await expect(put(store, 'a')).rejects.toMatchObject(full);
  await expect(put(store, Buffer.alloc(100_000))).rejects.toMatchObject(full);
  expect(await store.list({}, 10)).toEqual([]);
});

test('on a full disk nothing is half accepted, deliveries are recorded, and it recovers by itself (on a disk of its own)', async (context) => {
  const disk = smallDisk(context, 48);
  const store = open({}, disk.folder);
  const waiting: QueuedMessage[] = [];
  for (let i = 0; i < 100; i++) waiting.push(await put(store, `small ${i}`));
  for (let i = 0; i < 5; i++) waiting.push(await put(store, Buffer.alloc(100_000, `${i}`)));

  // Until no message of any size fits any more.
  disk.fill();
  const sizes = [10, 60_000, 100_000, 3_000_000];
  for (const size of sizes) {
    for (;;) {
      const accepted = await receive(store, Buffer.alloc(size)).catch((error: unknown) => error);
      if (accepted instanceof Error) {
        expect(accepted).toMatchObject(full);
        break;
      }
      waiting.push(accepted as QueuedMessage);
    }
  }
  expect(await store.count('queued')).toBe(waiting.length);
  const bodies = readdirSync(join(disk.folder, 'bodies'));
  expect(bodies.length).toBe(waiting.filter(({ size }) => size > 65_536).length);

  for (const message of waiting) {
    expect((await buffer(await store.open(message.id))).length).toBe(message.size);
    await deliver(store, message);
  }
  expect([await store.count('queued'), await store.count('delivered')]).toEqual([0, waiting.length]);

  disk.fill();
  await expect(store.assertRoom(2_000_000)).rejects.toMatchObject(full);
  disk.relieve();
  await store.assertRoom(0);
  expect(statSync(join(disk.folder, 'reserve')).size).toBe(reserveOctets);
  await put(store, Buffer.alloc(100_000));
});

test('a command clears a full queue out (on a disk of its own)', async (context) => {
  const disk = smallDisk(context, 32);
  const bridge = open({}, disk.folder);
  for (let i = 0; i < 50; i++) await put(bridge, `small ${i}`, newMessage());
  disk.fill();
  const command = openSqliteStore(disk.folder, { exclusive: false });
  onTestFinished(() => command.close());
  expect(await command.hold({})).toBe(50);
  expect(await command.remove({})).toBe(50);
  expect(freeOctets(disk.folder)).toBeGreaterThan(0);
});

test('on a disk without a free octet the queue opens by what was set aside for that (on a disk of its own)', async (context) => {
  const disk = smallDisk(context, 64);
  const folder = join(disk.folder, 'queue');
  const before = openSqliteStore(folder, { exclusive: true, room: { minFreeOctets: 0 } });
  const message = await put(before, 'kept');
  await before.close();
  expect(statSync(join(folder, 'reserve')).size).toBe(reserveOctets);
  disk.fill();
  const store = open({}, folder);
  expect((await store.get(message.id))?.state).toBe('queued');
  await deliver(store, message);
  expect(await store.count('queued')).toBe(0);
});

describe('where there is no room to note that an attempt begins', () => {
  async function begun(error: Error) {
    const store = openSqliteStore(temporaryFolder(), { exclusive: true });
    onTestFinished(() => store.close());
    const { id } = await put(store, 'x');
    const spies = [
      vi.spyOn(CommitGroup.prototype, 'run').mockRejectedValue(error),
      vi.spyOn(Reserve.prototype, 'release').mockReturnValue(false),
    ];
    try {
      return { id, begun: await store.begin(id, { courier: 'graph', startedAtMs: 0 }) };
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  }

  test('it begins all the same, for it makes room', async () => {
    const { id, begun: message } = await begun(Object.assign(new Error('full'), { code: 'ENOSPC' }));
    expect(message).toMatchObject({ id, state: 'queued' });
  });

  test('any other failure stops it', async () => {
    const damaged = new BridgeError('queue-damaged', 'x');
    await expect(begun(damaged)).rejects.toBe(damaged);
    await expect(begun(new Error('disk I/O error'))).rejects.toThrow('disk I/O error');
  });
});
