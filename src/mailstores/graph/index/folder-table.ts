import { randomInt } from 'node:crypto';
import type { SpecialUse } from '../../../mailbox/mail-store.ts';
import type { IndexDatabase } from './database.ts';

/** A folder in the index. */
export interface IndexedFolder {
  /** The index's own key. */
  readonly key: number;
  /** Graph's ID. */
  readonly id: string;
  /** Graph's ID of the parent folder; undefined at the top. */
  readonly parent: string | undefined;
  readonly displayName: string;
  /** `inbox`, or a special use that IMAP has a name for. */
  readonly special: SpecialUse | 'inbox' | undefined;
  readonly total: number;
  readonly unread: number;
  readonly subscribed: boolean;
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly modseq: number;
  readonly recentFrom: number;
  readonly removalsFrom: number;
  readonly deltaLink: string | undefined;
  readonly round: number;
  readonly roundLink: string | undefined;
  readonly propertiesAtMs: number;
  readonly reconciledAtMs: number;
  /** Revision that the copy of a shared index has followed; 0: none. */
  readonly revision: number;
}

/** A folder as Graph reports it. */
export type ToldFolder = Pick<IndexedFolder, 'id' | 'parent' | 'displayName' | 'special' | 'total' | 'unread'>;

/** Folder data that the bridge changes. */
export type FolderProgress = Partial<
  Pick<
    IndexedFolder,
    | 'subscribed'
    | 'uidNext'
    | 'modseq'
    | 'recentFrom'
    | 'removalsFrom'
    | 'deltaLink'
    | 'round'
    | 'roundLink'
    | 'propertiesAtMs'
    | 'reconciledAtMs'
    | 'revision'
  >
>;

const columns: Readonly<Record<keyof FolderProgress, string>> = {
  subscribed: 'subscribed',
  uidNext: 'uid_next',
  modseq: 'modseq',
  recentFrom: 'recent_from',
  removalsFrom: 'removals_from',
  deltaLink: 'delta_link',
  round: 'round',
  roundLink: 'round_link',
  propertiesAtMs: 'properties_at',
  reconciledAtMs: 'reconciled_at',
  revision: 'revision',
};

/** Above the values of earlier versions; 2,048 weeks fit below 2^32. */
const lowestUidValidity = 2 ** 31;
const firstWeekMs = Date.UTC(2026, 0, 1);
const weekMs = 7 * 24 * 60 * 60_000;

/**
 * An offset added to every UIDVALIDITY of an index, so that indexes created in the same week do not assign the same
 * values.
 */
export function newUidValidityOffset(): number {
  return randomInt(2 ** 20);
}

/** @param last the value assigned last; 0: none */
export function uidValidityAfter(last: number, offset: number, nowMs: number): number {
  const weeks = Math.floor(Math.max(0, nowMs - firstWeekMs) / weekMs);
  return Math.max(lowestUidValidity + weeks * 2 ** 20 + offset, last + 1 + randomInt(64));
}

/** The folders of a mailbox with their UIDVALIDITY. */
export class FolderTable {
  readonly #db: IndexDatabase;

  constructor(db: IndexDatabase) {
    this.#db = db;
  }

  all(): readonly IndexedFolder[] {
    return this.#db.sql('SELECT * FROM folders ORDER BY key').all().map(folderOf);
  }

  get(key: number): IndexedFolder | undefined {
    const row = this.#db.sql('SELECT * FROM folders WHERE key = ?').get(key);
    return row && folderOf(row);
  }

  /** Takes in a folder reported by Graph. A new folder gets a UIDVALIDITY that no folder of this mailbox had before. */
  put(told: ToldFolder, subscribed: boolean, nowMs: number): number {
    return this.#updated(told) ?? this.#insert(told, subscribed, { uidValidity: this.#nextUidValidity(nowMs) });
  }

