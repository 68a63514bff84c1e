import { randomUUID } from 'node:crypto';
import { OneAtATime } from '../../../../base/one-at-a-time.ts';
import type { ListedFolders } from '../authority.ts';
import { type IndexedFolder, newUidValidityOffset, uidValidityAfter } from '../folder-table.ts';
import type { KeptSubscriptions } from '../kept-subscriptions.ts';
import type { IndexTables } from '../tables.ts';
import type { Ask } from './following.ts';
import * as statements from './statements.ts';

/** A folder in PostgreSQL. */
interface SharedFolder {
  readonly key: number;
  /** Graph's ID. */
  readonly id: string;
  readonly uidValidity: number;
  readonly subscribed: boolean;
  /** The revision of the list that added it. */
  readonly created: number;
}

interface MailboxState {
  readonly revision: number;
  readonly epoch: string;
  readonly lastUidValidity: number;
  readonly offset: number;
  readonly kept: string;
  readonly folders: readonly SharedFolder[];
  readonly dropped: readonly number[];
}

/** Messages of a removed folder deleted in one statement. */
const purgedAtOnce = 2_000;
const mostTries = 50;

/**
 * The folders of a mailbox. PostgreSQL assigns the key and UIDVALIDITY of each; each instance keeps for itself what
 * Graph reports of them.
 */
export class SharedFolderList {
  readonly #mailbox: string;
  readonly #tables: IndexTables;
  readonly #ask: Ask;
  readonly #inTurn = new OneAtATime();
  #isClosed = false;

  constructor(mailbox: string, tables: IndexTables, ask: Ask) {
    this.#mailbox = mailbox;
    this.#tables = tables;
    this.#ask = ask;
  }

  async revision(): Promise<number> {
    const [row] = await this.#ask(statements.mailboxRevision, [this.#mailbox]);
    return (row?.revision ?? 0) as number;
  }

  /** See {@link IndexAuthority.putFolders}. */
  put(listed: ListedFolders): Promise<readonly IndexedFolder[]> {
    return this.#inTurn.run(async () => {
      for (let tries = 1; ; tries++) {
        const state = await this.#state();
        if (await this.#write(state, listed)) {
          const written = await this.#state();
          this.#purge(written.dropped);
          return this.#copy(written, listed);
        }
        if (tries === mostTries) throw new Error('other instances change the list of folders all the time');
      }
    });
  }

  /** Changes the subscriptions of names that are not folders. */
  changeKept<Result>(change: (kept: KeptSubscriptions) => Result): Promise<Result> {
    const { keptSubscriptions, db } = this.#tables;
    return this.#inTurn.run(async () => {
      for (;;) {
        const { kept } = await this.#state();
        const now = db.rehearse(() => {
          keptSubscriptions.replace(JSON.parse(kept) as string[]);
          return { result: change(keptSubscriptions), names: keptSubscriptions.names() };
        });
        const names = JSON.stringify(now.names);
        const isWritten =
          names === kept || (await this.#ask(statements.writeKept, [this.#mailbox, kept, names])).length > 0;
        if (!isWritten) continue;
        keptSubscriptions.replace(now.names);
        return now.result;
      }
    });
  }

  close(): void {
    this.#isClosed = true;
  }

  async #state(): Promise<MailboxState> {
    for (;;) {
      const [row] = await this.#ask(statements.mailboxState, [this.#mailbox]);
      if (row !== undefined) {
        return {
          ...{ epoch: row.epoch as string, revision: row.revision as number, kept: row.kept_subscriptions as string },
          lastUidValidity: row.last_uid_validity as number,
          offset: row.uid_validity_offset as number,
          folders: JSON.parse(row.folders as string) as SharedFolder[],
          dropped: JSON.parse(row.dropped as string) as number[],
        };
      }
      await this.#ask(statements.addMailbox, [this.#mailbox, randomUUID(), newUidValidityOffset()]);
    }
  }

  /** Adds new folders and removes those that are gone. @returns false if somebody else has written since */
  async #write(state: MailboxState, { told, isWhole, subscribed, nowMs, since }: ListedFolders): Promise<boolean> {
    const known = new Set(state.folders.map(({ id }) => id));
    const there = new Set(told.map(({ id }) => id));
    let last = Math.max(state.lastUidValidity, Number(this.#tables.db.fact('uid_validity') ?? 0));
    const added = told.flatMap(({ id }) => {
      if (known.has(id)) return [];
      last = uidValidityAfter(last, state.offset, nowMs);
      return [{ id, uid_validity: last, subscribed }];
    });
    // A folder created by another instance since Graph was asked is not in Graph's answer.
    const gone = state.folders.filter(({ id, created }) => isWhole && !there.has(id) && created <= since);
    if (added.length === 0 && gone.length === 0) return true;
    const rows = await this.#ask(statements.writeFolders, [
      ...[this.#mailbox, state.revision, last, JSON.stringify(added)],
      JSON.stringify(gone.map(({ key }) => key)),
    ]);
    return rows.length > 0;
  }

  /** @returns folders removed from the copy */
  #copy(state: MailboxState, { told, isWhole }: ListedFolders): readonly IndexedFolder[] {
    const { db, folders, copies, keptSubscriptions } = this.#tables;
    const shared = new Map(state.folders.map((folder) => [folder.id, folder]));
    const there = new Set(told.map(({ id }) => id));
    const isOther = db.fact('epoch') !== state.epoch;
    return db.transaction(() => {
      const gone = folders.all().filter(({ id, key, uidValidity }) => {
        const now = shared.get(id);
        const isSame = !isOther && now?.key === key && now.uidValidity === uidValidity;
        return !isSame || (isWhole && !there.has(id));
      });
      for (const { key } of gone) folders.remove(key);
      for (const each of told) {
        const now = shared.get(each.id);
        // Another instance has just found it gone.
        if (now === undefined) continue;
        // A restored database assigns the same keys again.
        if (folders.get(now.key) === undefined) while (copies.drop(now.key, purgedAtOnce));
        folders.copy(each, now.subscribed, now);
        folders.update(now.key, { subscribed: now.subscribed });
      }
      db.setFact('epoch', state.epoch);
      const last = Math.max(state.lastUidValidity, Number(db.fact('uid_validity') ?? 0));
      db.setFact('uid_validity', String(last));
      keptSubscriptions.replace(JSON.parse(state.kept) as string[]);
      return gone;
    });
  }

  /** Purges what is left of removed folders; anything unfinished is done the next time folders are listed. */
  #purge(dropped: readonly number[]): void {
    void (async () => {
      for (const key of dropped) {
        let rows = purgedAtOnce;
        while (rows === purgedAtOnce && !this.#isClosed) {
          rows = (await this.#ask(statements.purgeMessages, [key, purgedAtOnce])).length;
        }
        if (this.#isClosed) return;
        await this.#ask(statements.purgeRemovals, [key]);
        await this.#ask(statements.purgeFolder, [key]);
      }
    })().catch(() => {});
  }
}
