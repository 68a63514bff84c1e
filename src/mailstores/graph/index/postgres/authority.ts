import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { OneAtATime } from '../../../../base/one-at-a-time.ts';
import { sharedStoreUnavailable } from '../../../../base/record-table.ts';
import { slowDeadlineMs } from '../../../../postgres/database.ts';
import type { ResultRow } from '../../../../postgres/session.ts';
import type {
  AppendNotes,
  FolderSide,
  IndexAuthority,
  ListedFolders,
  ListingPatience,
  Prepared,
  WritingSide,
} from '../authority.ts';
import type { CopiedMessage } from '../copy-table.ts';
import type { FolderProgress, IndexedFolder } from '../folder-table.ts';
import type { IndexedMailbox } from '../mailbox-index.ts';
import { MessageJournal } from '../message-table.ts';
import type { IndexTables } from '../tables.ts';
import { SharedFolderList } from './folder-list.ts';
import { FolderFollower, noSuchFolder } from './following.ts';
import * as statements from './statements.ts';

/** The part of {@link SharedIndexes} that the index of one mailbox needs. */
export interface SharedServer {
  ask(
    address: string,
    text: string,
    values: readonly unknown[],
    options?: { readonly deadlineMs?: number },
  ): Promise<readonly ResultRow[]>;
  written(folder: number): void;
  follow(folder: number, told: () => void): () => void;
}

/** Prepared changes, as rows. */
interface Rehearsed<Result> extends Prepared<Result> {
  readonly before: IndexedFolder;
  readonly rows: readonly CopiedMessage[];
  readonly removed: MessageJournal['removed'];
}

/** Gives up after losing to another writer this often. */
const mostTries = 50;
/** A listing that has been silent for this long has crashed. */
const listingMs = 30_000;
const renewListingMs = 10_000;
const askForListingMs = 1_000;
/** A waiting client is notified on every n-th look. */
const tellEvery = 15;
/**
 * The delta link is shared again after this long even if nothing has changed, because old links expire.
 */
const shareLinkMs = 5 * 60_000;
/** Statements that may concern many messages. */
const slow = new Set([
  statements.writeFolder,
  ...[statements.messagesSince, statements.allMessages, statements.removalsSince, statements.purgeMessages],
]);
const appendsKeptMs = 7 * 24 * 60 * 60_000;

/**
 * The index of a mailbox that several instances share in PostgreSQL, each with a copy of it in its data folder.
 *
 * Every write to a folder names the revision that its copy has followed, and is one statement. If somebody else has
 * written since, it does nothing; the copy catches up, and the change is made again. So the writes to a folder have one
 * order, which is that of its UIDs and of its modification sequences. A copy takes them in without gaps, and changes
 * only after PostgreSQL has confirmed them. Consequences:
 *
 * - No UID means two messages, and no message of a folder has two UIDs: the slower instance finds the message in its
 *   copy.
 * - On every instance, a session that was told UIDNEXT was told of every message below it (RFC 9051 section 2.3.1.1).
 * - The copy catches up before a folder is opened or its counters are reported: a client that comes from another
 *   instance finds HIGHESTMODSEQ and UIDNEXT no lower than they were there (RFC 7162 section 3.1.2.2).
 *
 * Every instance whose clients have a folder open asks Graph; only listing all messages is limited to one instance at a
 * time. The delta link is shared too, and matches what is written: everything Graph has reported up to it
 * is included. So anything requested before another instance has written, whether messages or the link, may be older
 * than what that instance knows. It is not written but read again: see {@link OwnChanges.others}.
 */
export class SharedAuthority implements IndexAuthority {
  readonly isShared = true;
  readonly appends: AppendNotes;
  readonly #process = randomUUID();
  readonly #mailbox: IndexedMailbox;
  readonly #tables: IndexTables;
  readonly #server: SharedServer;
  readonly #follower: FolderFollower;
  readonly #list: SharedFolderList;
  readonly #inTurn = new Map<number, OneAtATime>();
  /** When the link was last shared; unset after messages were written. Monotonic milliseconds. */
  readonly #linkSharedAtMs = new Map<number, number>();

