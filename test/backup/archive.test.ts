import './quick-scrypt.ts';
import { createCipheriv } from 'node:crypto';
import { createReadStream, createWriteStream, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import { packTar, type TarEntry } from 'modern-tar';
import { describe, expect, test } from 'vitest';
import { type ArchiveEntry, readArchive, writeArchive } from '../../src/backup/archive.ts';
import { sealed } from '../../src/backup/seal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const passphrase = 'correct horse battery';
const mtime = new Date(0);

/** Noise that gzip cannot compress, always the same. */
function noise(bytes: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

async function written(entries: readonly ArchiveEntry[]): Promise<string> {
  const file = join(temporaryFolder(), 'archive');
  await writeArchive(entries, createWriteStream(file), { passphrase });
  return file;
}

async function read(file: string, word = passphrase): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const take = async ({ name, content }: { readonly name: string; readonly content: ReadableStream<Uint8Array> }) => {
    found.set(name, await buffer(content));
  };
  await readArchive(createReadStream(file, { highWaterMark: 10_000 }), 'FILE', take, { passphrase: word });
  return found;
}

test('what is written is read, whatever its size', async () => {
  const large = join(temporaryFolder(), 'large');
  writeFileSync(large, noise(1_000_000));
  const entries = [
    { name: 'empty', content: Buffer.alloc(0), mtime },
    { name: 'a/b/c', content: Buffer.from('text'), mtime },
    { name: `long/${'x'.repeat(220)}`, content: Buffer.from('long'), mtime },
    { name: 'large', content: large, mtime },
  ];
  const found = await read(await written(entries));
  expect([...found.keys()]).toEqual(entries.map(({ name }) => name));
  expect(found.get('a/b/c')?.toString()).toBe('text');
  expect(found.get('large')?.equals(readFileSync(large))).toBe(true);
});

describe('a file that is not a whole backup', () => {
  const entries = [{ name: 'noise', content: noise(300_000), mtime }];

  test('is refused with a wrong passphrase', async () => {
    const file = await written(entries);
    await expect(read(file, 'correct horse batterz')).rejects.toMatchObject({ code: 'backup-passphrase-wrong' });
  });

  test('is refused wherever it is cut', async () => {
    const file = await written(entries);
    const { size } = statSync(file);
    const piece = 65_552;
    expect(size).toBeGreaterThan(4 * piece);
    // The last of the pieces that are whole ends where the header ends, and some pieces on.
    const header = readFileSync(file).indexOf('\n', readFileSync(file).indexOf('\n---') + 1) + 1 + 16;
    for (const length of [size - 1, size - 40_000, header + 3 * piece, header, 500, header - 20, 100, 21, 3, 0]) {
      truncateSync(file, length);
      await expect(read(file), `${length} bytes`).rejects.toMatchObject({ code: 'backup-incomplete' });
    }
  });

  test('is refused wherever one byte was changed', async () => {
    const file = await written(entries);
    const original = readFileSync(file);
    const codes = new Set<string>();
    for (let at = 0; at < original.length; at += at < 240 ? 7 : 9001) {
      const changed = Buffer.from(original);
      changed[at] = (changed[at] ?? 0) ^ 1;
      writeFileSync(file, changed);
      const error = await read(file).then(
        () => ({ code: `not found at ${at}` }),
        (error: { code: string }) => error,
      );
      codes.add(error.code);
      if (at > 1000 && at < original.length - 65_552) expect(error.code).toBe('backup-damaged');
    }
    expect([...codes].filter((code) => !/^backup-/.test(code))).toEqual([]);
  });

  test('is refused where something was put behind it', async () => {
    const file = await written(entries);
    writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from('more')]));
    await expect(read(file)).rejects.toMatchObject({ code: expect.stringMatching(/^backup-(incomplete|damaged)$/) });
  });

  test.each([
    ['of a later age', 'age-encryption.org/v2\n-> scrypt x 2\nx\n--- x\nx', 'backup-format-newer'],
    ['a configuration', '{ "dataDir": "data" }', 'backup-unreadable'],
    ['for a key', 'age-encryption.org/v1\n-> X25519 x\nx\n--- x\nx', 'backup-unreadable'],
    ['without an end of its header', 'age-encryption.org/v1\n'.padEnd(10_000, 'x'), 'backup-unreadable'],
  ])('is refused where it is %s', async (_, content, code) => {
    const file = join(temporaryFolder(), 'archive');
    writeFileSync(file, content);
    await expect(read(file)).rejects.toMatchObject({ code });
  });
});

