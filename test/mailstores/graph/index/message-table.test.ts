import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MailboxIndex } from '../../../../src/mailstores/graph/index/mailbox-index.ts';
import { FolderEdit } from '../../../../src/mailstores/graph/sync/edit.ts';
import { OwnChanges } from '../../../../src/mailstores/graph/sync/own-changes.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

function filled(messages: number) {
  const index = new MailboxIndex({
    folder: mkdtempSync(join(temporaryFolder(), 'index-')),
    name: 'mailbox',
    address: 'x',
  });
  const told = { parent: undefined, special: undefined, total: 0, unread: 0 };
  const key = index.folders.put({ ...told, id: 'f', displayName: 'x' }, true, 1_000_000);
  const edit = (work: (edit: FolderEdit) => void) =>
    index.db.transaction(() => {
      const facts = index.folders.get(key);
      if (facts === undefined) throw new Error('There is no folder.');
      const folderEdit = new FolderEdit({ index, facts, isOpen: false, ownChanges: new OwnChanges() });
      work(folderEdit);
      index.folders.update(key, folderEdit.counters);
    });
  edit((folder) => {
    for (let number = 1; number <= messages; number++) {
      const facts = { id: `m${number}`, changeKey: '', receivedMs: number, flags: [], size: 1, isExact: false };
      folder.add(facts, '{}');
    }
  });
  return { index, key, edit };
}

test('removals are remembered to a bound, also where nobody ever opens the folder', () => {
  const { index, key, edit } = filled(12_000);
  for (let start = 1; start <= 12_000; start += 500) {
    edit((folder) => void folder.remove(Array.from({ length: 500 }, (_, at) => `m${start + at}`)));
  }
  const { modseq, removalsFrom } = index.folders.get(key) ?? {};
  const remembered = index.messages.removedSince(key, 0);
  expect([remembered.length, remembered[0], remembered.at(-1)]).toEqual([10_000, 2_001, 12_000]);
  // A client that knows the folder up to there learns of all removals since.
  expect(index.messages.removedSince(key, removalsFrom ?? 0)).toHaveLength(10_000);
  expect(Number(removalsFrom)).toBeLessThan(Number(modseq));
  index.close();
});

test('messages of a folder that is gone leave the index, some at a time', async () => {
  const { index, key } = filled(2_500);
  index.messages.putHeader('m7', '', Buffer.from('x'));
  const other = { id: 'g', parent: undefined, displayName: 'y', special: undefined, total: 0, unread: 0 };
  const kept = index.folders.put(other, true, 1_000_000);
  index.messages.stage(kept, { id: 'k', changeKey: '', receivedMs: 1, flags: [], envelope: '{}' }, 1);
  index.folders.remove(key);
  await index.dropOrphans();
  expect([index.messages.counts(key).messages, index.messages.header('m7', '')]).toEqual([0, undefined]);
  expect(index.messages.staged(kept, 10)).toEqual(['k']);
  index.close();
});
