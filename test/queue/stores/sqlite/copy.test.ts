import { linkSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import type { QueuedMessage } from '../../../../src/queue/message.ts';
import type { AttemptResult, QueueStore } from '../../../../src/queue/store.ts';
import { assertWholeCopy, copyQueue } from '../../../../src/queue/stores/sqlite/copy.ts';
import { openSqliteStore } from '../../../../src/queue/stores/sqlite/store.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { put } from '../store-contract.ts';

const small = 'small'.padEnd(500);
const large = 'large'.padEnd(70_000);

function openQueue(folder = temporaryFolder()) {
  const store = openSqliteStore(folder, { exclusive: true });
  let isClosed = false;
  const close = async () => {
    if (!isClosed) await store.close();
    isClosed = true;
  };
  onTestFinished(close);
  return { folder, store, close };
}

function deliver(store: QueueStore, message: QueuedMessage): Promise<unknown> {
  const result: AttemptResult = {
    attempt: { startedAtMs: message.receivedAtMs, durationMs: 1, outcomes: [] },
    recipients: message.recipients.map((each) => ({ ...each, state: 'delivered' })),
    state: 'delivered',
    nextAttemptAtMs: message.receivedAtMs,
  };
  return store.record(message.id, result);
}

/** Opens a copy as a bridge would, and reads every waiting message to its end, which verifies its checksum. */
async function readAll(folder: string): Promise<readonly QueuedMessage[]> {
  const store = openSqliteStore(folder, { exclusive: true });
  try {
    const found = await store.list({ states: ['queued', 'held'] }, 10_000);
    for (const { id, size } of found) expect((await buffer(await store.open(id))).length).toBe(size);
    return found;
  } finally {
    await store.close();
  }
}

test('a copy has every waiting message with its body, and the original stays as it is', async () => {
  const { folder, store } = openQueue();
  const messages = [await put(store, small), await put(store, large), await put(store, large)];
  await store.hold({ ids: [messages[2]?.id ?? ''] });
  await deliver(store, await put(store, large));
  const into = temporaryFolder();
  const copy = await copyQueue(folder, into);
  expect(copy).toMatchObject({ messages: { queued: 2, held: 1, delivered: 1 }, withoutBody: [] });
  expect([...copy.bodies].sort()).toEqual(readdirSync(join(folder, 'bodies')).sort());
  assertWholeCopy(into, []);
  expect(readdirSync(into).sort()).toEqual(['bodies', 'queue.sqlite']);
  expect((await readAll(into)).map(({ id }) => id)).toEqual(messages.map(({ id }) => id));
  for (const { id, size } of messages) expect((await buffer(await store.open(id))).length).toBe(size);
});

test('while a bridge accepts and delivers, every copy is whole', { timeout: 60_000 }, async () => {
  const { folder, store } = openQueue();
  let goesOn = true;
  let count = 0;
  const work = async () => {
    while (goesOn) {
      const message = await put(store, count % 2 === 0 ? large : small);
      count += 1;
      // It depends on timing whether some bodies exist when a copy is made.
      if (count % 5 !== 0) await deliver(store, message);
      else await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const workers = [work(), work(), work()];
  const waiting: number[] = [];
  for (let round = 0; round < 12; round++) {
    const into = temporaryFolder();
    await copyQueue(folder, into);
    assertWholeCopy(into, []);
    waiting.push((await readAll(into)).length);
  }
  goesOn = false;
  await Promise.all(workers);
  expect(waiting.at(-1)).toBeGreaterThan(waiting[0] ?? 0);
});

/** As another process of the bridge does. */
function changeQueue(folder: string, sql: string): void {
  const db = new DatabaseSync(join(folder, 'queue.sqlite'));
  db.exec(sql);
  db.close();
}

/** A second row like the only existing one. */
const secondRow = `INSERT INTO messages SELECT 'second', lane, account, connection, mailbox, courier, envelope, recipients,
  is_bounce, size, 'second.eml', state, attempts, received_at, expires_at, next_attempt_at, finished_at, body_crc, damage,
  delay_told, subject, internet_message_id, notice_about FROM messages`;

test('in a copy the notices about a message are found, as in the queue', async () => {
  const { folder, store } = openQueue();
  const { id } = await put(store, small, { isBounce: true, noticeAbout: 'm1' });
  const into = temporaryFolder();
  await copyQueue(folder, into);
  const copy = openQueue(into);
  expect((await copy.store.list({ noticeAbout: 'm1' }, 10)).map((message) => message.id)).toEqual([id]);
});

test('a body that goes in the very moment of the copy makes it choose another moment', async () => {
  const { folder, store } = openQueue();
  const { id } = await put(store, large);
  let tries = 0;
  const into = temporaryFolder();
  const copy = await copyQueue(folder, into, {
    afterLinks: () => {
      tries += 1;
      // Accepted after the links, with its body gone when it is looked for; the second time it is delivered.
      if (tries === 1) changeQueue(folder, secondRow);
      else changeQueue(folder, `DELETE FROM messages WHERE id = 'second'`);
    },
  });
  expect(tries).toBe(2);
  expect(copy).toMatchObject({ messages: { queued: 1 }, bodies: [`${id}.eml`], withoutBody: [] });
  expect(await readAll(into)).toHaveLength(1);
});

test('where bodies go in every moment, it gives up', async () => {
  const { folder, store } = openQueue();
  await put(store, large);
  let tries = 0;
  const copy = copyQueue(folder, temporaryFolder(), {
    afterLinks: () => {
      tries += 1;
      changeQueue(folder, secondRow.replaceAll('second', `other${tries}`).concat(' LIMIT 1'));
      changeQueue(folder, `DELETE FROM messages WHERE id = 'other${tries - 1}'`);
    },
  });
  await expect(copy).rejects.toMatchObject({ code: 'queue-too-busy', kind: 'temporary' });
  expect(tries).toBe(10);
});

test('a message that comes between links and copy is in it', async () => {
  const { folder, store } = openQueue();
  const into = temporaryFolder();
  const first = await put(store, large);
  await copyQueue(folder, into, {
    afterLinks: () => {
      linkSync(join(folder, 'bodies', `${first.id}.eml`), join(folder, 'bodies', 'second.eml'));
      changeQueue(folder, secondRow);
    },
  });
  expect((await readAll(into)).map(({ id }) => id)).toContain('second');
});

test('a body that was lost before does not stop a copy, and is named', async () => {
  const { folder, store } = openQueue();
  const [kept, lost] = [await put(store, large), await put(store, large)];
  rmSync(join(folder, 'bodies', `${lost.id}.eml`));
  const into = temporaryFolder();
  expect(await copyQueue(folder, into)).toMatchObject({ bodies: [`${kept.id}.eml`], withoutBody: [lost.id] });
  assertWholeCopy(into, [lost.id]);
  expect(() => assertWholeCopy(into, [])).toThrow(expect.objectContaining({ code: 'queue-body-missing' }));
});

test('a link in the place of a body is not followed', async () => {
  const { folder, store } = openQueue();
  const message = await put(store, large);
  const body = join(folder, 'bodies', `${message.id}.eml`);
  const secret = join(temporaryFolder(), 'secret');
  writeFileSync(secret, 'not a message');
  rmSync(body);
  symlinkSync(secret, body);
  const into = temporaryFolder();
  expect(await copyQueue(folder, into)).toMatchObject({ bodies: [], withoutBody: [message.id] });
  expect(readdirSync(join(into, 'bodies'))).toEqual([]);
});

test('a copy with half a body, or with a database of a later version, is refused', async () => {
  const { folder, store, close } = openQueue();
  const message = await put(store, large);
  const into = temporaryFolder();
  await copyQueue(folder, into);
  truncateSync(join(into, 'bodies', `${message.id}.eml`), 10);
  expect(() => assertWholeCopy(into, [])).toThrow(expect.objectContaining({ code: 'queue-body-missing' }));
  await close();
  const db = new DatabaseSync(join(folder, 'queue.sqlite'));
  db.exec('PRAGMA user_version = 999');
  db.close();
  await expect(copyQueue(folder, temporaryFolder())).rejects.toMatchObject({ code: 'queue-format-newer' });
});
