import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { localCertificate } from '../../src/app/tls-material.ts';
import { FileLock } from '../../src/base/files/file-lock.ts';
import { writePrivateFile } from '../../src/base/files/private-file.ts';
import { silentLog } from '../../src/base/log.ts';
import { Reserve } from '../../src/queue/stores/reserve.ts';
import { repairQueue } from '../../src/queue/stores/sqlite/repair.ts';
import { openSqliteStore } from '../../src/queue/stores/sqlite/store.ts';
import { tokenKey } from '../../src/tokens/sign-ins/token-key.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Runs a writer on a folder with a planted link. It may refuse, or replace the link with a file. */
async function run(name: string, write: (folder: string) => unknown) {
  const outer = temporaryFolder();
  const victim = join(outer, 'victim');
  writeFileSync(victim, 'precious', { mode: 0o644 });
  const folder = join(outer, 'data');
  mkdirSync(folder);
  symlinkSync(victim, join(folder, name));
  const said = await Promise.resolve()
    .then(() => write(folder))
    .then(
      () => 'done',
      (error: unknown) => (error as { code?: string }).code ?? String(error),
    );
  return { said, victim: readFileSync(victim, 'utf8'), mode: statSync(victim).mode & 0o777 };
}

const untouched = { victim: 'precious', mode: 0o644 };

describe('a link planted in a folder that is in use leads nobody to overwrite what it points to', () => {
  test('the reserve takes its place', async () => {
    const fill = (folder: string) => {
      expect(new Reserve(join(folder, 'reserve'), 4096).take()).toBe(true);
      expect(statSync(join(folder, 'reserve')).size).toBe(4096);
    };
    expect(await run('reserve', fill)).toEqual({ said: 'done', ...untouched });
  });

  test('the reserve gives back its own space, not what a link leads to', async () => {
    const release = (folder: string) => new Reserve(join(folder, 'reserve'), 4096).release();
    expect(await run('reserve', release)).toEqual({ said: 'done', ...untouched });
  });

  test.each(['in-flight', 'duplicates', 'dropped', 'copies', 'copies.old', 'marker-key'])(
    'a file of an earlier version, whose content comes into the queue: %s',
    async (name) => {
      const open = (folder: string) => openSqliteStore(folder, { exclusive: true });
      expect(await run(name, open)).toEqual({ said: 'data-folder-unsafe', ...untouched });
    },
  );

  test('what such a version had begun to write', async () => {
    const open = (folder: string) => openSqliteStore(folder, { exclusive: true }).close();
    expect(await run('in-flight.new', open)).toEqual({ said: 'done', ...untouched });
  });

  test.each(['queue.sqlite', 'queue.sqlite-wal', 'queue.sqlite-shm', 'queue.sqlite-journal', 'bodies'])(
    'the queue: %s',
    async (name) => {
      const open = (folder: string) => openSqliteStore(folder, { exclusive: true });
      expect(await run(name, open)).toEqual({ said: 'data-folder-unsafe', ...untouched });
    },
  );

  test('a repair of the queue', async () => {
    const repair = (folder: string) => {
      writeFileSync(join(folder, 'queue.sqlite'), 'no database');
      repairQueue(folder, 'now');
    };
    expect(await run('queue-damaged-now.sqlite', repair)).toEqual({ said: 'EEXIST', ...untouched });
  });

  test.each(['token.key', 'token.key.lock'])('the key of the sign-ins: %s', async (name) => {
    const key = (dataDir: string) => tokenKey({ env: {}, dataDir, log: silentLog })();
    expect(await run(name, key)).toEqual({ said: 'data-folder-unsafe', ...untouched });
  });

  test('a sign-in: the temporary name', async () => {
    const write = (folder: string) => writePrivateFile(join(folder, 'contoso.token'), Buffer.from('sealed'));
    expect(await run('contoso.token.tmp', write)).toEqual({ said: 'done', ...untouched });
  });

  test('a lock', async () => {
    const lock = async (folder: string) => (await new FileLock(join(folder, 'lock'), 1000).take())();
    expect(await run('lock', lock)).toEqual({ said: 'data-folder-unsafe', ...untouched });
  });
});

describe('a certificate made here', () => {
  test.each(['ca.key', 'ca.crt', 'server.key', 'server.crt', 'ca.key.tmp', 'server.crt.tmp', 'server.key.new'])(
    'is not written through a link: %s',
    async (name) => {
      const make = (folder: string) => {
        mkdirSync(join(folder, 'tls'));
        symlinkSync(join(folder, '..', 'victim'), join(folder, 'tls', name));
        return localCertificate(folder, ['bridge.test'], Date.now());
      };
      expect(await run('other', make)).toMatchObject(untouched);
    },
  );

  test('leaves no temporary file behind, and its key is closed to others', async () => {
    const folder = temporaryFolder();
    await localCertificate(folder, ['bridge.test'], Date.now());
    expect(readdirSync(join(folder, 'tls')).toSorted()).toEqual(['ca.crt', 'ca.key', 'server.crt', 'server.key']);
    expect(statSync(join(folder, 'tls', 'server.key')).mode & 0o777).toBe(0o600);
    expect(existsSync(join(folder, 'tls', 'ca.crt'))).toBe(true);
  });
});
