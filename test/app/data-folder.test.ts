import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { takeDataFolder } from '../../src/app/data-folder.ts';
import { needRoot } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('is made on first use, for its owner alone', () => {
  const folder = takeDataFolder(join(temporaryFolder(), 'new', 'data'));
  expect(statSync(folder.path).mode & 0o777).toBe(0o700);
  folder.release();
});

test('belongs to one bridge at a time, and is free again however that one ended', async () => {
  const path = temporaryFolder();
  const module = new URL('../../src/app/data-folder.ts', import.meta.url);
  const code = `import { takeDataFolder } from '${module}'; globalThis.held = takeDataFolder('${path}'); console.log('held'); setInterval(() => {}, 1000);`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void other.kill('SIGKILL'));
  await once(other.stdout, 'data');
  expect(() => takeDataFolder(path)).toThrow(expect.objectContaining({ code: 'already-running' }));
  other.kill('SIGKILL');
  await once(other, 'exit');
  takeDataFolder(path).release();
});

test('that cannot be used is refused with the reason', () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '');
  chmodSync(file, 0o600);
  expect(() => takeDataFolder(join(file, 'data'))).toThrow(expect.objectContaining({ code: 'data-folder-unusable' }));
});

test('that others could write to is closed to them, and that is told', () => {
  const path = join(temporaryFolder(), 'data');
  mkdirSync(join(path, 'queue'), { recursive: true });
  for (const each of [path, join(path, 'queue')]) chmodSync(each, 0o777);
  const closed: string[] = [];
  takeDataFolder(path, (folder) => closed.push(folder)).release();
  expect(closed).toEqual([path, join(path, 'queue')]);
  expect(statSync(path).mode & 0o022).toBe(0);
  expect(statSync(join(path, 'queue')).mode & 0o022).toBe(0);
});

test('may be reached by a link of the administrator', () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'disk'));
  symlinkSync(join(folder, 'disk'), join(folder, 'data'));
  takeDataFolder(join(folder, 'data')).release();
  expect(statSync(join(folder, 'disk', 'lock')).isFile()).toBe(true);
});

describe('with a link planted in it is refused, and what the link leads to stays as it is', () => {
  test.each([
    'lock',
    'lock-journal',
    'token.key',
    'token.key.lock',
    'instance',
    'queue/queue.sqlite',
    'queue/queue.sqlite-wal',
    'queue/reserve',
    'queue/in-flight',
    'queue/in-flight.new',
    'queue/duplicates',
    'queue/dropped',
    'queue/marker-key',
    'queue/copies',
    'queue/bodies/20261129abcdef.eml',
    'tls/ca.key',
    'tls/server.key.tmp',
    'sign-ins/contoso.token',
    'sign-ins/contoso.token.lock',
  ])('%s', (name) => {
    const folder = temporaryFolder();
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'precious', { mode: 0o644 });
    const link = join(folder, 'data', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(victim, link);
    expect(() => takeDataFolder(join(folder, 'data'))).toThrow(
      expect.objectContaining({ code: 'data-folder-unsafe', message: `${link} is a symbolic link.` }),
    );
    expect(readFileSync(victim, 'utf8')).toBe('precious');
    expect(statSync(victim).mode & 0o777).toBe(0o644);
  });

  test.each(['queue', 'queue/bodies', 'tls', 'sign-ins'])('the folder %s', (name) => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'elsewhere'));
    const link = join(folder, 'data', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(folder, 'elsewhere'), link);
    expect(() => takeDataFolder(join(folder, 'data'))).toThrow(expect.objectContaining({ code: 'data-folder-unsafe' }));
  });
});

describe('to a service that is not root', () => {
  /** What a process of another user prints when it takes the folder. */
  function takenBy(uid: number, path: string): string {
    const module = new URL('../../src/app/data-folder.ts', import.meta.url);
    const code = `import { takeDataFolder } from '${module}';
      try { takeDataFolder('${path}'); console.log('taken'); } catch (error) { console.log(String(error)); }`;
    return spawnSync(process.execPath, ['--input-type=module', '-e', code], { uid, gid: uid, encoding: 'utf8' }).stdout;
  }

  /** A data folder that every user can reach. */
  function folderOf(uid: number, mode: number): string {
    const outer = temporaryFolder();
    chmodSync(outer, 0o755);
    const path = join(outer, 'data');
    mkdirSync(path);
    chownSync(path, uid, uid);
    chmodSync(path, mode);
    return path;
  }

  test('a folder of its own is closed to others and used', (context) => {
    needRoot(context);
    const path = folderOf(12_345, 0o777);
    expect(takenBy(12_345, path)).toBe('taken\n');
    expect(statSync(path).mode & 0o777).toBe(0o755);
  });

  test.for([
    ['another user', 54_321, 'belongs to another user (uid 54321).'],
    ['root, open to everybody', 0, 'can be written by every user of this machine.'],
  ] as const)('a folder of %s is refused', ([_, owner, said], context) => {
    needRoot(context);
    const path = folderOf(owner, 0o777);
    expect(takenBy(12_345, path)).toContain(`${path} ${said}`);
  });

  test('a file of another user in it is refused', (context) => {
    needRoot(context);
    const path = folderOf(12_345, 0o700);
    mkdirSync(join(path, 'queue'));
    chownSync(join(path, 'queue'), 12_345, 12_345);
    writeFileSync(join(path, 'queue', 'duplicates'), '');
    chownSync(join(path, 'queue', 'duplicates'), 54_321, 54_321);
    expect(takenBy(12_345, path)).toMatch(
      /duplicates belongs to another user \(uid 54321\)\. .* \(data-folder-unsafe\)/,
    );
  });
});