  constructor(mailbox: IndexedMailbox, tables: IndexTables, server: SharedServer) {
    this.#mailbox = mailbox;
    this.#tables = tables;
    this.#server = server;
    const ask = (text: string, values: readonly unknown[]) => this.#ask(text, values);
    this.#follower = new FolderFollower(tables, ask);
    this.#list = new SharedFolderList(mailbox.name, tables, ask);
    this.appends = {
      marker: async (what, sinceMs) => {
        const [row] = await ask(statements.appendMarker, [mailbox.name, what, sinceMs]);
        return row?.marker as string | undefined;
      },
      put: async (what, marker, nowMs) => {
        await ask(statements.putAppend, [mailbox.name, what, marker, nowMs, nowMs - appendsKeptMs]);
      },
      remove: async (what) => void (await ask(statements.removeAppend, [mailbox.name, what])),
    };
  }

  async write<Result>(folder: number, prepare: () => Prepared<Result>, side: WritingSide): Promise<Result> {
    return await this.#turn(folder).run(async () => {
      for (let tries = 1; tries <= mostTries; tries++) {
        const rehearsed = this.#rehearse(folder, prepare);
        if (await this.#commit(rehearsed, side)) return rehearsed.result;
        await this.#follower.catchUp(folder, side);
      }
      throw sharedStoreUnavailable(`The index of ${this.#mailbox.address} is`, new Error('other instances write it'));
    });
  }

  async catchUp(folder: number, side: FolderSide): Promise<void> {
    await this.#turn(folder).run(() => this.#follower.catchUp(folder, side));
  }

  follow(folder: number, told: () => void): () => void {
    return this.#server.follow(folder, told);
  }

  async listing(
    folder: number,
    { signal, waiting }: ListingPatience,
    work: (waited: boolean) => Promise<void>,
  ): Promise<void> {
    const asked = [folder, this.#process, listingMs];
    let waited = 0;
    for (; (await this.#ask(statements.beginListing, asked)).length === 0; waited++) {
      if (this.#tables.folders.get(folder) === undefined) throw noSuchFolder();
      if (waited % tellEvery === 0) waiting?.();
      await delay(askForListingMs, undefined, { ...(signal && { signal }), ref: false });
    }
    const renewal = setInterval(() => {
      this.#ask(statements.beginListing, asked).catch(() => {});
    }, renewListingMs).unref();
    try {
      await work(waited > 0);
    } finally {
      clearInterval(renewal);
      await this.#ask(statements.endListing, [folder, this.#process]).catch(() => {});
    }
  }

  seenBelow(folder: number, uid: number): void {
    this.#ask(statements.seenBelow, [folder, uid]).catch(() => {});
  }

  async foldersRevision(): Promise<number> {
    return await this.#list.revision();
  }

  async foldersChanged(): Promise<void> {
    await this.#ask(statements.countMailbox, [this.#mailbox.name]);
  }

  async putFolders(listed: ListedFolders): Promise<readonly IndexedFolder[]> {
    return await this.#list.put(listed);
  }

  async setSubscribed(folder: number, subscribed: boolean): Promise<void> {
    await this.#ask(statements.writeSubscribed, [this.#mailbox.name, folder, subscribed]);
    this.#tables.folders.update(folder, { subscribed });
  }

  async keepSubscription(name: string): Promise<void> {
    await this.#list.changeKept((kept) => kept.add(name));
  }

  async dropSubscription(name: string): Promise<boolean> {
    return await this.#list.changeKept((kept) => kept.remove(name));
  }

  close(): void {
    this.#list.close();
  }

  async #ask(text: string, values: readonly unknown[]): Promise<readonly ResultRow[]> {
    const options = slow.has(text) ? { deadlineMs: slowDeadlineMs } : {};
    return await this.#server.ask(this.#mailbox.address, text, values, options);
  }

  #turn(folder: number): OneAtATime {
    const turn = this.#inTurn.get(folder) ?? new OneAtATime();
    this.#inTurn.set(folder, turn);
    return turn;
  }

  /** Prepares the changes in the copy, rolls them back, and keeps the result. */
  #rehearse<Result>(folder: number, prepare: () => Prepared<Result>): Rehearsed<Result> {
    const { db, folders, messages, copies } = this.#tables;
    const before = folders.get(folder);
    if (before === undefined) throw noSuchFolder();
    const journal = new MessageJournal();
    return db.rehearse(() => {
      messages.journal = journal;
      try {
        const prepared = prepare();
        const rows = copies.rows(folder, journal.touched).map(cleaned);
        return { ...prepared, before, rows, removed: journal.removed };
      } finally {
        messages.journal = undefined;
      }
    });
  }

  /** @returns false if somebody else has written since */
  async #commit<Result>(rehearsed: Rehearsed<Result>, side: WritingSide): Promise<boolean> {
    const { before, rows, removed, progress } = rehearsed;
    if (rows.length === 0 && removed.length === 0) return await this.#commitProgress(before, progress, side);
    const { key, revision, uidValidity } = before;
    const { uidNext = before.uidNext, modseq = before.modseq, removalsFrom = before.removalsFrom } = progress;
    const stay = new Set(rows.map(({ id }) => id));
    const [written] = await this.#ask(statements.writeFolder, [
      ...[key, revision, uidValidity, uidNext, modseq, removalsFrom, JSON.stringify(rows)],
      JSON.stringify(removed.map((each) => ({ ...each, stays: stay.has(each.id) }))),
      ...linkOf(progress),
    ]);
    if (written === undefined) return false;
    this.#apply(rehearsed, written.revision as number);
    this.#linkSharedAtMs.delete(key);
    side.written();
    this.#server.written(key);
    return true;
  }

  /** Applies the committed changes to the copy. */
  #apply({ before: { key, round }, rows, removed, progress }: Rehearsed<unknown>, revision: number): void {
    const { db, folders, messages, copies } = this.#tables;
    db.transaction(() => {
      for (const each of removed) messages.remove(key, each, each.modseq);
      for (const row of rows) copies.put(key, row, round);
      if (progress.removalsFrom !== undefined) messages.forgetRemovalsTo(key, progress.removalsFrom);
      folders.update(key, { ...progress, revision });
    });
  }

  /**
   * If no message has changed, this instance keeps its link to itself for a while. The shared link reports more, and
   * replaces it once somebody else has written.
   */
  async #commitProgress(before: IndexedFolder, progress: FolderProgress, side: WritingSide): Promise<boolean> {
    const { key, uidValidity } = before;
    let { revision } = before;
    const sharedAtMs = this.#linkSharedAtMs.get(key) ?? Number.NEGATIVE_INFINITY;
    if (progress.deltaLink !== undefined && performance.now() - sharedAtMs >= shareLinkMs) {
      const asked = [key, revision, uidValidity, ...linkOf(progress)];
      const [written] = await this.#ask(statements.writeLink, asked);
      if (written === undefined) return false;
      revision = written.revision as number;
      this.#linkSharedAtMs.set(key, performance.now());
    }
    this.#tables.folders.update(key, { ...progress, revision });
    side.written();
    return true;
  }
}

function linkOf({ deltaLink, propertiesAtMs, reconciledAtMs }: FolderProgress): readonly unknown[] {
  return [deltaLink ?? null, propertiesAtMs ?? null, reconciledAtMs ?? null];
}

/** PostgreSQL stores neither NUL nor unpaired surrogates. */
function cleaned(row: CopiedMessage): CopiedMessage {
  const clean = (text: string) => text.replaceAll('\0', '').toWellFormed();
  return {
    ...row,
    flags: clean(row.flags),
    in_reply_to: row.in_reply_to === null ? null : clean(row.in_reply_to),
    refs: row.refs === null ? null : clean(row.refs),
  };
}
