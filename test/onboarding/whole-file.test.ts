import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { assertCanWrite, ownerOfDataFolder, writeWholeFile } from '../../src/onboarding/whole-file.ts';
import { giveToService, needRoot, serviceUser } from '../support/service-user.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const accessOf = (path: string) => {
  const { uid, gid, mode } = statSync(path);
  return { uid, gid, mode: mode & 0o777 };
};

test('a rewrite keeps owner and group', async (context) => {
  needRoot(context);
  const file = join(temporaryFolder(), 'config.json');
  writeFileSync(file, 'old');
  chownSync(file, 0, serviceUser.gid);
  await writeWholeFile(file, 'new', 0o640, serviceUser);
  expect([readFileSync(file, 'utf8'), accessOf(file)]).toEqual(['new', { uid: 0, gid: serviceUser.gid, mode: 0o640 }]);
});

test('what root makes in a folder belongs to whoever has the folder, folders on the way included', async (context) => {
  needRoot(context);
  const folder = temporaryFolder();
  giveToService(folder);
  await writeWholeFile(join(folder, 'a', 'b', 'key'), 'key', 0o600);
  for (const [path, mode] of [
    ['a', 0o700],
    ['a/b', 0o700],
    ['a/b/key', 0o600],
  ] as const) {
    expect({ path, ...accessOf(join(folder, path)) }).toEqual({ path, ...serviceUser, mode });
  }
});

test('a new configuration belongs to whoever has the data folder, or will have it', async (context) => {
  needRoot(context);
  const folder = temporaryFolder();
  const owned = join(folder, 'owned');
  mkdirSync(owned);
  giveToService(owned);
  expect(ownerOfDataFolder(join(owned, 'not', 'yet'))).toMatchObject(serviceUser);
  const file = join(folder, 'config.json');
  await writeWholeFile(file, '{}', 0o600, ownerOfDataFolder(owned));
  expect(accessOf(file)).toEqual({ ...serviceUser, mode: 0o600 });
});

test('trying leaves nothing behind, and says what will fail', async () => {
  const folder = temporaryFolder();
  await assertCanWrite(join(folder, 'deep', 'er', 'config.json'));
  expect(readdirSync(folder)).toEqual([]);
  mkdirSync(join(folder, 'config.json'));
  chmodSync(folder, 0o755);
  await expect(assertCanWrite(join(folder, 'config.json'))).rejects.toMatchObject({
    code: 'file-not-written',
    message: `${join(folder, 'config.json')} cannot be written (EISDIR).`,
  });
  await expect(assertCanWrite('/proc/nope/config.json')).rejects.toMatchObject({ code: 'file-not-written' });
});
