import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { AppPasswordFile } from '../../../src/accounts/sources/app-passwords/files/store.ts';
import { openAppPasswords } from '../../../src/accounts/sources/app-passwords/open.ts';
import type { AppPasswordStore } from '../../../src/accounts/sources/app-passwords/store.ts';
import { takeDataFolder } from '../../../src/app/data-folder.ts';
import { moveConfiguredQueue } from '../../../src/app/instances/move-queue.ts';
import { openQueueStore } from '../../../src/app/queue-store.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { QueueStore } from '../../../src/queue/store.ts';
import { openPostgresStore } from '../../../src/queue/stores/postgres/store.ts';
import { openSqliteStore } from '../../../src/queue/stores/sqlite/store.ts';
import { newSchema, openInstance } from '../../queue/stores/postgres/opening.ts';
import { put } from '../../queue/stores/store-contract.ts';
import { postgresForTests } from '../../support/postgres.ts';
import { Mailbridge } from '../../support/process.ts';
import { noteSecret } from '../../support/secret-search/record.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { mailbridge } from '../harness.ts';
import { queueConfig } from './config.ts';

const server = postgresForTests({ fsync: 'off' });

/** A configuration whose queue is, or will be, on PostgreSQL. */
function world(queue: object = {}) {
  const folder = temporaryFolder();
  const file = join(folder, 'config.json');
  const schema = newSchema();
  const env = { MAILBRIDGE_DATABASE: server().url() };
  const config = (more: object) => ({
    ...queueConfig,
    queue: { store: 'sqlite', postgres: { url: { env: 'MAILBRIDGE_DATABASE' }, schema }, ...more },
  });
  const configure = (more: object) => writeFileSync(file, JSON.stringify(config(more)), { mode: 0o600 });
  configure(queue);
  mkdirSync(join(folder, 'data'), { mode: 0o700 });
  return {
    ...{ folder, file, schema, env, configure },
    migrate: async (...args: string[]) => await mailbridge(['queue', 'migrate', ...args, '--config', file], '', env),
    local: () => openSqliteStore(join(folder, 'data', 'queue'), { exclusive: true }),
    shared: async () => await openPostgresStore({ url: server().url(), schema, listens: false }),
  };
}

test('a queue goes to PostgreSQL and back, whichever the configuration names', async () => {
  const { folder, migrate, local, shared, configure } = world();
  const passwords = new AppPasswordFile(join(folder, 'data'));
  noteSecret('user password', await passwords.add('scanner', 'floor 1', new Date()));
  const before = local();
  const [one, two] = [await put(before, 'Subject: one\r\n\r\n'), await put(before, Buffer.alloc(300_000, 'x'))];
  await before.hold({ ids: [two.id] });
  await before.close();

  const there = await migrate('--to', 'postgres');
  expect(there).toEqual({
    code: 0,
    err: '',
    out: [
      '✓ 2 messages moved: 1 queued, 1 held; 300 kB',
      '✓ App passwords moved: 1',
      '→ Next: set queue.store to "postgres" in the configuration, and start the bridge.',
      '',
    ].join('\n'),
  });
  expect(await passwords.list()).toEqual([]);
  const store = await shared();
  expect((await store.list({}, 9)).map(({ id, state }) => [id, state])).toEqual([
    [one.id, 'queued'],
    [two.id, 'held'],
  ]);
  await store.close();
  expect(JSON.parse((await migrate('--to', 'postgres', '--json')).out)).toMatchObject({
    messages: {},
    alreadyThere: 0,
  });

  configure({ store: 'postgres' });
  const back = JSON.parse((await migrate('--to', 'sqlite', '--json')).out);
  expect(back).toMatchObject({
    ...{ to: 'sqlite', messages: { queued: 1, held: 1 }, quarantined: [] },
    ...{ signIns: [], appPasswords: { copied: 1, kept: 0 } },
  });
  configure({ store: 'sqlite' });
  const again = local();
  expect((await buffer(await again.open(two.id))).equals(Buffer.alloc(300_000, 'x'))).toBe(true);
  await again.close();
  expect(await passwords.list()).toMatchObject([{ login: 'scanner', name: 'floor 1' }]);
});

test.each([
  ['postgres', 'sqlite'],
  ['sqlite', 'postgres'],
] as const)('on the way to %s, app passwords stay where they are until the last message is moved', async (to, from) => {
  const { file, env, local, shared } = world({ store: from });
  const { config } = await loadConfig(file, { env, secrets: ['queue'] });
  const at = async <T>(place: string, work: (store: QueueStore, passwords: AppPasswordStore) => Promise<T>) => {
    const store = place === 'sqlite' ? local() : await shared();
    const passwords = openAppPasswords(config.dataDir, place === 'sqlite' ? undefined : store.records);
    return await work(store, passwords).finally(() => store.close());
  };
  const names = (place: string) => at(place, async (_, passwords) => (await passwords.list()).map(({ name }) => name));
  await at(from, async (store, passwords) => {
    await put(store, 'one');
    noteSecret('user password', await passwords.add('scanner', 'floor 1', new Date()));
  });
  const broken = moveConfiguredQueue(config, to, {
    ...{ clock: systemClock, log: silentLog, env },
    onProgress() {
      throw new Error('broken off');
    },
  });
  await expect(broken).rejects.toThrow('broken off');
  expect([await names(from), await names(to)]).toEqual([['floor 1'], ['floor 1']]);
  await moveConfiguredQueue(config, to, { clock: systemClock, log: silentLog, env });
  expect([await names(from), await names(to)]).toEqual([[], ['floor 1']]);
});

