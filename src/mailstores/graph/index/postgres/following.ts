import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { MailStoreError } from '../../../../mailbox/mail-store.ts';
import type { ResultRow } from '../../../../postgres/session.ts';
import type { FolderSide, OthersChanges } from '../authority.ts';
import type { CopiedMessage } from '../copy-table.ts';
import type { FolderProgress, IndexedFolder } from '../folder-table.ts';
import type { IndexedMessage } from '../message-table.ts';
import type { IndexTables } from '../tables.ts';
import { allMessages, dropFolder, folderState, messagesSince, removalsSince } from './statements.ts';

/** Runs a statement for one mailbox. */
export type Ask = (text: string, values: readonly unknown[]) => Promise<readonly ResultRow[]>;

/** Messages taken in before yielding to other work. */
const takenAtOnce = 500;

/** A removal as instances exchange it. */
interface CopiedRemoval {
  readonly id: string;
  readonly uid: number;
  readonly modseq: number;
}

/** The state of a folder in PostgreSQL. */
interface FolderState {
  readonly revision: number;
  readonly uid_next: number;
  readonly modseq: number;
  readonly recent_from: number;
  readonly removals_from: number;
  readonly removals_revision: number;
  readonly uid_validity: number;
  readonly delta_link: string | null;
  readonly properties_at: number;
  readonly reconciled_at: number;
}

/** Brings the copy of a folder up to date with PostgreSQL. */
export class FolderFollower {
  readonly #tables: IndexTables;
  readonly #ask: Ask;

  constructor(tables: IndexTables, ask: Ask) {
    this.#tables = tables;
    this.#ask = ask;
  }

  /**
   * Takes in everything written since the copy last followed.
   * @throws MailStoreError `no-such-folder` if the folder is gone, or if the copy knows more than PostgreSQL
   */
  async catchUp(folder: number, side: FolderSide): Promise<void> {
    const facts = this.#tables.folders.get(folder);
    if (facts === undefined) throw noSuchFolder();
    const [row] = await this.#ask(folderState, [folder]);
    const state = row as FolderState | undefined;
    if (state === undefined || state.uid_validity !== facts.uidValidity) throw this.#lost(folder);
    if (state.revision < facts.revision) {
      // PostgreSQL has lost confirmed writes: UIDs that clients know would be assigned again.
      await this.#ask(dropFolder, [folder, state.revision]);
      throw this.#lost(folder);
    }
    if (state.recent_from > facts.recentFrom) this.#tables.folders.update(folder, { recentFrom: state.recent_from });
    if (state.revision > facts.revision) await this.#follow(facts, state, side);
  }

  async #follow(facts: IndexedFolder, state: FolderState, side: FolderSide): Promise<void> {
    const folder = facts.key;
    let since = facts.revision;
    if (since > 0 && since < state.removals_revision) {
      await this.#forget(folder, side);
      since = 0;
    }
    let removals = (await this.#ask(removalsSince, [folder, since])) as unknown as readonly CopiedRemoval[];
    for (let after = 0; ; ) {
      const rows = (await (since === 0
        ? this.#ask(allMessages, [folder, after, takenAtOnce])
        : this.#ask(messagesSince, [folder, since, after, takenAtOnce]))) as unknown as readonly CopiedMessage[];
      const isLast = rows.length < takenAtOnce;
      after = rows.at(-1)?.uid ?? after;
      const uidNext = Math.max(this.#tables.folders.get(folder)?.uidNext ?? 1, after + 1);
      const progress = isLast ? progressOf(state, uidNext) : { uidNext };
      side.others(this.#takeIn(facts, removals, rows, progress));
      if (isLast) return;
      removals = [];
      await yieldToOthers();
    }
  }

  /** Updates the copy, all at once. @returns the changes to report to others */
  #takeIn(
    { key, round }: IndexedFolder,
    removals: readonly CopiedRemoval[],
    rows: readonly CopiedMessage[],
    progress: FolderProgress,
  ): OthersChanges {
    const { db, folders, messages, copies } = this.#tables;
    return db.transaction(() => {
      const removed = removals.filter((removal) => {
        const known = messages.get(key, removal.id);
        if (known?.uid === removal.uid) messages.remove(key, removal, removal.modseq);
        else messages.noteRemoval(key, removal, removal.modseq);
        // It came and went while this instance was listing the folder.
        messages.dropStaged(key, removal.id);
        return known?.uid === removal.uid;
      });
      const changes = rows.map((row) => {
        const before = messages.get(key, row.id);
        copies.put(key, row, round);
        return { before, now: messages.get(key, row.id) as IndexedMessage };
      });
      folders.update(key, progress);
      if (progress.removalsFrom !== undefined) messages.forgetRemovalsTo(key, progress.removalsFrom);
      return {
        removed,
        removedModseq: Math.max(0, ...removed.map(({ modseq }) => modseq)),
        added: changes.filter(({ before }) => before === undefined).map(({ now }) => now),
        flagged: changes
          .filter(({ before, now }) => before !== undefined && before.flags !== now.flags)
          .map(({ now }) => now),
        other: changes
          .filter(({ before, now }) => before !== undefined && before.flags === now.flags)
          .map(({ now }) => now),
      };
    });
  }

  /** More was removed than is remembered: discards the copy. */
  async #forget(folder: number, side: FolderSide): Promise<void> {
    const { db, folders, copies } = this.#tables;
    side.forgotten();
    folders.update(folder, { revision: 0 });
    while (db.transaction(() => copies.drop(folder, takenAtOnce))) await yieldToOthers();
  }

  #lost(folder: number): MailStoreError {
    this.#tables.folders.remove(folder);
    return noSuchFolder();
  }
}

function progressOf(state: FolderState, uidNext: number): FolderProgress {
  return {
    revision: state.revision,
    uidNext: Math.max(state.uid_next, uidNext),
    modseq: state.modseq,
    removalsFrom: state.removals_from,
    ...(state.delta_link !== null && {
      deltaLink: state.delta_link,
      propertiesAtMs: state.properties_at,
      reconciledAtMs: state.reconciled_at,
    }),
  };
}

/** The error for a folder whose index was replaced. */
export function noSuchFolder(): MailStoreError {
  return new MailStoreError('no-such-folder', 'The folder was deleted, or its UIDs are void.');
}
