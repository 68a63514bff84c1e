import type { AppendNotes, IndexAuthority, ListedFolders, Prepared, WritingSide } from '../authority.ts';
import type { IndexedFolder } from '../folder-table.ts';
import type { IndexTables } from '../tables.ts';

/** An index that nobody else writes: its own tables are authoritative. */
export class OwnAuthority implements IndexAuthority {
  readonly isShared = false;
  readonly appends: AppendNotes;
  readonly #tables: IndexTables;

  constructor(tables: IndexTables) {
    this.#tables = tables;
    const { appends } = tables;
    this.appends = {
      marker: async (...asked) => appends.marker(...asked),
      put: async (...noted) => appends.put(...noted),
      remove: async (what) => appends.remove(what),
    };
  }

  async write<Result>(folder: number, prepare: () => Prepared<Result>, side: WritingSide): Promise<Result> {
    const { db, folders } = this.#tables;
    const result = db.transaction(() => {
      const { result, progress } = prepare();
      folders.update(folder, progress);
      return result;
    });
    side.written();
    return result;
  }

  async catchUp(): Promise<void> {}

  follow(): () => void {
    return () => {};
  }

  async listing(_folder: number, _patience: unknown, work: (waited: boolean) => Promise<void>): Promise<void> {
    await work(false);
  }

  seenBelow(): void {}

  async foldersRevision(): Promise<number> {
    return 0;
  }

  async foldersChanged(): Promise<void> {}

  async putFolders({ told, isWhole, subscribed, nowMs }: ListedFolders): Promise<readonly IndexedFolder[]> {
    const { db, folders } = this.#tables;
    const ids = new Set(told.map(({ id }) => id));
    const gone = isWhole ? folders.all().filter(({ id }) => !ids.has(id)) : [];
    db.transaction(() => {
      for (const { key } of gone) folders.remove(key);
      for (const each of told) folders.put(each, subscribed, nowMs);
    });
    return gone;
  }

  async setSubscribed(folder: number, subscribed: boolean): Promise<void> {
    this.#tables.folders.update(folder, { subscribed });
  }

  async keepSubscription(name: string): Promise<void> {
    this.#tables.keptSubscriptions.add(name);
  }

  async dropSubscription(name: string): Promise<boolean> {
    return this.#tables.keptSubscriptions.remove(name);
  }

  close(): void {}
}
