import '../../backup/quick-scrypt.ts';
import {
  chmodSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { readArchive } from '../../../src/backup/archive.ts';
import { runBackup } from '../../../src/cli/backup/backup.ts';
import { CopyProgress } from '../../../src/cli/backup/progress.ts';
import { openSqliteStore } from '../../../src/queue/stores/sqlite/store.ts';
import { run } from '../../config/capture.ts';
import { put } from '../../queue/stores/store-contract.ts';
import { smallDisk } from '../../support/small-disk.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { mailbridge } from '../harness.ts';
import { fillQueue, passphrase, world, write } from './world.ts';

async function contentsOf(file: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  await readArchive(
    createReadStream(file),
    file,
    async ({ name, content }) => {
      found[name] = await text(content);
    },
    { passphrase },
  );
  return found;
}

function target(): string {
  return join(temporaryFolder(), 'backup.age');
}

test('holds configuration, named files, keys, sign-ins and the queue, in a file for this user alone', async () => {
  const { configFile, dataDir, elsewhere, backup } = world();
  const [small, large] = await fillQueue(dataDir);
  const file = target();
  expect(await backup(file)).toEqual({
    code: 0,
    out: expect.stringMatching(
      /^✓ \S+backup.age \([\d.]+ kB\) is written: configuration, 3 files that it names, a queue with 3 messages that wait\.\n$/,
    ),
    err: 'warning: the backup does not contain what is in the environment: keep ERP elsewhere\n',
  });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const { 'manifest.json': manifest = '', 'data/queue/queue.sqlite': queue = '', ...rest } = await contentsOf(file);
  expect(rest).toEqual({
    'config.json': readFileSync(configFile, 'utf8'),
    'files/keys/server.key': 'a private key',
    'files/contoso-secret': 'a client secret',
    [`root${elsewhere}`]: 'a certificate',
    'data/token.key': 'a key for sign-ins',
    'data/app-passwords.json': 'digests',
    'data/app-passwords-used.json': 'times',
    'data/sign-ins/person.token': 'a sign-in',
    'data/tls/ca.crt': 'an authority',
    [`data/queue/bodies/${large}.eml`]: 'large'.padEnd(100_000),
  });
  expect(queue).toContain(small);
  expect(JSON.parse(manifest)).toMatchObject({
    format: 1,
    config: configFile,
    dataDir,
    environment: ['ERP'],
    queue: { messages: { queued: 2, held: 1 }, withoutBody: [] },
  });
  expect(readdirSync(dataDir).filter((name) => name.startsWith('backup-'))).toEqual([]);
});

test('of a bridge of an earlier version it holds the files that this one keeps beside its queue', async () => {
  const { dataDir, backup } = world();
  await fillQueue(dataDir);
  for (const name of ['marker-key', 'copies', 'copies.old']) write(join(dataDir, 'queue', name), name);
  const file = target();
  expect(await backup(file)).toMatchObject({ code: 0 });
  expect(await contentsOf(file)).toMatchObject({
    'data/queue/marker-key': 'marker-key',
    'data/queue/copies': 'copies',
    'data/queue/copies.old': 'copies.old',
  });
});

test('leaves out locks, the journal, the reserve, what a repair left, and files of nobody', async () => {
  const { folder, dataDir, backup } = world();
  await fillQueue(dataDir);
  for (const name of [
    'lock',
    'notes.txt',
    'token.key.lock',
    'app-passwords.lock',
    'sign-ins/person.token.lock',
    'queue/in-flight',
  ]) {
    write(join(dataDir, name), 'not for a backup');
  }
  write(join(dataDir, 'queue/recovered/x.eml'), 'not for a backup');
  symlinkSync(join(folder, 'contoso-secret'), join(dataDir, 'sign-ins/linked.token'));
  const file = target();
  expect(await backup(file)).toMatchObject({ code: 0 });
  const contents = await contentsOf(file);
  expect(Object.values(contents)).not.toContain('not for a backup');
  expect(Object.keys(contents)).not.toContain('data/sign-ins/linked.token');
});

test('before the first start there is no queue, and nothing of the data folder', async () => {
  const { dataDir, backup } = world();
  rmSync(dataDir, { recursive: true });
  const file = target();
  expect(await backup(file)).toMatchObject({
    code: 0,
    out: expect.stringContaining('3 files that it names, no queue yet'),
  });
  expect(existsSync(dataDir)).toBe(false);
});

test('--json tells what is in it', async () => {
  const { dataDir, backup } = world();
  await fillQueue(dataDir);
  const file = target();
  const { out } = await backup(file, '--json');
  expect(JSON.parse(out)).toMatchObject({
    file,
    size: statSync(file).size,
    files: { 'keys/server.key': 'files/keys/server.key' },
    queue: { messages: { queued: 2, held: 1 } },
    warnings: [expect.stringContaining('ERP')],
  });
});

test('names what it cannot hold: files that are not there, and those that each start makes', async () => {
  const { folder, backup } = world({
    tls: { cert: '/run/credentials/cert', key: '/proc/version' },
    tokenKey: { file: 'missing-key' },
  });
  mkdirSync(join(folder, 'folder'));
  rmSync(join(folder, 'data/token.key'));
  const { code, err } = await backup(target());
  expect(code).toBe(0);
  expect(err).toContain('warning: /run/credentials/cert is created at each start, and is not in the backup\n');
  expect(err).toContain(`warning: ${join(folder, 'missing-key')} does not exist, and is not in the backup\n`);
});

test('tells when the key of the sign-ins is not in it', async () => {
  const { dataDir, backup } = world();
  rmSync(join(dataDir, 'token.key'));
  expect((await backup(target())).err).toContain('the key that encrypts the sign-ins is a systemd credential');
});

describe('the file', () => {
  test('is not written over one that is there, but with --force', async () => {
    const { backup } = world();
    const file = target();
    writeFileSync(file, 'old');
    expect(await backup(file)).toMatchObject({ code: 2, err: expect.stringContaining('(backup-exists)') });
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(await backup(file, '--force')).toMatchObject({ code: 0 });
    expect(Object.keys(await contentsOf(file))).toContain('config.json');
  });

  test('and a folder that is not there is an error, which names the reason', async () => {
    const { backup } = world();
    const file = join(temporaryFolder(), 'none', 'backup.age');
    expect(await backup(file)).toMatchObject({
      code: 2,
      err: expect.stringContaining(`${file} cannot be written (ENOENT).`),
    });
  });

  test('is not left half on a full disk (on a disk of its own)', async (context) => {
    const disk = smallDisk(context, 16);
    const { dataDir, backup } = world();
    await fillQueue(dataDir);
    disk.fill();
    const before = readdirSync(disk.folder);
    const file = join(disk.folder, 'backup.age');
    expect(await backup(file)).toMatchObject({ code: 2, out: '', err: expect.stringContaining('(file-not-written)') });
    expect(readdirSync(disk.folder)).toEqual(before);
    expect(readdirSync(dataDir).filter((name) => name.startsWith('backup-'))).toEqual([]);
  });

  test('is not begun where the disk of the queue has no room for its copy (on a disk of its own)', async (context) => {
    const disk = smallDisk(context, 64);
    const dataDir = join(disk.folder, 'data');
    const { backup } = world({ dataDir });
    await fillQueue(dataDir);
    expect(await backup(target())).toMatchObject({
      code: 2,
      err: expect.stringContaining(
        `The disk of ${join(dataDir, 'queue')} has no room for a copy of the queue's database.`,
      ),
    });
  });

  test('may be standard output, with all words on standard error', async () => {
    const { configFile } = world();
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const chunks: Buffer[] = [];
    stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    const env = { MAILBRIDGE_BACKUP_PASSPHRASE: passphrase };
    const io = { stdin: Readable.from([]), stdout, stderr, env };
    expect(await runBackup(['-', '--config', configFile], io, '1.2.3')).toBe(0);
    const file = target();
    writeFileSync(file, Buffer.concat(chunks));
    expect(JSON.parse((await contentsOf(file))['manifest.json'] ?? '')).toMatchObject({ mailbridge: '1.2.3' });
    stderr.end();
    expect(await text(stderr)).toContain('The backup is written: ');
  });
});

test('on a terminal it tells how far it is once that takes more than a second', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const written: string[] = [];
  const stderr = Object.assign(new PassThrough(), { isTTY: true }).on('data', (chunk) => written.push(String(chunk)));
  const progress = new CopyProgress({ stderr, env: {} }, 'Writing');
  progress.add(1_000_000, 8_000_000);
  expect(written).toEqual([]);
  vi.advanceTimersByTime(1000);
  progress.add(2_000_000, 8_000_000);
  expect(written.at(-1)).toMatch(/Writing: 3\.0 MB of 8\.0 MB … \d+ s$/);
  progress.end();
  expect(written.at(-1)).toBe('\r\u001b[K');
});

