import {
  closeSync,
  linkSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buffer } from 'node:stream/consumers';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { assertWholeCopy, copyQueue, forgetWhatEnded } from '../../../../src/queue/stores/sqlite/copy.ts';
import { openSqliteStore } from '../../../../src/queue/stores/sqlite/store.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { put } from '../store-contract.ts';

/** What the file system refuses, by the name of the call. */
const faults = vi.hoisted(() => ({
  linkSync: undefined as string | undefined,
  copyFileSync: undefined as string | undefined,
}));

vi.mock('node:fs', async (original) => {
  const whole = await original<typeof import('node:fs')>();
  const faulty =
    (name: 'linkSync' | 'copyFileSync') =>
    (...given: [string, string]) => {
      const code = faults[name];
      if (code !== undefined) throw Object.assign(new Error(`${name} ${code}`), { code });
      whole[name](...given);
    };
  return { ...whole, linkSync: faulty('linkSync'), copyFileSync: faulty('copyFileSync') };
});

beforeEach(() => {
  faults.linkSync = faults.copyFileSync = undefined;
});

const large = 'large'.padEnd(70_000);

/** A queue with these messages that nobody has open. */
async function queueOf(...contents: string[]) {
  const folder = temporaryFolder();
  const store = openSqliteStore(folder, { exclusive: true });
  const ids = (await Promise.all(contents.map((content) => put(store, content)))).map(({ id }) => id);
  await store.close();
  return { folder, file: join(folder, 'queue.sqlite'), ids };
}

/** Makes pages of a database unreadable. */
function spoil(file: string, fromPage: number): void {
  const pageBytes = 4096;
  const { size } = statSync(file);
  const fd = openSync(file, 'r+');
  const from = fromPage < 0 ? size + fromPage * pageBytes : fromPage * pageBytes;
  writeSync(fd, Buffer.alloc(size - from, 0xff), 0, size - from, from);
  closeSync(fd);
}

describe('a file system without hard links', () => {
  test('has the bodies copied', async () => {
    const { folder, ids } = await queueOf(large);
    faults.linkSync = 'EPERM';
    const into = temporaryFolder();
    const name = `${ids[0]}.eml`;
    expect(await copyQueue(folder, into)).toMatchObject({ bodies: [name], withoutBody: [] });
    assertWholeCopy(into, []);
    expect(statSync(join(into, 'bodies', name)).ino).not.toBe(statSync(join(folder, 'bodies', name)).ino);
    const copy = openSqliteStore(into, { exclusive: true });
    onTestFinished(() => copy.close());
    expect((await buffer(await copy.open(ids[0] as string))).toString()).toBe(large);
  });

  test('may have a body go before it is copied, and tells of any other failure', async () => {
    const { folder, ids } = await queueOf(large);
    faults.linkSync = 'EPERM';
    faults.copyFileSync = 'ENOENT';
    expect(await copyQueue(folder, temporaryFolder())).toMatchObject({ bodies: [], withoutBody: ids });
    faults.copyFileSync = 'ENOSPC';
    await expect(copyQueue(folder, temporaryFolder())).rejects.toMatchObject({ code: 'ENOSPC' });
  });
});

test('a body that goes after it was linked, while its message is spoken of still, is in the copy', async () => {
  const { folder, ids } = await queueOf(large);
  const into = temporaryFolder();
  const name = `${ids[0]}.eml`;
  const afterLinks = () => rmSync(join(folder, 'bodies', name), { force: true });
  expect(await copyQueue(folder, into, { afterLinks })).toMatchObject({ bodies: [name], withoutBody: [] });
  assertWholeCopy(into, []);
});

test('what was linked for one moment is there for the next', async () => {
  const { folder, ids } = await queueOf(large);
  const change = (sql: string) => {
    const db = new DatabaseSync(join(folder, 'queue.sqlite'));
    db.exec(sql);
    db.close();
  };
  const row = (
    name: string,
  ) => `INSERT INTO messages SELECT '${name}', lane, account, connection, mailbox, courier, envelope,
    recipients, is_bounce, size, '${name}.eml', state, attempts, received_at, expires_at, next_attempt_at, finished_at,
    body_crc, damage, delay_told, subject, internet_message_id, notice_about FROM messages LIMIT 1`;
  let tries = 0;
  const copy = await copyQueue(folder, temporaryFolder(), {
    afterLinks: () => {
      if (++tries > 1) {
        change(`DELETE FROM messages WHERE id = 'third'`);
        return;
      }
      linkSync(join(folder, 'bodies', `${ids[0]}.eml`), join(folder, 'bodies', 'second.eml'));
      change(row('second'));
      change(row('third'));
    },
  });
  expect(tries).toBe(2);
  expect([...copy.bodies].sort()).toEqual([`${ids[0]}.eml`, 'second.eml'].sort());
  expect(copy.withoutBody).toEqual([]);
});

