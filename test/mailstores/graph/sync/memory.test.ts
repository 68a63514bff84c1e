import { expect, test } from 'vitest';
import { FolderMemory } from '../../../../src/mailstores/graph/sync/memory.ts';
import { IndexWorld, messageOf } from '../index/index-world.ts';

async function filled(messages: number) {
  const world = new IndexWorld();
  const { inbox } = await world.list(['inbox']);
  const key = inbox?.key ?? 0;
  await world.add(key, ...Array.from({ length: messages }, (_, at) => `m${at}`));
  return { world, key, table: world.index.messages };
}

test('what is taken out of memory while it is read, and read again, is whole and in order', async () => {
  const { key, table } = await filled(9_000);
  const memory = new FolderMemory();
  const first = memory.load(table, key);
  await new Promise((resolve) => setImmediate(resolve));
  memory.clear();
  const second = memory.load(table, key);
  await Promise.all([first, second]);
  const uids = [...memory.entries.keys()];
  expect(uids).toHaveLength(9_000);
  expect(uids).toEqual(uids.toSorted((a, b) => a - b));
});

test('what changes while it is read is as it was changed', async () => {
  const { world, key, table } = await filled(9_000);
  const memory = new FolderMemory();
  const loading = memory.load(table, key);
  const change = async (id: string) => {
    const known = table.get(key, id);
    if (known === undefined) throw new Error(`There is no ${id}.`);
    await world.edit(key, (edit) => {
      edit.setFlags(known, ['\\Flagged'], 'd');
      edit.remember(memory);
    });
    return known.uid;
  };
  // One is read already, the other is still to come.
  const changed = [await change('m5'), await change('m8999')];
  const [added] = await world.edit(key, (edit) => {
    const uids = [edit.add(messageOf('new'), '{}')];
    edit.remember(memory);
    return uids;
  });
  await loading;
  expect(changed.map((uid) => memory.entries.get(uid)?.flags)).toEqual([['\\Flagged'], ['\\Flagged']]);
  expect([memory.entries.size, [...memory.entries.keys()].at(-1)]).toEqual([9_001, added]);
});