test('a file that may not be read ends it without a backup', async () => {
  const { folder, backup } = world();
  const key = join(folder, 'keys/server.key');
  rmSync(join(folder, 'keys'), { recursive: true });
  writeFileSync(join(folder, 'keys'), 'not a folder');
  const file = target();
  expect(await backup(file)).toMatchObject({
    code: 2,
    err: expect.stringContaining(`${key} cannot be read (ENOTDIR).`),
  });
  expect(existsSync(file)).toBe(false);
});

test('what a killed backup left goes with the next, what a running one has stays', async () => {
  const { dataDir, backup } = world();
  await fillQueue(dataDir);
  write(join(dataDir, 'backup-AbCd12/queue.sqlite'), 'half');
  expect(await backup(target())).toMatchObject({ code: 0 });
  expect(existsSync(join(dataDir, 'backup-AbCd12'))).toBe(false);
});

test('two backups and a store at work do not disturb one another', async () => {
  const { dataDir, backup } = world();
  await fillQueue(dataDir);
  const store = openSqliteStore(join(dataDir, 'queue'), { exclusive: true });
  const files = [target(), target()];
  const results = await Promise.all([...files.map((file) => backup(file)), put(store, 'more'.padEnd(100_000))]);
  expect(results.slice(0, 2)).toMatchObject([{ code: 0 }, { code: 0 }]);
  await store.close();
  for (const file of files) expect(Object.keys(await contentsOf(file))).toContain('data/queue/queue.sqlite');
});