describe('a folder of bodies', () => {
  test('that is not there has none', async () => {
    const { folder } = await queueOf('small');
    rmSync(join(folder, 'bodies'), { recursive: true, force: true });
    expect(await copyQueue(folder, temporaryFolder())).toMatchObject({ bodies: [], messages: { queued: 1 } });
  });

  test('that is none stops a copy', async () => {
    const { folder } = await queueOf('small');
    rmSync(join(folder, 'bodies'), { recursive: true, force: true });
    writeFileSync(join(folder, 'bodies'), '');
    await expect(copyQueue(folder, temporaryFolder())).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  test('has files in it that are no bodies: they stay where they are', async () => {
    const { folder, ids } = await queueOf(large);
    writeFileSync(join(folder, 'bodies', 'notes.txt'), '');
    const into = temporaryFolder();
    await copyQueue(folder, into);
    expect(readdirSync(join(into, 'bodies'))).toEqual([`${ids[0]}.eml`]);
  });
});

describe('a database', () => {
  const damaged = (file: string) => ({ code: 'queue-damaged', message: `The queue at ${file} is damaged.` });

  test('that cannot be read to its end is told as damaged, with why', async () => {
    const { folder, file } = await queueOf('small');
    spoil(file, 1);
    await expect(copyQueue(folder, temporaryFolder())).rejects.toMatchObject({
      ...damaged(file),
      cause: { code: 'ERR_SQLITE_ERROR' },
    });
  });

  test('of which the copy is not whole is told as damaged, though all that was read of it was', async () => {
    const { folder, file } = await queueOf(...Array.from({ length: 50 }, (_, at) => `${at}`.padEnd(3_000)));
    spoil(file, -1);
    await expect(copyQueue(folder, temporaryFolder())).rejects.toMatchObject(damaged(file));
  });

  test('that is a link is not followed', async () => {
    const { file } = await queueOf('small');
    const folder = temporaryFolder();
    symlinkSync(file, join(folder, 'queue.sqlite'));
    await expect(copyQueue(folder, temporaryFolder())).rejects.toThrow(/queue\.sqlite/);
  });

  test('that is none cannot be opened', async () => {
    const { folder, file } = await queueOf('small');
    writeFileSync(file, 'this is no database, however long it is'.padEnd(9_000));
    await expect(copyQueue(folder, temporaryFolder())).rejects.toMatchObject({
      code: 'queue-unreadable',
      message: expect.stringContaining(`The queue at ${file} cannot be opened (`),
    });
  });

  test('that is large tells how far its copy has come', async () => {
    const { folder } = await queueOf(...Array.from({ length: 250 }, () => 'x'.repeat(60_000)));
    const seen: [number, number][] = [];
    await copyQueue(folder, temporaryFolder(), { onProgress: (done, total) => seen.push([done, total]) });
    expect(seen.length).toBeGreaterThan(0);
    for (const [done, total] of seen) expect(done).toBeLessThanOrEqual(total);
    expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).toSorted((a, b) => a - b));
    expect(seen[0]?.[0]).toBe(1_000);
  });
});

test('a copy of a later version cannot be taken for the queue', async () => {
  const { folder } = await queueOf('small');
  const into = temporaryFolder();
  await copyQueue(folder, into);
  const db = new DatabaseSync(join(into, 'queue.sqlite'));
  db.exec('PRAGMA user_version = 999');
  db.close();
  expect(() => assertWholeCopy(into, [])).toThrow(expect.objectContaining({ code: 'queue-format-newer' }));
});

test('a copy of which nobody knows what was sent since begins with every message in doubt', async () => {
  const { folder } = await queueOf('small');
  const unfinishedIn = async (into: string) => {
    const store = openSqliteStore(into, { exclusive: true, boot: 'boot-1' });
    const [message] = await store.list({}, 1);
    await store.close();
    return message?.unfinished !== undefined;
  };
  const [plain, forgotten] = [temporaryFolder(), temporaryFolder()];
  await copyQueue(folder, plain);
  await copyQueue(folder, forgotten);
  forgetWhatEnded(forgotten);
  expect([await unfinishedIn(plain), await unfinishedIn(forgotten)]).toEqual([false, true]);
});
