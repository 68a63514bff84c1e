import { expect, onTestFinished, test } from 'vitest';
import type { QueuedMessage } from '../../../../src/queue/message.ts';
import type { AttemptResult } from '../../../../src/queue/store.ts';
import { openSqliteStore, type RoomLimits } from '../../../../src/queue/stores/sqlite/store.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { newMessage, put } from '../store-contract.ts';

function opened(room: Partial<RoomLimits>, folder = temporaryFolder(), exclusive = true) {
  const store = openSqliteStore(folder, { exclusive, room: { minFreeOctets: 0, ...room } });
  onTestFinished(() => store.close());
  const hasRoom = async (octets = 1) => {
    try {
      await store.assertRoom(octets);
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: 'queue-full' });
      return false;
    }
  };
  return { store, hasRoom, folder };
}

function result(message: QueuedMessage, state: 'delivered' | 'failed', bounce?: Buffer): AttemptResult {
  return {
    attempt: { startedAtMs: message.receivedAtMs, durationMs: 1, outcomes: [] },
    ...{ recipients: message.recipients, state, nextAttemptAtMs: message.receivedAtMs },
    ...(bounce ? { bounces: [{ message: newMessage({ isBounce: true }), content: bounce }] } : {}),
  };
}

test('a queue is full of the messages whose body is kept: delivered ones make room, failed ones do not', async () => {
  const { store, hasRoom } = opened({ maxMessages: 2 });
  expect(await hasRoom()).toBe(true);
  const [one, two] = [await put(store, 'x'), await put(store, 'y')];
  expect(await hasRoom()).toBe(false);
  await expect(put(store, 'z')).rejects.toMatchObject({ code: 'queue-full' });
  await store.record(one.id, result(one, 'failed'));
  expect(await hasRoom()).toBe(false);
  await store.record(two.id, result(two, 'delivered'));
  expect(await hasRoom()).toBe(true);
});

test('octets are counted as messages come and go', async () => {
  const { store, hasRoom } = opened({ maxOctets: 1000 });
  const message = await put(store, Buffer.alloc(600));
  expect([await hasRoom(400), await hasRoom(401)]).toEqual([true, false]);
  await put(store, Buffer.alloc(400));
  expect(await hasRoom(1)).toBe(false);
  await store.record(message.id, result(message, 'delivered'));
  expect([await hasRoom(600), await hasRoom(601)]).toEqual([true, false]);
  await store.remove({});
  expect([await hasRoom(1000), await hasRoom(1001)]).toEqual([true, false]);
});

test('notifications count, whatever brought them in', async () => {
  const { store, hasRoom } = opened({ maxOctets: 100 });
  const [one, two, three] = [await put(store, 'x'), await put(store, 'y'), await put(store, 'z')];
  expect([await hasRoom(97), await hasRoom(98)]).toEqual([true, false]);
  await store.record(one.id, result(one, 'failed', Buffer.alloc(10)));
  expect([await hasRoom(87), await hasRoom(88)]).toEqual([true, false]);
  const bounce = { message: newMessage({ isBounce: true }), content: Buffer.alloc(20) };
  await store.giveUp(two.id, { recipients: two.recipients, finishedAtMs: 1, bounces: [bounce] });
  expect([await hasRoom(67), await hasRoom(68)]).toEqual([true, false]);
  await store.noteDelayTold(three.id, bounce);
  expect([await hasRoom(47), await hasRoom(48)]).toEqual([true, false]);
});

test('what another process has changed is counted anew', async () => {
  const { store, hasRoom, folder } = opened({ maxMessages: 1 });
  await put(store, 'x');
  expect(await hasRoom()).toBe(false);
  const command = opened({}, folder, false);
  await command.store.remove({});
  expect(await hasRoom()).toBe(true);
});

test('what comes from another queue counts, too', async () => {
  const { store, hasRoom } = opened({ maxMessages: 2 });
  const message = await put(store, 'x');
  expect(await hasRoom()).toBe(true);
  const kept = { message: { ...message, id: 'another' }, bodyCrc: undefined, isDelayTold: false, attempts: [] };
  expect(await store.transfer.adopt(kept)).toMatchObject({ id: 'another', state: 'quarantined' });
  expect(await hasRoom()).toBe(false);
});
