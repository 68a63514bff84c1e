import '../../backup/quick-scrypt.ts';
import {
  chmodSync,
  chownSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { takeDataFolder } from '../../../src/app/data-folder.ts';
import { type ArchiveEntry, writeArchive } from '../../../src/backup/archive.ts';
import type { BackupManifest } from '../../../src/backup/manifest.ts';
import { openSqliteStore } from '../../../src/queue/stores/sqlite/store.ts';
import { needRoot } from '../../support/service-user.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { mailbridge } from '../harness.ts';
import { appConnection, fillQueue, passphrase, restore, world, write } from './world.ts';

/** A backup of a world that no longer exists. */
async function backedUp(changes: Record<string, unknown> = {}) {
  const before = world(changes);
  const ids = await fillQueue(before.dataDir);
  const file = join(temporaryFolder(), 'backup.age');
  expect(await before.backup(file)).toMatchObject({ code: 0 });
  rmSync(before.elsewhere);
  rmSync(before.folder, { recursive: true });
  return { ...before, ids, file };
}

function filesIn(folder: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[]).sort();
}

function openQueue(dataDir: string) {
  const store = openSqliteStore(join(dataDir, 'queue'), { exclusive: true });
  onTestFinished(() => store.close());
  return store;
}

test('puts back what was there, closed to others, and holds what waits', async () => {
  const { configFile, dataDir, files, file, elsewhere, ids } = await backedUp();
  const { code, out, err } = await restore(file, '--config', configFile);
  expect([code, err]).toEqual([0, '']);
  for (const [path, content] of Object.entries(files)) {
    expect(readFileSync(path, 'utf8')).toBe(content);
    expect(statSync(path).mode & 0o777, path).toBe(path.endsWith('ca.crt') ? 0o644 : 0o600);
  }
  for (const name of ['', 'queue', 'queue/bodies', 'tls', 'sign-ins']) {
    expect(statSync(join(dataDir, name)).mode & 0o777, name).toBe(0o700);
  }
  expect(out).toContain(`  named in it    ${elsewhere}\n`);
  expect(out).toContain(
    '2 messages held: they may have been delivered since the backup was made.\n1 message held as before.\n',
  );
  expect(out).toContain('Set ERP for the bridge.\n');
  expect(out).toMatch(/mailbridge queue release --state held --config \S+ +sends it\n$/);
  expect(filesIn(dataDir).filter((name) => /restore|backup|-wal|-shm/.test(name))).toEqual([]);
  const store = openQueue(dataDir);
  expect(await store.records.get('key', 'marker', 0)).toMatchObject({ value: 'marks' });
  expect((await store.list({}, 10)).map(({ id, state }) => [id, state])).toEqual(ids.map((id) => [id, 'held']));
  for (const { id, size } of await store.list({}, 10)) expect((await buffer(await store.open(id))).length).toBe(size);
});

test('relative paths go beside the configuration, wherever that is restored to', async () => {
  const { file, elsewhere } = await backedUp();
  const folder = temporaryFolder();
  const { code } = await restore(file, '--config', join(folder, 'sub/bridge.json'));
  expect(code).toBe(0);
  expect(filesIn(join(folder, 'sub')).filter((name) => !name.startsWith('data/'))).toEqual([
    'bridge.json',
    'contoso-secret',
    'data',
    'keys',
    'keys/server.key',
  ]);
  expect(readFileSync(elsewhere, 'utf8')).toBe('a certificate');
  expect(statSync(join(folder, 'sub')).mode & 0o777).toBe(0o700);
});