  /** Like {@link put}, for a shared index, which assigns a new folder's key and UIDVALIDITY. */
  copy(told: ToldFolder, subscribed: boolean, given: { readonly key: number; readonly uidValidity: number }): void {
    if (this.#updated(told) === undefined) this.#insert(told, subscribed, given);
  }

  /** @returns its key; undefined if the folder is unknown */
  #updated({ id, parent, displayName, special, total, unread }: ToldFolder): number | undefined {
    const values = [parent ?? null, displayName, special ?? null, total, unread];
    // Every login reads the list of folders: if nothing has changed, nothing is written.
    const same = this.#db
      .sql(
        `SELECT key FROM folders WHERE parent IS ? AND display_name = ? AND special IS ? AND total = ? AND unread = ?
           AND id = ?`,
      )
      .get(...values, id);
    if (same !== undefined) return same.key as number;
    const known = this.#db
      .sql(
        'UPDATE folders SET parent = ?, display_name = ?, special = ?, total = ?, unread = ? WHERE id = ? RETURNING key',
      )
      .get(...values, id);
    return known?.key as number | undefined;
  }

  #insert(
    { id, parent, displayName, special, total, unread }: ToldFolder,
    subscribed: boolean,
    { key, uidValidity }: { readonly key?: number; readonly uidValidity: number },
  ): number {
    const values = [parent ?? null, displayName, special ?? null, total, unread];
    const added = this.#db
      .sql(
        `INSERT INTO folders (key, parent, display_name, special, total, unread, id, subscribed, uid_validity, uid_next,
           modseq, recent_from, removals_from, round, properties_at, reconciled_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 1, 1, 1, 0, 0, 0) RETURNING key`,
      )
      .get(key ?? null, ...values, id, subscribed ? 1 : 0, uidValidity);
    return added?.key as number;
  }

  update(key: number, progress: FolderProgress): void {
    const entries = Object.entries(progress) as [keyof FolderProgress, number | string | boolean | undefined][];
    if (entries.length === 0) return;
    const set = entries.map(([name]) => `${columns[name]} = ?`).join(', ');
    const values = entries.map(([, value]) => (typeof value === 'boolean' ? Number(value) : (value ?? null)));
    this.#db.sql(`UPDATE folders SET ${set} WHERE key = ?`).run(...values, key);
  }

  /** Its messages are left to {@link MessageTable.dropOrphans}, as there may be very many. */
  remove(key: number): void {
    this.#db.sql('DELETE FROM removals WHERE folder = ?').run(key);
    this.#db.sql('DELETE FROM folders WHERE key = ?').run(key);
  }

  /** Higher than the last one of this index, and than those of an index lost a week ago. */
  #nextUidValidity(nowMs: number): number {
    const last = Number(this.#db.fact('uid_validity') ?? 0);
    const next = uidValidityAfter(last, this.#offset(), nowMs);
    this.#db.setFact('uid_validity', String(next));
    return next;
  }

  /**
   * This index's offset: another instance listing the same folders at the same moment must not assign the same
   * UIDVALIDITY.
   */
  #offset(): number {
    const known = this.#db.fact('uid_validity_offset');
    if (known !== undefined) return Number(known);
    const offset = newUidValidityOffset();
    this.#db.setFact('uid_validity_offset', String(offset));
    return offset;
  }
}

function folderOf(row: Record<string, unknown>): IndexedFolder {
  const text = (value: unknown) => (value === null ? undefined : (value as string));
  return {
    key: row.key as number,
    id: row.id as string,
    parent: text(row.parent),
    displayName: row.display_name as string,
    special: text(row.special) as IndexedFolder['special'],
    total: row.total as number,
    unread: row.unread as number,
    subscribed: row.subscribed === 1,
    uidValidity: row.uid_validity as number,
    uidNext: row.uid_next as number,
    modseq: row.modseq as number,
    recentFrom: row.recent_from as number,
    removalsFrom: row.removals_from as number,
    deltaLink: text(row.delta_link),
    round: row.round as number,
    roundLink: text(row.round_link),
    propertiesAtMs: row.properties_at as number,
    reconciledAtMs: row.reconciled_at as number,
    revision: row.revision as number,
  };
}
