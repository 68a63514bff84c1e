import { basename, dirname, join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { removeDurably, renameDurably, writePrivateFile } from '../../src/base/files/private-file.ts';
import { writeWholeFile } from '../../src/onboarding/whole-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** What was done to the disk, in order. */
const disk = vi.hoisted(() => [] as string[]);

vi.mock('node:fs', async (original) => {
  const { tracedFs } = await import('../support/file-trace.ts');
  return tracedFs(await original(), (event) => disk.push(event));
});
vi.mock('node:fs/promises', async (original) => {
  const { tracedPromises } = await import('../support/file-trace.ts');
  return tracedPromises(await original(), (event) => disk.push(event));
});

beforeEach(() => {
  disk.length = 0;
});

/** A file, and the name of its folder. */
function place() {
  const file = join(temporaryFolder(), 'token');
  return { file, folder: basename(dirname(file)) };
}

test('a refresh token is on disk before it takes the place of the old one, and its name after that', async () => {
  const { file, folder } = place();
  await writePrivateFile(file, Buffer.from('sealed'));
  expect(disk).toEqual([
    'remove token.tmp',
    'write token.tmp',
    'sync token.tmp',
    'rename token.tmp token',
    `sync ${folder}`,
  ]);
});

test('a configuration is on disk before it takes the place of the old one', async () => {
  const { file, folder } = place();
  await writeWholeFile(file, '{}', 0o600);
  const temporary = disk[0]?.split(' ')[1];
  expect(disk).toEqual([`write ${temporary}`, `sync ${temporary}`, `rename ${temporary} token`, `sync ${folder}`]);
});

test('a sign-in that is moved or removed is so after a power failure', async () => {
  const { file, folder } = place();
  await writePrivateFile(file, Buffer.from('sealed'));
  disk.length = 0;
  await renameDurably(file, `${file}.old`);
  await removeDurably(`${file}.old`);
  expect(disk).toEqual(['rename token token.old', `sync ${folder}`, 'remove token.old', `sync ${folder}`]);
});