test('what was to follow messages comes back too, for those that are gone from the queue as well', async () => {
  const { backup, dataDir, configFile, folder } = world();
  const [small] = await fillQueue(dataDir);
  const before = openSqliteStore(join(dataDir, 'queue'), { exclusive: true });
  const followUp = {
    connection: 'contoso',
    mailbox: 'erp@contoso.com',
    note: '<1@contoso.com>',
    times: 1,
    dueAtMs: 50,
  };
  for (const id of [small, '0mwqber7msqbot']) await before.addFollowUp(id, followUp, 40);
  await before.close();
  const file = join(temporaryFolder(), 'backup.age');
  expect(await backup(file)).toMatchObject({ code: 0 });
  rmSync(folder, { recursive: true });
  expect(await restore(file, '--config', configFile)).toMatchObject({ code: 0 });
  const store = openQueue(dataDir);
  const [destination = ''] = await store.followUpDestinations(50);
  const kept = await store.followUps(destination, 50, 10);
  expect(kept.map(({ id, note, times, tries }) => [id, note, times, tries]).toSorted()).toEqual(
    [small, '0mwqber7msqbot'].map((id) => [id, '<1@contoso.com>', 1, 0]).toSorted(),
  );
});

test('every restored message is taken for one that may have been sent', async () => {
  const { configFile, dataDir, file } = await backedUp();
  await restore(file, '--config', configFile);
  const found = await openQueue(dataDir).list({}, 10);
  expect(found).toHaveLength(3);
  expect(found.every(({ unfinished }) => unfinished && unfinished.courier === undefined)).toBe(true);
});

test('--release leaves messages queued, with as much time as they had at first', async () => {
  const { configFile, dataDir, file, ids } = await backedUp();
  const { out } = await restore(file, '--config', configFile, '--release', '--json');
  expect(JSON.parse(out)).toMatchObject({ messages: { queued: 2, held: 0, heldBefore: 1 } });
  const found = await openQueue(dataDir).list({}, 10);
  expect(found.map(({ state }) => state)).toEqual(['queued', 'queued', 'held']);
  expect(found[0]?.id).toBe(ids[0]);
  expect(found[0]?.expiresAtMs).toBeGreaterThan(Date.now() + 100_000);
});

test('--json tells what is where', async () => {
  const { configFile, dataDir, file, elsewhere } = await backedUp();
  const { out } = await restore(file, '--config', configFile, '--json');
  expect(JSON.parse(out)).toMatchObject({
    file,
    config: configFile,
    dataDir,
    files: expect.arrayContaining([elsewhere]),
    messages: { held: 2, heldBefore: 1, queued: 0 },
    movedAside: [],
    environment: ['ERP'],
  });
});

