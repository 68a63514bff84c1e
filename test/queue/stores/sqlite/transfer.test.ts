import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../../../src/queue/stores/sqlite/store.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { put } from '../store-contract.ts';

test('what another queue has is forgotten with its body, and what is not there is passed over', async () => {
  const folder = temporaryFolder();
  const store = openSqliteStore(folder, { exclusive: true });
  onTestFinished(() => store.close());
  const [small, large, stays] = [await put(store, 'x'), await put(store, 'y'.repeat(70_000)), await put(store, 'z')];
  await store.transfer.forget(['nobody', small.id, large.id]);
  expect((await store.list({}, 10)).map(({ id }) => id)).toEqual([stays.id]);
  await expect.poll(() => readdirSync(join(folder, 'bodies'))).toEqual([]);
});