describe('an archive that somebody made', () => {
  async function made(content: Buffer): Promise<string> {
    const file = join(temporaryFolder(), 'archive');
    await pipeline(
      sealed(
        (async function* () {
          yield content;
        })(),
        passphrase,
      ),
      createWriteStream(file),
    );
    return file;
  }

  async function archiveOf(...entries: TarEntry[]): Promise<string> {
    return await made(gzipSync(await packTar(entries)));
  }

  test.each(['../escape', 'data/../../escape', '/etc/passwd', './x', 'a//b', 'C:\\x', 'a\\..\\b', 'a\u0000b/..', '..'])(
    'cannot name %j',
    async (name) => {
      const file = await archiveOf({ header: { name, size: 1, type: 'file' }, body: 'x' });
      const found = await read(file).catch((error: { code: string }) => error.code);
      // A name ends at its first NUL.
      if (name.startsWith('a\u0000')) expect(found).toEqual(new Map([['a', Buffer.from('x')]]));
      else expect(found).toBe('backup-damaged');
    },
  );

  test.each(['symlink', 'link', 'directory', 'fifo', 'character-device'] as const)('cannot hold a %s', async (type) => {
    const file = await archiveOf({ header: { name: 'data/token.key', size: 0, type, linkname: '/etc/passwd' } });
    await expect(read(file)).rejects.toMatchObject({ code: 'backup-damaged' });
  });

  test.each([
    ['no archive', gzipSync(noise(5000))],
    ['no gzip', noise(5000)],
    ['half a gzip', gzipSync(noise(5000)).subarray(0, 2000)],
    ['nothing', gzipSync('')],
  ])('cannot be %s', async (_, content) => {
    await expect(read(await made(content))).rejects.toMatchObject({ code: 'backup-damaged' });
  });
});

test('a source that is gone is named, and a destination that fails ends all', async () => {
  const gone = join(temporaryFolder(), 'gone');
  const file = join(temporaryFolder(), 'archive');
  await expect(
    writeArchive([{ name: 'gone', content: gone, mtime }], createWriteStream(file), { passphrase }),
  ).rejects.toMatchObject({ code: 'backup-file-unreadable', message: `${gone} cannot be read (ENOENT).` });
  const full = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error(), { code: 'ENOSPC' })),
  });
  await expect(
    writeArchive([{ name: 'noise', content: noise(1_000_000), mtime }], full, { passphrase }),
  ).rejects.toMatchObject({ code: 'ENOSPC' });
});

test('Ctrl-C ends it with the reason given', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const slow = new Writable({
    write: (_chunk, _encoding, done) => {
      controller.abort(reason);
      setTimeout(done, 10);
    },
  });
  const options = { passphrase, signal: controller.signal };
  await expect(writeArchive([{ name: 'noise', content: noise(1_000_000), mtime }], slow, options)).rejects.toBe(reason);
});

test('Ctrl-C ends the reading, too', async () => {
  const file = await written([{ name: 'noise', content: noise(1_000_000), mtime }]);
  const controller = new AbortController();
  const reason = new Error('enough');
  const options = { passphrase, signal: controller.signal, onBytes: () => controller.abort(reason) };
  const take = async ({ content }: { readonly content: ReadableStream<Uint8Array> }) => void (await buffer(content));
  await expect(readArchive(createReadStream(file), 'FILE', take, options)).rejects.toBe(reason);
});