describe('the passphrase', () => {
  test('is never an argument', async () => {
    const { backup } = world();
    const { code, err } = await backup(target(), '--passphrase', passphrase);
    expect(code).toBe(2);
    expect(err).toContain("Unknown option '--passphrase'");
    expect(err).not.toContain(passphrase);
  });

  test('may be in a file, which should be closed to others', async () => {
    const { configFile } = world();
    const words = join(temporaryFolder(), 'passphrase');
    writeFileSync(words, `${passphrase}\n`);
    chmodSync(words, 0o644);
    const args = ['backup', target(), '--passphrase-file', words, '--config', configFile];
    expect(await mailbridge(args)).toMatchObject({
      code: 0,
      err: expect.stringContaining(`warning: ${words} can be read by other users: chmod 600 ${words}\n`),
    });
    await contentsOf(args[1] ?? '');
  });

  test.each([
    ['too short', 'short', 'is shorter than 12 characters'],
    ['too long', 'x'.repeat(1025), 'is longer than 1024 bytes'],
    ['of two lines', 'correct horse\nbattery', 'has several lines'],
    ['empty', '', 'MAILBRIDGE_BACKUP_PASSPHRASE is empty'],
    ['not there', undefined, 'No passphrase was given'],
  ])('is refused where it is %s', async (_, value, problem) => {
    const { configFile } = world();
    const file = target();
    const env = value === undefined ? {} : { MAILBRIDGE_BACKUP_PASSPHRASE: value };
    const { code, err } = await mailbridge(['backup', file, '--config', configFile], '', env);
    expect([code, err]).toEqual([2, expect.stringContaining(problem)]);
    expect(err).toContain('(backup-passphrase-unusable)');
    expect(existsSync(file)).toBe(false);
  });

  /** A terminal where these keys are pressed. */
  function terminal(...keys: string[]) {
    const stdin = Object.assign(new PassThrough(), {
      isTTY: true,
      setRawMode: (raw: boolean) => raw && keys.length > 0 && stdin.write(keys.shift() ?? ''),
    });
    return stdin;
  }

  test('is asked for twice at a terminal, and not shown', async () => {
    const { configFile } = world();
    const file = target();
    const stdin = terminal(`${passphrase}\r`, `${passphrase}\r`);
    const { code, stderr } = await run((args, io) => runBackup(args, io, '1'), [file, '--config', configFile], {
      stdin,
    });
    expect(code).toBe(0);
    expect(stderr).toContain('Passphrase of the backup: \nAgain: \n');
    expect(stderr).not.toContain(passphrase);
    await contentsOf(file);
  });

  test('typed differently the second time, or given up, makes no backup', async () => {
    const { configFile } = world();
    const file = target();
    const at = (...keys: string[]) =>
      run((args, io) => runBackup(args, io, '1'), [file, '--config', configFile], { stdin: terminal(...keys) });
    expect(await at(`${passphrase}\r`, 'something else\r')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('(backup-passphrase-unusable)'),
    });
    expect(await at('\u0003')).toMatchObject({ code: 1, stderr: expect.stringContaining('(cancelled)') });
    expect(existsSync(file)).toBe(false);
  });
});

test.each([
  [[], 'needs a FILE'],
  [['a', 'b'], 'accepts one FILE and nothing more; a passphrase is never an argument'],
])('%j is a wrong command line', async (args, problem) => {
  const { backup } = world();
  expect(await backup(...args)).toMatchObject({ code: 2, err: expect.stringContaining(problem) });
});
