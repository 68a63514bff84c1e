import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import type { QueuedMessage } from '../../../../src/queue/message.ts';
import { FileSpool, inlineBodyBytes, type SpooledBody } from '../../../../src/queue/stores/sqlite/spool.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { newMessage } from '../store-contract.ts';

const megabyte = 1024 * 1024;

/** A spool, and what it asks of its queue. */
function world({ known, failing }: { known?: QueuedMessage; failing?: 'insert' | 'disk' } = {}) {
  const bodyFolder = temporaryFolder();
  const inserted: SpooledBody[] = [];
  const looks: number[] = [];
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  const spool = new FileSpool('m1', {
    bodyFolder,
    insert: async (_id, _message, body) => {
      if (failing === 'insert') throw full;
      inserted.push(body);
      return known;
    },
    assertDisk: async (bytes) => {
      looks.push(bytes);
      if (failing === 'disk') throw full;
    },
  });
  return { spool, inserted, looks, file: join(bodyFolder, 'm1.eml') };
}

test('up to 64 kB a message stays in memory, in memory of its own', async () => {
  const { spool, inserted, looks, file } = world();
  const chunk = Buffer.alloc(inlineBodyBytes / 2, 'a');
  expect(spool.write(chunk)).toBeUndefined();
  expect(spool.write(chunk)).toBeUndefined();
  expect(await buffer(spool.open())).toEqual(Buffer.alloc(inlineBodyBytes, 'a'));
  const message = newMessage();
  expect(await spool.commit(message)).toMatchObject({ id: 'm1', size: inlineBodyBytes, account: message.account });
  chunk.fill('b');
  expect(inserted).toEqual([{ size: inlineBodyBytes, content: Buffer.alloc(inlineBodyBytes, 'a') }]);
  const [body] = inserted;
  expect(body && 'content' in body && body.content.buffer.byteLength).toBe(inlineBodyBytes);
  expect([looks, existsSync(file)]).toEqual([[], false]);
});

test('one octet more goes to a file that nobody else may read, with its checksum', async () => {
  const { spool, inserted, file } = world();
  const pieces = [Buffer.alloc(inlineBodyBytes, 'a'), Buffer.from('b'), Buffer.alloc(1000, 'c')];
  for (const piece of pieces) await spool.write(piece);
  const whole = Buffer.concat(pieces);
  expect(await buffer(spool.open())).toEqual(whole);
  await spool.commit(newMessage());
  expect(inserted).toEqual([{ size: whole.length, file: 'm1.eml', crc: crc32(whole) }]);
  expect(readFileSync(file)).toEqual(whole);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('a message that the queue has already is told as that', async () => {
  const known = { id: 'earlier' } as QueuedMessage;
  const { spool } = world({ known });
  await spool.write(Buffer.from('x'));
  expect(await spool.commit(newMessage())).toBe(known);
});

test('the disk is looked at when a file begins, and again after each megabyte', async () => {
  const { spool, looks } = world();
  await spool.write(Buffer.alloc(inlineBodyBytes + 1));
  expect(looks).toEqual([megabyte]);
  await spool.write(Buffer.alloc(megabyte));
  expect(looks).toHaveLength(1);
  await spool.write(Buffer.alloc(1));
  expect(looks).toHaveLength(2);
  await spool.write(Buffer.alloc(megabyte));
  expect(looks).toHaveLength(2);
  await spool.write(Buffer.alloc(1));
  expect(looks).toHaveLength(3);
});

test.each(['disk', 'insert'] as const)('a full disk is told as such (%s)', async (failing) => {
  const { spool } = world({ failing });
  const large = async () => {
    await spool.write(Buffer.alloc(inlineBodyBytes + 1));
    await spool.commit(newMessage());
  };
  await expect(large()).rejects.toMatchObject({ code: failing === 'disk' ? 'ENOSPC' : 'queue-full' });
});

test('a file that is there already is never written over', async () => {
  const { spool, file } = world();
  writeFileSync(file, 'of another message');
  await expect(spool.write(Buffer.alloc(inlineBodyBytes + 1))).rejects.toMatchObject({ code: 'EEXIST' });
  expect(readFileSync(file, 'latin1')).toBe('of another message');
});

test('what is discarded is gone; what is committed, or was never there, is left', async () => {
  const large = Buffer.alloc(inlineBodyBytes + 1);
  const dropped = world();
  await dropped.spool.write(large);
  expect(existsSync(dropped.file)).toBe(true);
  await dropped.spool.discard();
  expect(existsSync(dropped.file)).toBe(false);
  await dropped.spool.discard();
  const kept = world();
  await kept.spool.write(large);
  await kept.spool.commit(newMessage());
  await kept.spool.discard();
  expect(existsSync(kept.file)).toBe(true);
  const refused = world({ failing: 'insert' });
  await refused.spool.write(large);
  await refused.spool.commit(newMessage()).catch(() => {});
  await refused.spool.discard();
  expect(existsSync(refused.file)).toBe(false);
  const small = world();
  writeFileSync(small.file, 'of another message');
  await small.spool.write(Buffer.from('x'));
  await small.spool.discard();
  expect(existsSync(small.file)).toBe(true);
});
