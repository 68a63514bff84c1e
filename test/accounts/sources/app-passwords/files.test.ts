import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AppPasswordFile } from '../../../../src/accounts/sources/app-passwords/files/store.ts';
import { makeSecret, typedSecret } from '../../../../src/accounts/sources/app-passwords/secret.ts';
import { AppPasswords } from '../../../../src/accounts/sources/app-passwords/source.ts';
import { type Clock, systemClock } from '../../../../src/base/clock.ts';
import { silentLog } from '../../../../src/base/log.ts';
import { noteSecret } from '../../../support/secret-search/record.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

/** Timers that fire when the test says so. */
class HandClock implements Clock {
  ms = Date.now();
  readonly due = new Set<() => void>();
  now(): number {
    return this.ms;
  }
  after(_: number, callback: () => void): () => void {
    this.due.add(callback);
    return () => void this.due.delete(callback);
  }
}

function world() {
  const dataDir = temporaryFolder();
  const clock = new HandClock();
  const store = new AppPasswordFile(dataDir);
  const source = new AppPasswords({ dataDir, clock, log: silentLog });
  const add = async (login: string, name: string) => {
    const password = await store.add(login, name, new Date());
    noteSecret('user password', password);
    return password;
  };
  const verdict = async (login: string, password: string) => {
    clock.ms += 1_001;
    return (await source.verify(login, password)).verdict;
  };
  return { dataDir, clock, store, source, add, verdict };
}

test('passwords have 28 letters of 31, in groups of four, and are never the same', () => {
  const made = new Set(Array.from({ length: 500 }, makeSecret));
  expect(made.size).toBe(500);
  const letters = new Set<string>();
  for (const secret of made) {
    expect(secret).toMatch(/^(?:[a-hjkmnp-z2-9]{4}-){6}[a-hjkmnp-z2-9]{4}$/);
    for (const letter of secret.replaceAll('-', '')) letters.add(letter);
  }
  // 28 letters out of 31: 138 bits.
  expect(letters.size).toBe(31);
});

test.each([
  (secret: string) => secret,
  (secret: string) => secret.toUpperCase(),
  (secret: string) => secret.replaceAll('-', ''),
  (secret: string) => ` ${secret.replaceAll('-', ' ')}\n`,
])('capitals, hyphens and blanks do not count (%#)', async (typed) => {
  const { add, verdict } = world();
  expect(await verdict('scanner', typed(await add('scanner', 'floor 2')))).toBe('right');
});

test('what is too long or of other letters is not looked at', () => {
  expect(typedSecret('-'.repeat(10_000))).toBeUndefined();
  expect(typedSecret('0'.repeat(28))).toBeUndefined();
  expect(typedSecret('a'.repeat(27))).toBeUndefined();
  expect(typedSecret('a'.repeat(28))).toBe('a'.repeat(28));
});

test('no password is in the file, and nobody else may read it', async () => {
  const { add, dataDir } = world();
  const password = await add('scanner', 'floor 1');
  const file = join(dataDir, 'app-passwords.json');
  expect(readFileSync(file, 'utf8')).not.toContain(password.replaceAll('-', ''));
  expect(readFileSync(file, 'utf8')).not.toContain(password);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('the last use is written once a minute at most, in a file of its own', async () => {
  const { add, verdict, store, clock, dataDir, source } = world();
  const password = await add('scanner', 'floor 1');
  const lastUse = async () => (await store.list())[0]?.lastUsedAt;
  await verdict('scanner', password);
  expect(await lastUse()).toBeUndefined();
  await source.close();
  const first = await lastUse();
  expect(first).toBe(new Date(clock.ms).toISOString());
  for (let login = 0; login < 20; login++) await verdict('scanner', password);
  await source.close();
  expect(await lastUse()).toBe(first);
  clock.ms += 60_000;
  await verdict('scanner', password);
  expect(clock.due.size).toBe(1);
  await source.close();
  expect(await lastUse()).not.toBe(first);
  // A later run keeps what it finds.
  const next = new AppPasswords({ dataDir, clock, log: silentLog });
  const other = await add('erp', 'job');
  expect((await next.verify('erp', other)).verdict).toBe('right');
  await next.close();
  expect((await store.list()).map(({ login, lastUsedAt }) => [login, lastUsedAt !== undefined])).toEqual([
    ['erp', true],
    ['scanner', true],
  ]);
});

test('uses of removed passwords are forgotten', async () => {
  const { add, verdict, store, dataDir, source } = world();
  const password = await add('scanner', 'floor 1');
  await verdict('scanner', password);
  await source.close();
  await store.remove('scanner', 'floor 1');
  const other = await add('scanner', 'floor 2');
  await verdict('scanner', other);
  await source.close();
  const { used } = JSON.parse(readFileSync(join(dataDir, 'app-passwords-used.json'), 'utf8'));
  expect(Object.keys(used)).toHaveLength(1);
});

test('a damaged file is refused by commands, and leaves in force what was read last', async () => {
  const { add, verdict, store, dataDir } = world();
  const password = await add('scanner', 'floor 1');
  expect(await verdict('scanner', password)).toBe('right');
  const file = join(dataDir, 'app-passwords.json');
  for (const content of ['', '{', '[]', '{"version":1}', '{"version":1,"passwords":[{}]}']) {
    writeFileSync(file, content);
    expect(await verdict('scanner', password)).toBe('right');
    await expect(store.list()).rejects.toMatchObject({
      code: 'app-passwords-unusable',
      message: `The file ${file} is damaged.`,
    });
  }
  writeFileSync(file, '{"version":2}');
  await expect(store.add('scanner', 'x', new Date())).rejects.toThrow('written by a later version');
});

test('with the system clock, a use is written without anybody asking', async () => {
  const { add, dataDir, store } = world();
  const quick: Clock = { now: () => Date.now(), after: (_, callback) => systemClock.after(10, callback) };
  const source = new AppPasswords({ dataDir, clock: quick, log: silentLog });
  await source.verify('scanner', await add('scanner', 'floor 1'));
  for (let tries = 0; tries < 200 && (await store.list())[0]?.lastUsedAt === undefined; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect((await store.list())[0]?.lastUsedAt).toMatch(/^\d{4}-/);
});
