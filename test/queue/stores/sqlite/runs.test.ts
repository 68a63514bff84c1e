import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isSameBoot } from '../../../../src/queue/stores/sqlite/engine/runs.ts';
import { openSqliteStore, type SqliteStoreOptions } from '../../../../src/queue/stores/sqlite/store.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { put } from '../store-contract.ts';

const t0 = Date.UTC(2026, 0, 5, 8);

/** A run of a bridge. `killed`: its process ends, its machine keeps running. */
async function run(
  folder: string,
  options: Partial<SqliteStoreOptions> & { readonly killed?: true },
  work: (store: ReturnType<typeof openSqliteStore>) => Promise<unknown> = async () => {},
) {
  const { killed, ...rest } = options;
  const store = openSqliteStore(folder, { exclusive: true, nowMs: t0, ...rest });
  const messages = await store.list({}, 100);
  await work(store);
  if (!killed) await store.close();
  return messages.map(({ unfinished }) => unfinished);
}

const threeMessages = async (store: ReturnType<typeof openSqliteStore>) => {
  const [one, two, three] = [await put(store, '1'), await put(store, '2'), await put(store, '3')];
  await store.begin(one.id, { courier: 'smtp', startedAtMs: t0 + 1 });
  await store.hold({ ids: [two.id] });
  await store.giveUp(three.id, { recipients: three.recipients, finishedAtMs: t0 });
};

const begun = { courier: 'smtp', startedAtMs: t0 + 1 };
const unknown = { startedAtMs: t0 + 9 };

test.each([
  ['its process died', { killed: true, boot: 'boot-1' } as const, 'boot-1', [begun, undefined, undefined]],
  ['it ended, and the machine was started again', { boot: 'boot-1' }, 'boot-2', [begun, undefined, undefined]],
  ['the machine went down', { killed: true, boot: 'boot-1' } as const, 'boot-2', [begun, unknown, unknown]],
  [
    'the machine went down, which knows its boots by their time',
    { killed: true, boot: 'at-1000' } as const,
    'at-1060',
    [begun, unknown, unknown],
  ],
])('after a run of which %s', async (_, first, boot, expected) => {
  const folder = temporaryFolder();
  await run(folder, first, threeMessages);
  expect(await run(folder, { boot, nowMs: t0 + 9 })).toEqual(expected);
  // Once recorded, it stays until an outcome is.
  expect(await run(folder, { boot, nowMs: t0 + 20 })).toEqual(expected);
});

test('what came after a loss of power is not taken for lost', async () => {
  const folder = temporaryFolder();
  await run(folder, { killed: true, boot: 'boot-1' });
  await run(folder, { killed: true, boot: 'boot-2' }, (store) => put(store, 'x'));
  expect(await run(folder, { boot: 'boot-2' })).toEqual([undefined]);
});

test('a command ends no run', async () => {
  const folder = temporaryFolder();
  await run(folder, { killed: true, boot: 'boot-1' }, (store) => put(store, 'x'));
  await openSqliteStore(folder, { exclusive: false }).close();
  expect(await run(folder, { boot: 'boot-2', nowMs: t0 + 9 })).toEqual([unknown]);
});

test('the machine names its runs itself', { skip: process.platform !== 'linux' }, async () => {
  const folder = temporaryFolder();
  await run(folder, { killed: true }, (store) => put(store, 'x'));
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  expect(await run(folder, { killed: true, boot })).toEqual([undefined]);
});

test.each([
  ['a', 'a', true],
  ['a', 'b', false],
  ['at-100', 'at-159', true],
  ['at-100', 'at-160', false],
  ['a', 'at-100', false],
])('%s and %s are the same boot: %s', (one, other, isSame) => {
  expect(isSameBoot(one, other)).toBe(isSame);
});
