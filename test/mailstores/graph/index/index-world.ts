import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { OthersChanges } from '../../../../src/mailstores/graph/index/authority.ts';
import type { IndexedFolder } from '../../../../src/mailstores/graph/index/folder-table.ts';
import { MailboxIndex, type ShareIndex } from '../../../../src/mailstores/graph/index/mailbox-index.ts';
import { FolderEdit } from '../../../../src/mailstores/graph/sync/edit.ts';
import { OwnChanges } from '../../../../src/mailstores/graph/sync/own-changes.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

/** An index of one mailbox that can be closed and reopened, and changes as a mailbox changes it. */
export class IndexWorld {
  index: MailboxIndex;
  /** What other instances were reported to do: `added 1 2`. */
  readonly heard: string[] = [];
  readonly #open: () => MailboxIndex;

  constructor(share?: ShareIndex, name = 'mailbox') {
    const folder = join(temporaryFolder(), randomUUID());
    mkdirSync(folder);
    this.#open = () => new MailboxIndex({ folder, name, address: 'reports@contoso.com' }, share);
    this.index = this.#open();
    onTestFinished(() => this.index.close());
  }

  restart(): void {
    this.index.close();
    this.index = this.#open();
  }

  /** Graph reports these folders, and no others. @returns them, by id */
  async list(ids: readonly string[], since?: number): Promise<Record<string, IndexedFolder>> {
    const { authority, folders } = this.index;
    const told = ids.map((id) => ({
      ...{ id, parent: undefined, displayName: id, special: undefined, total: 0, unread: 0 },
    }));
    const nowMs = Date.now();
    const known = since ?? (await authority.foldersRevision());
    await authority.putFolders({ told, isWhole: true, subscribed: true, nowMs, since: known });
    return Object.fromEntries(folders.all().map((folder) => [folder.id, folder]));
  }

  async edit<Result>(key: number, work: (edit: FolderEdit) => Result, deltaLink?: string): Promise<Result> {
    const { index } = this;
    const prepare = () => {
      const facts = index.folders.get(key) as IndexedFolder;
      const edit = new FolderEdit({ index, facts, isOpen: true, ownChanges: new OwnChanges() });
      const result = work(edit);
      return { result, progress: { ...edit.counters, ...(deltaLink !== undefined && { deltaLink }) } };
    };
    return await index.authority.write(key, prepare, { ...this.#side, written: () => {} });
  }

  /** Adds messages. @returns their UIDs */
  async add(key: number, ...ids: readonly string[]): Promise<readonly number[]> {
    return await this.edit(key, (edit) => ids.map((id) => edit.add(messageOf(id), '{}')));
  }

  async catchUp(key: number): Promise<void> {
    await this.index.authority.catchUp(key, this.#side);
  }

  /** Ids by UID. */
  uids(key: number): Record<number, string> {
    const { messages } = this.index;
    return Object.fromEntries(messages.page(key, 0, 100_000).map(({ uid }) => [uid, messages.idOf(key, uid) ?? '']));
  }

  readonly #side = {
    others: ({ added, removed, flagged }: OthersChanges) => {
      const told = { removed, added, flagged };
      for (const [what, messages] of Object.entries(told)) {
        if (messages.length > 0) this.heard.push(`${what} ${messages.map(({ uid }) => uid).join(' ')}`);
      }
    },
    forgotten: () => this.heard.push('forgotten'),
  };
}

export function messageOf(id: string, flags: readonly string[] = []) {
  return { id, changeKey: 'c', receivedMs: 1, flags, size: 10, isExact: false };
}