test.each(['postgres', 'sqlite'] as const)(
  'killed again and again on the way to %s, it loses and doubles nothing',
  async (to) => {
    const { file, env, local, shared } = world();
    const source = to === 'postgres' ? local() : await shared();
    const ids: string[] = [];
    for (let i = 0; i < 10; i++) {
      const sizes = Array.from({ length: 100 }, (_, n) => (n === 7 ? 400_000 : n === 9 ? 80_000 : 100 + i));
      const some = await Promise.all(sizes.map((size) => put(source, Buffer.alloc(size, `${i} `))));
      ids.push(...some.map(({ id }) => id));
    }
    await source.close();
    const run = () => Mailbridge.run(['queue', 'migrate', '--to', to, '--config', file], { env });
    const target = async () =>
      to === 'postgres' ? await shared() : openSqliteStore(join(file, '..', 'data', 'queue'), { exclusive: false });
    let killed = 0;
    for (const share of [0.02, 0.2, 0.5, 0.8]) {
      const command = run();
      let hasEnded = false;
      void command.exit().then(() => {
        hasEnded = true;
      });
      const watching = await target();
      while (!hasEnded && (await watching.count('queued')) < share * ids.length) await delay(5);
      if ((await command.kill()).signal === 'SIGKILL') killed++;
      await watching.close();
    }
    expect(killed).toBeGreaterThan(1);
    expect(await run().exit()).toEqual({ code: 0, signal: null });
    const moved = await target();
    const messages = await moved.list({}, 10_000);
    expect(messages.map(({ id }) => id)).toEqual(ids.toSorted());
    expect(new Set(messages.map(({ state }) => state))).toEqual(new Set(['queued']));
    for (const { id, size } of messages) expect(await buffer(await moved.open(id))).toHaveLength(size);
    await moved.close();
    const left = to === 'postgres' ? local() : await shared();
    expect(await left.list({}, 10)).toEqual([]);
    await left.close();
  },
  120_000,
);

test('nothing is moved while a bridge is there, here or on another machine', async () => {
  const { folder, migrate, local, schema } = world();
  const store = local();
  await put(store, 'one');
  await store.close();
  const lock = takeDataFolder(join(folder, 'data'));
  const here = await migrate('--to', 'postgres');
  lock.release();
  expect(here).toMatchObject({
    code: 2,
    err: expect.stringMatching(/^mailbridge: Another bridge is running on the data folder/),
  });
  const other = await openInstance('mail-2', { url: server().url(), schema, listens: false });
  for (const to of ['postgres', 'sqlite']) {
    const { code, err } = await migrate('--to', to);
    expect([code, err]).toEqual([
      2,
      expect.stringContaining('The instance mail-2 is running on the queue in PostgreSQL.'),
    ]);
  }
  await other.leases.leave();
  expect((await migrate('--to', 'postgres')).out).toContain('1 message moved');
});

test('a bridge that starts meanwhile waits until the queue is moved', async () => {
  const { file, schema, env } = world({ store: 'postgres' });
  const mover = await openInstance('(queue migrate)', { url: server().url(), schema, listens: false });
  const { config } = await loadConfig(file, { env, secrets: ['queue'] });
  let isOpen = false;
  const opening = openQueueStore(config, systemClock, silentLog).then((store) => {
    isOpen = true;
    return store;
  });
  await delay(1500);
  expect(isOpen).toBe(false);
  expect((await mover.leases.renew(10_000)).instances).toEqual(['(queue migrate)']);
  await mover.leases.leave();
  await (await opening).close();
}, 20_000);

test('what cannot be done is refused in one line', async () => {
  const { file, migrate } = world();
  expect((await migrate('--to', 'postgres')).err).toMatch(/There is no queue in .* to be moved/);
  expect((await migrate()).err).toContain('"queue migrate" needs --to postgres or --to sqlite.');
  expect((await migrate('--to', 'mysql')).err).toContain('not "mysql"');
  expect((await migrate('one', '--to', 'sqlite')).err).toContain('moves the whole queue, but was given "one"');
  expect((await mailbridge(['queue', 'list', '--to', 'sqlite', '--config', file])).err).toContain('has no --to');
  const { queue: _, ...without } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify(without));
  expect((await migrate('--to', 'postgres')).err).toContain('The configuration has no queue.postgres');
});