describe('where something is in the way', () => {
  test.each([
    ['a configuration', 'config.json', 'config.json'],
    ['a queue', 'data/queue/x', 'data/queue'],
    ['sign-ins', 'data/sign-ins/x.token', 'data/sign-ins'],
    ['a key', 'data/token.key', 'data/token.key'],
    ['app passwords', 'data/app-passwords.json', 'data/app-passwords.json'],
    ['a named file', 'keys/server.key', 'keys/server.key'],
  ])('%s is neither overwritten nor joined', async (_, name, told) => {
    const { folder, configFile, file } = await backedUp();
    write(join(folder, name), 'mine');
    chmodSync(folder, 0o700);
    const before = filesIn(folder);
    expect(await restore(file, '--config', configFile)).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining(`${join(folder, told)} already exists.`),
    });
    expect(filesIn(folder).filter((each) => each !== 'data/lock')).toEqual(before);
    expect(readFileSync(join(folder, name), 'utf8')).toBe('mine');
  });

  test('--force moves it aside, and deletes nothing, however often', async () => {
    const { folder, configFile, dataDir, files, file } = await backedUp();
    for (const name of ['config.json', 'data/queue/mine', 'data/tls/mine', 'keys/server.key']) {
      write(join(folder, name), 'mine');
    }
    write(join(dataDir, 'notes'), 'mine');
    const once = await restore(file, '--config', configFile, '--force', '--json');
    expect(JSON.parse(once.out).movedAside).toEqual(
      ['config.json', 'data/tls', 'data/queue', 'keys/server.key'].map(
        (name) => `${join(folder, name)}.before-restore`,
      ),
    );
    for (const name of [
      'config.json.before-restore',
      'keys/server.key.before-restore',
      'data/queue.before-restore/mine',
      'data/tls.before-restore/mine',
      'data/notes',
    ]) {
      expect(readFileSync(join(folder, name), 'utf8')).toBe('mine');
    }
    for (const [path, content] of Object.entries(files)) expect(readFileSync(path, 'utf8')).toBe(content);
    expect(await restore(file, '--config', configFile, '--force')).toMatchObject({ code: 0 });
    expect(existsSync(join(folder, 'config.json.before-restore-2'))).toBe(true);
    // A file with the same content is no conflict.
    expect(existsSync(join(folder, 'keys/server.key.before-restore-2'))).toBe(false);
  });

  test('a bridge that runs on the data folder stops it, with --force too', async () => {
    const { configFile, dataDir, file } = await backedUp();
    mkdirSync(dataDir, { recursive: true });
    const lock = takeDataFolder(dataDir);
    expect(await restore(file, '--config', configFile, '--force')).toMatchObject({
      code: 2,
      err: expect.stringContaining('(already-running)'),
    });
    lock.release();
    expect(filesIn(dataDir)).toEqual(['lock']);
    expect(await restore(file, '--config', configFile)).toMatchObject({ code: 0 });
  });

  test('a file that cannot be put in its place takes everything back', async () => {
    const { folder, configFile, dataDir, file, elsewhere } = await backedUp();
    write(join(folder, 'config.json'), 'mine');
    write(join(dataDir, 'token.key'), 'mine');
    // At the path of a named file's folder.
    write(join(folder, 'keys'), 'mine');
    const before = filesIn(folder);
    expect(await restore(file, '--config', configFile, '--force')).toMatchObject({
      code: 2,
      err: expect.stringContaining('(restore-failed)'),
    });
    expect(filesIn(folder).filter((name) => name !== 'data/lock')).toEqual(before);
    for (const name of ['config.json', 'data/token.key', 'keys']) {
      expect(readFileSync(join(folder, name), 'utf8')).toBe('mine');
    }
    expect(existsSync(elsewhere)).toBe(false);
  });
});

