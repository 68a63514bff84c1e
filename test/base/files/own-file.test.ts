import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { assertOwnFiles, fileFault, makeOwnFile, openOwnFile, readOwnFile } from '../../../src/base/files/own-file.ts';
import { folderVerdict, makeOwnFolder } from '../../../src/base/files/own-folder.ts';
import { readPrivateFile } from '../../../src/base/files/private-file.ts';
import { needRoot } from '../../support/external.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const unsafe = expect.objectContaining({ name: 'BridgeError', code: 'data-folder-unsafe' });

/** A file of ours, and a link planted where another of our files should be. */
function planted() {
  const folder = temporaryFolder();
  const victim = join(folder, 'victim');
  const link = join(folder, 'link');
  writeFileSync(victim, 'precious');
  symlinkSync(victim, link);
  return { folder, victim, link };
}

/** For appending to a file, which is created if missing. */
const append = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;

const content = (file: string) => readFileSync(file, 'utf8');

describe('where a link stands in place of a file', () => {
  test('nothing is read through it', async () => {
    const { link } = planted();
    expect(() => readOwnFile(link)).toThrow(unsafe);
    await expect(readPrivateFile(link, 100)).rejects.toEqual(unsafe);
    expect(() => assertOwnFiles(link)).toThrow(unsafe);
  });

  test('nothing is written through it', () => {
    const { link, victim } = planted();
    expect(() => openOwnFile(link, append)).toThrow(unsafe);
    expect(() => openOwnFile(link, constants.O_WRONLY | constants.O_TRUNC)).toThrow(unsafe);
    expect(content(victim)).toBe('precious');
  });

  test('a link that leads nowhere makes no file there', () => {
    const folder = temporaryFolder();
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'link'));
    expect(() => openOwnFile(join(folder, 'link'), append)).toThrow(unsafe);
    expect(statSync(join(folder, 'elsewhere'), { throwIfNoEntry: false })).toBeUndefined();
  });

  test('a new file takes its place', () => {
    const { link, victim } = planted();
    closeSync(makeOwnFile(link));
    expect(content(victim)).toBe('precious');
    expect(lstatSync(link)).toMatchObject({ size: 0 });
  });
});

test('a pipe in place of a file is refused, and nobody waits for its other end', () => {
  const pipe = join(temporaryFolder(), 'pipe');
  execFileSync('mkfifo', [pipe]);
  expect(() => readOwnFile(pipe)).toThrow(unsafe);
  expect(() => openOwnFile(pipe, append)).toThrow(unsafe);
  expect(() => assertOwnFiles(pipe)).toThrow(unsafe);
});

test('a file that is made can be read by its owner alone, and is added to', () => {
  const file = join(temporaryFolder(), 'file');
  expect(readOwnFile(file)).toBeUndefined();
  for (const text of ['one', 'two']) {
    const handle = openOwnFile(file, append);
    writeFileSync(handle, text);
    closeSync(handle);
  }
  expect(readOwnFile(file)?.toString()).toBe('onetwo');
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

describe('whose a file may be', () => {
  const of = (uid: number) => ({ uid, isFile: () => true, isSymbolicLink: () => false });

  test.each([
    ['our own', 1000, 1000, undefined],
    ['of root', 0, 1000, undefined],
    ['of another user', 1001, 1000, 'belongs to another user (uid 1001)'],
    ["of the service's user, used by root", 1001, 0, undefined],
    ['of nobody in particular, on Windows', 0, undefined, undefined],
  ])('%s', (_, owner, uid, fault) => {
    expect(fileFault(of(owner), uid)).toBe(fault);
  });
});

describe('whose a folder may be, and who may write to it', () => {
  const folder = (uid: number, mode: number) => ({
    uid,
    mode: 0o40000 | mode,
    isDirectory: () => true,
    isSymbolicLink: () => false,
  });

  test.each([
    ['our own', 1000, 0o700],
    ['our own, whose names others may read', 1000, 0o755],
    ['of root, given to our group (fsGroup)', 0, 0o2770],
  ])('usable: %s', (_, uid, mode) => {
    expect(folderVerdict(folder(uid, mode), 1000)).toBe('usable');
  });

  test.each([0o777, 0o770, 0o722, 0o720, 0o702])('closed to others: our own with mode %o', (mode) => {
    expect(folderVerdict(folder(1000, mode), 1000)).toBe('close to others');
  });

  test.each([
    ['of another user', 1001, 0o700, /another user/],
    ['of root, open to everybody', 0, 0o777, /every user/],
    ['shared on purpose, as /tmp is', 1000, 0o1777, /every user/],
  ])('refused: %s', (_, uid, mode, fault) => {
    expect(folderVerdict(folder(uid, mode), 1000)).toMatchObject({ fault: expect.stringMatching(fault) });
  });

  test('root closes the folder of a service, and never /tmp', () => {
    expect(folderVerdict(folder(1000, 0o777), 0)).toBe('close to others');
    expect(folderVerdict(folder(0, 0o1777), 0)).toMatchObject({ fault: expect.anything() });
  });
});

test('a folder that is open to others is closed to them, whatever else its mode says', () => {
  const folder = join(temporaryFolder(), 'data');
  mkdirSync(folder);
  chmodSync(folder, 0o2777);
  expect(makeOwnFolder(folder)).toBe(true);
  expect(statSync(folder).mode & 0o7777).toBe(0o2755);
  expect(makeOwnFolder(folder)).toBe(false);
});

test('a folder made anew is for its owner alone; a link or a file is none', () => {
  const folder = temporaryFolder();
  makeOwnFolder(join(folder, 'a', 'b'));
  expect(statSync(join(folder, 'a', 'b')).mode & 0o777).toBe(0o700);
  symlinkSync(join(folder, 'a'), join(folder, 'link'));
  expect(() => makeOwnFolder(join(folder, 'link'))).toThrow(unsafe);
});

test('a key that another user has put there is not used', async (context) => {
  needRoot(context);
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  const file = join(folder, 'token.key');
  writeFileSync(file, 'theirs', { mode: 0o644 });
  chownSync(file, 12_345, 12_345);
  process.seteuid?.(54_321);
  try {
    await expect(readPrivateFile(file, 100)).rejects.toMatchObject({
      code: 'data-folder-unsafe',
      message: `${file} belongs to another user (uid 12345).`,
    });
  } finally {
    process.seteuid?.(0);
  }
});