describe('a backup that is not whole leaves nothing behind', () => {
  async function refused(file: string, code: string, env = { MAILBRIDGE_BACKUP_PASSPHRASE: passphrase }) {
    const folder = temporaryFolder();
    const result = await mailbridge(['restore', file, '--config', join(folder, 'deep/config.json')], '', env);
    expect(result).toMatchObject({ out: '', err: expect.stringContaining(`(${code})`) });
    expect(result.code).toBeGreaterThan(0);
    expect(readdirSync(folder)).toEqual([]);
    return result;
  }

  test('a wrong passphrase', async () => {
    const { file } = await backedUp();
    await refused(file, 'backup-passphrase-wrong', { MAILBRIDGE_BACKUP_PASSPHRASE: 'another one altogether' });
  });

  test('no passphrase', async () => {
    const { file } = await backedUp();
    await refused(file, 'backup-passphrase-unusable', {} as { MAILBRIDGE_BACKUP_PASSPHRASE: string });
  });

  test('no such file, a folder, another file', async () => {
    const other = join(temporaryFolder(), 'other');
    await refused(other, 'backup-unreadable');
    await refused(temporaryFolder(), 'backup-unreadable');
    writeFileSync(other, 'something else');
    await refused(other, 'backup-unreadable');
  });

  test('a cut and a changed one', async () => {
    const { file } = await backedUp({ $schema: undefined });
    const content = readFileSync(file);
    content[content.length - 5] = (content.at(-5) ?? 0) ^ 1;
    writeFileSync(file, content);
    await refused(file, 'backup-incomplete');
    truncateSync(file, content.length - 100);
    await refused(file, 'backup-incomplete');
  });

  const manifest: BackupManifest = {
    format: 1,
    mailbridge: '0.1.0',
    madeAt: new Date(0).toISOString(),
    host: 'host',
    config: '/etc/mailbridge/config.json',
    dataDir: '/var/lib/mailbridge',
    files: { 'contoso-secret': 'files/contoso-secret' },
    environment: [],
  };
  const config = JSON.stringify({
    listeners: [{ protocol: 'smtp', port: 0, security: 'starttls' }],
    connections: { contoso: appConnection },
    accounts: [{ username: 'a', networks: ['127.0.0.1'], connection: 'contoso', mailbox: 'a@b.com', send: 'graph' }],
  });

  /** An archive made by somebody who knows the passphrase. */
  async function made(...entries: readonly (readonly [name: string, content: string])[]): Promise<string> {
    const file = join(temporaryFolder(), 'made.age');
    const all = entries.map(
      ([name, content]): ArchiveEntry => ({ name, content: Buffer.from(content), mtime: new Date(0) }),
    );
    await writeArchive(all, createWriteStream(file), { passphrase });
    return file;
  }
  const start = (changes: Record<string, unknown> = {}) =>
    [
      ['manifest.json', JSON.stringify({ ...manifest, ...changes })],
      ['config.json', config],
    ] as const;
  const secret = ['files/contoso-secret', 'secret'] as const;
  /** With a secret whose file is one of the bridge's own files. */
  const naming = (path: string) =>
    [
      ['manifest.json', JSON.stringify({ ...manifest, files: { [path]: 'files/contoso-secret' } })],
      ['config.json', config.replace('"file":"contoso-secret"', `"file":${JSON.stringify(path)}`)],
      secret,
    ] as const;

  test('a made one that is right is taken', async () => {
    const folder = temporaryFolder();
    const file = await made(...start(), secret);
    expect(await restore(file, '--config', join(folder, 'config.json'))).toMatchObject({ code: 0 });
    expect(filesIn(folder)).toEqual(['config.json', 'contoso-secret', 'data', 'data/lock']);
  });

  test.each([
    ['of a later format', 'backup-format-newer', [...start({ format: 2 }), secret]],
    ['without a manifest', 'backup-damaged', [start()[1], secret]],
    ['with a manifest that is none', 'backup-damaged', [['manifest.json', '{}'], start()[1]]],
    ['without a configuration', 'backup-damaged', [start()[0]]],
    ['with a wrong configuration', 'config-invalid', [start()[0], ['config.json', '{}']]],
    ['that lacks a file', 'backup-damaged', [...start()]],
    ['that lacks the queue', 'backup-damaged', [...start({ queue: { messages: {}, withoutBody: [] } }), secret]],
    ['with a file that nothing names', 'backup-damaged', [...start(), secret, ['files/other', 'x']]],
    [
      'with a path that its configuration does not name',
      'backup-damaged',
      [...start({ files: { '/etc/cron.d/x': 'x' } }), ['x', 'x']],
    ],
    ['with something else in the data folder', 'backup-damaged', [...start(), secret, ['data/lock', 'x']]],
    ['with something else in the queue', 'backup-damaged', [...start(), secret, ['data/queue/bodies/x.sh', 'x']]],
    ...['config.json', './config.json', 'data/queue', 'data/queue/bodies/x.key', 'data/lock'].map(
      (path) => [`that has ${path} for a secret`, 'backup-damaged', naming(path)] as const,
    ),
    ['with a file twice', 'backup-damaged', [...start(), secret, secret]],
    [
      'with a queue that is none',
      'backup-damaged',
      [...start(), secret, ['data/queue/queue.sqlite', 'x'.repeat(9000)]],
    ],
  ] as const)('one %s', async (_, code, entries) => {
    await refused(await made(...entries), code);
  });
});

test('root restores for the user that the data folder belongs to', async (context) => {
  needRoot(context);
  const { folder, configFile, dataDir, file } = await backedUp();
  mkdirSync(dataDir, { recursive: true });
  chownSync(dataDir, 4711, 4712);
  expect(await restore(file, '--config', configFile)).toMatchObject({ code: 0 });
  for (const name of ['config.json', 'keys', 'keys/server.key', 'data/lock', 'data/queue/queue.sqlite', 'data/tls']) {
    const { uid, gid } = statSync(join(folder, name));
    expect([name, uid, gid]).toEqual([name, 4711, 4712]);
  }
});
