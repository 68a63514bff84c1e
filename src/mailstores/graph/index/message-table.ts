import type { IndexDatabase } from './database.ts';

/** A message in the index. */
export interface IndexedMessage {
  /** Graph's immutable ID. */
  readonly id: string;
  readonly uid: number;
  readonly flags: readonly string[];
  readonly receivedMs: number;
  readonly size: number;
  readonly isExact: boolean;
  readonly modseq: number;
  readonly changeKey: string;
}

/** The part of a message that a listing needs. */
export type IndexedSummary = Omit<IndexedMessage, 'id' | 'changeKey'>;

type ListedRow = [uid: number, flags: string, receivedMs: number, size: number, isExact: number, modseq: number];

/** What Graph reports of a message, without extended properties. */
export interface MessageFacts {
  readonly id: string;
  readonly changeKey: string;
  readonly receivedMs: number;
  /** Flags that Graph reports without extended properties. */
  readonly flags: readonly string[];
  /** JSON. */
  readonly envelope: string;
}

/** The messages this one answers, according to its header. */
export interface Ancestry {
  readonly inReplyTo: string | undefined;
  readonly references: string | undefined;
}

/** What extended properties report of a message. */
export interface PropertyFacts extends Ancestry {
  readonly id: string;
  /** Flags that only extended properties report. */
  readonly flags: readonly string[];
  /** Bytes, an estimate. */
  readonly size: number | undefined;
}

/** Records what is done to messages while it is attached. */
export class MessageJournal {
  /** IDs of messages added or changed; some may be gone by now. */
  readonly touched = new Set<string>();
  readonly removed: (Pick<IndexedMessage, 'id' | 'uid'> & { readonly modseq: number })[] = [];
}

/** Headers kept per mailbox, bytes. */
const maxHeaderBytes = 256 * 1024 * 1024;

/** Flags that only extended properties report. */
const propertyFlags = ['\\Answered', '\\Deleted', '$Forwarded'];

export function isPropertyFlag(flag: string): boolean {
  return propertyFlags.some((known) => known.toLowerCase() === flag.toLowerCase());
}

/** The messages of all folders: their UIDs and the data a listing shows. */
export class MessageTable {
  readonly #db: IndexDatabase;
  /** Records every change of a message that has a UID. */
  journal: MessageJournal | undefined;
  /** Most messages share a few sets of flags: each set is stored once. */
  readonly #flagSets = new Map<string, readonly string[]>();
  /** Approximate; undefined until counted. */
  #headerBytes: number | undefined;

  constructor(db: IndexDatabase) {
    this.#db = db;
  }

  /** At most `limit` messages with a UID above `after`, ascending. */
  page(folder: number, after: number, limit: number): readonly IndexedSummary[] {
    return this.#db
      .sqlOfArrays(
        `SELECT uid, flags, received, size, is_exact, modseq FROM messages
         WHERE folder = ? AND uid > ? ORDER BY uid LIMIT ?`,
      )
      .all(folder, after, limit)
      .map((row) => {
        const [uid, flags, receivedMs, size, isExact, modseq] = row as unknown as ListedRow;
        return { uid, flags: this.flagSet(flags), receivedMs, size, modseq, isExact: isExact === 1 };
      });
  }

  get(folder: number, id: string): IndexedMessage | undefined {
    const row = this.#db
      .sql(
        `SELECT id, uid, flags, received, size, is_exact, modseq, change_key FROM messages
         WHERE folder = ? AND id = ? AND uid IS NOT NULL`,
      )
      .get(folder, id);
    return row && this.#messageOf(row);
  }

  idOf(folder: number, uid: number): string | undefined {
    return this.#db.sql('SELECT id FROM messages WHERE folder = ? AND uid = ?').get(folder, uid)?.id as
      | string
      | undefined;
  }

  /** The data of ENVELOPE and the fields of its ancestry. */
  envelope(folder: number, id: string): ToldEnvelope | undefined {
    const row = this.#db
      .sql('SELECT envelope, in_reply_to, refs FROM messages WHERE folder = ? AND id = ? AND is_described')
      .get(folder, id);
    return row && toldOf(row);
  }

  /** Like {@link envelope}, by UID. */
  envelopeOf(folder: number, uid: number): ToldEnvelope | undefined {
    const row = this.#db
      .sql('SELECT envelope, in_reply_to, refs FROM messages WHERE folder = ? AND uid = ?')
      .get(folder, uid);
    return row && toldOf(row);
  }

  /** Known values stay: they never change. */
  setAncestry(folder: number, id: string, { inReplyTo, references }: Ancestry): void {
    if (inReplyTo === undefined && references === undefined) return;
    const { changes } = this.#db
      .sql(
        `UPDATE messages SET in_reply_to = coalesce(in_reply_to, ?), refs = coalesce(refs, ?)
         WHERE folder = ? AND id = ? AND (in_reply_to IS NULL OR refs IS NULL)`,
      )
      .run(inReplyTo ?? null, references ?? null, folder, id);
    if (changes > 0) this.journal?.touched.add(id);
  }

  /** Takes in a message that has no UID yet; a known one is marked as seen in this round. */
  stage(folder: number, message: MessageFacts, round: number): void {
    const { id, receivedMs, changeKey, envelope } = message;
    const staged = this.#staged(folder, id);
    // A message reported twice has changed in between; property flags come only from properties.
    const flags = [...message.flags, ...(staged?.flags.filter(isPropertyFlag) ?? [])].join(' ');
    this.#db
      .sql(
        `INSERT INTO messages (folder, id, flags, received, size, is_exact, modseq, change_key, envelope, round, is_described)
         VALUES (?, ?, ?, ?, 0, 0, 1, ?, ?, ?, 1)
         ON CONFLICT (folder, id) DO UPDATE SET
           flags = CASE WHEN uid IS NULL THEN excluded.flags ELSE flags END,
           received = CASE WHEN uid IS NULL THEN excluded.received ELSE received END,
           change_key = CASE WHEN uid IS NULL THEN excluded.change_key ELSE change_key END,
           envelope = excluded.envelope, round = excluded.round, is_described = 1`,
      )
      .run(folder, id, flags, receivedMs, changeKey, envelope, round);
  }

  /** Takes in extended properties of a message that has no UID yet, known or not. */
  stageProperties(folder: number, { id, flags, size, inReplyTo, references }: PropertyFacts, round: number): void {
    const staged = this.#staged(folder, id);
    const all = [...(staged?.flags.filter((flag) => !isPropertyFlag(flag)) ?? []), ...flags].join(' ');
    this.#db
      .sql(
        `INSERT INTO messages (folder, id, flags, received, size, is_exact, modseq, change_key, envelope, in_reply_to,
           refs, round, is_described)
         VALUES (?, ?, ?, 0, ?, 0, 1, '', '', ?, ?, ?, 0)
         ON CONFLICT (folder, id) DO UPDATE SET size = excluded.size, in_reply_to = excluded.in_reply_to,
           refs = excluded.refs,
           flags = CASE WHEN uid IS NULL THEN excluded.flags ELSE flags END`,
      )
      .run(folder, id, all, size ?? 0, inReplyTo ?? null, references ?? null, round);
  }

  /** A message that has no UID yet. */
  #staged(folder: number, id: string): { readonly flags: readonly string[] } | undefined {
    const row = this.#db.sql('SELECT flags FROM messages WHERE folder = ? AND id = ? AND uid IS NULL').get(folder, id);
    return row && { flags: this.flagSet(row.flags as string) };
  }

  /** IDs of messages without a UID, in the order in which they get one; without those never described. */
  staged(folder: number, limit: number): readonly string[] {
    return this.#db
      .sql(
        'SELECT id FROM messages WHERE folder = ? AND uid IS NULL AND is_described = 1 ORDER BY received, id LIMIT ?',
      )
      .all(folder, limit)
      .map(({ id }) => id as string);
  }

  /** Drops messages that were never described. */
  dropUndescribed(folder: number): void {
    this.#db.sql('DELETE FROM messages WHERE folder = ? AND uid IS NULL AND is_described = 0').run(folder);
  }

  /** Assigns a message its UID. @returns false if it already has one or does not exist */
  assign(folder: number, id: string, uid: number, modseq: number): boolean {
    const { changes } = this.#db
      .sql('UPDATE messages SET uid = ?, modseq = ? WHERE folder = ? AND id = ? AND uid IS NULL')
      .run(uid, modseq, folder, id);
    if (changes > 0) this.journal?.touched.add(id);
    return changes > 0;
  }

  /** At most `limit` messages with a UID above `after` that a full round has not seen, ascending. */
  unseen(
    folder: number,
    round: number,
    after: number,
    limit: number,
  ): readonly { readonly id: string; readonly uid: number }[] {
    return this.#db
      .sql('SELECT id, uid FROM messages WHERE folder = ? AND uid > ? AND round < ? ORDER BY uid LIMIT ?')
      .all(folder, after, round, limit)
      .map(({ id, uid }) => ({ id: id as string, uid: uid as number }));
  }

  /** Adds a message together with its UID. */
  add(folder: number, message: IndexedMessage, envelope: string, round: number): void {
    const { id, uid, flags, receivedMs, size, isExact, modseq, changeKey } = message;
    this.journal?.touched.add(id);
    this.#db
      .sql(
        `INSERT INTO messages (folder, id, uid, flags, received, size, is_exact, modseq, change_key, envelope, round, is_described)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)
         ON CONFLICT (folder, id) DO UPDATE SET uid = excluded.uid, flags = excluded.flags, received = excluded.received,
           modseq = excluded.modseq, change_key = excluded.change_key, envelope = excluded.envelope, is_described = 1`,
      )
      .run(folder, id, uid, flags.join(' '), receivedMs, size, Number(isExact), modseq, changeKey, envelope, round);
  }

  update(
    folder: number,
    { id, flags, modseq, changeKey }: Pick<IndexedMessage, 'id' | 'flags' | 'modseq' | 'changeKey'>,
  ): void {
    this.journal?.touched.add(id);
    this.#db
      .sql('UPDATE messages SET flags = ?, modseq = ?, change_key = ? WHERE folder = ? AND id = ?')
      .run(flags.join(' '), modseq, changeKey, folder, id);
  }

  setChangeKey(folder: number, id: string, changeKey: string, envelope: string): void {
    this.journal?.touched.add(id);
    this.#db
      .sql('UPDATE messages SET change_key = ?, envelope = ? WHERE folder = ? AND id = ?')
      .run(changeKey, envelope, folder, id);
  }

  setSize(folder: number, id: string, size: number, isExact: boolean): void {
    this.journal?.touched.add(id);
    this.#db
      .sql('UPDATE messages SET size = ?, is_exact = ? WHERE folder = ? AND id = ?')
      .run(size, Number(isExact), folder, id);
  }

  remove(folder: number, { id, uid }: Pick<IndexedMessage, 'id' | 'uid'>, modseq: number): void {
    this.journal?.removed.push({ id, uid, modseq });
    this.#db.sql('DELETE FROM messages WHERE folder = ? AND id = ?').run(folder, id);
    this.#db.sql('DELETE FROM headers WHERE id = ?').run(id);
    this.noteRemoval(folder, { uid }, modseq);
  }

  /** Drops a message that has no UID yet. */
  dropStaged(folder: number, id: string): void {
    this.#db.sql('DELETE FROM messages WHERE folder = ? AND id = ? AND uid IS NULL').run(folder, id);
  }

  /** Records the removal of a message that no longer exists. */
  noteRemoval(folder: number, { uid }: Pick<IndexedMessage, 'uid'>, modseq: number): void {
    this.#db.sql('INSERT OR IGNORE INTO removals (folder, modseq, uid) VALUES (?, ?, ?)').run(folder, modseq, uid);
  }

  /** UIDs removed after `modseq`, ascending. */
  removedSince(folder: number, modseq: number): readonly number[] {
    return this.#db
      .sql('SELECT uid FROM removals WHERE folder = ? AND modseq > ? ORDER BY uid')
      .all(folder, modseq)
      .map(({ uid }) => uid as number);
  }

  /**
   * Forgets the oldest removals of a folder beyond `most`.
   * @returns the mod-sequence up to which none is remembered; undefined if nothing was forgotten
   */
  forgetRemovals(folder: number, most: number): number | undefined {
    const row = this.#db
      .sql('SELECT modseq FROM removals WHERE folder = ? ORDER BY modseq DESC, uid DESC LIMIT 1 OFFSET ?')
      .get(folder, most);
    if (row === undefined) return undefined;
    this.#db.sql('DELETE FROM removals WHERE folder = ? AND modseq <= ?').run(folder, row.modseq as number);
    return row.modseq as number;
  }

  /** Forgets removals of a folder up to a mod-sequence. */
  forgetRemovalsTo(folder: number, modseq: number): void {
    this.#db.sql('DELETE FROM removals WHERE folder = ? AND modseq <= ?').run(folder, modseq);
  }

  /** Drops at most `limit` messages of removed folders. @returns whether there may be more */
  dropOrphans(limit: number): boolean {
    // Skips from folder to folder through the index: reading all messages would take too long.
    const folder = this.#db
      .sql(
        `WITH RECURSIVE known(folder) AS (
           SELECT min(folder) FROM messages
           UNION ALL SELECT (SELECT min(folder) FROM messages WHERE folder > known.folder) FROM known
             WHERE known.folder IS NOT NULL)
         SELECT folder FROM known WHERE folder IS NOT NULL AND folder NOT IN (SELECT key FROM folders) LIMIT 1`,
      )
      .get()?.folder;
    if (folder === undefined) return false;
    const orphans = this.#db.sql('SELECT key, id FROM messages WHERE folder = ? LIMIT ?').all(folder, limit);
    for (const { key, id } of orphans) {
      this.#db.sql('DELETE FROM headers WHERE id = ?').run(id as string);
      this.#db.sql('DELETE FROM messages WHERE key = ?').run(key as number);
    }
    return true;
  }

  counts(folder: number): { messages: number; unseen: number; deleted: number; size: number } {
    const row = this.#db
      .sql(
        `SELECT count(*) AS messages, coalesce(sum(size), 0) AS size,
           count(*) FILTER (WHERE ' ' || flags || ' ' NOT LIKE '% \\Seen %') AS unseen,
           count(*) FILTER (WHERE ' ' || flags || ' ' LIKE '% \\Deleted %') AS deleted
         FROM messages WHERE folder = ? AND uid IS NOT NULL`,
      )
      .get(folder) as { messages: number; unseen: number; deleted: number; size: number };
    return { ...row };
  }

  /** Counts messages from a UID on. */
  countFrom(folder: number, uid: number): number {
    const row = this.#db
      .sql('SELECT count(*) AS messages FROM messages WHERE folder = ? AND uid >= ?')
      .get(folder, uid);
    return row?.messages as number;
  }

  /** @returns undefined if there is none for this state of the message */
  header(id: string, draftState: string): Buffer | undefined {
    const row = this.#db.sql('SELECT header FROM headers WHERE id = ? AND draft_state = ?').get(id, draftState);
    return row && Buffer.from(row.header as Uint8Array);
  }

  putHeader(id: string, draftState: string, header: Buffer): void {
    this.#db
      .sql('INSERT OR REPLACE INTO headers (id, draft_state, header) VALUES (?, ?, ?)')
      .run(id, draftState, header);
    this.#headerBytes = (this.#headerBytes ?? this.#bytesOfHeaders()) + header.length;
    if (this.#headerBytes > maxHeaderBytes) this.#dropHeaders();
  }

  /** Drops the oldest headers until a tenth of the space is free. */
  #dropHeaders(): void {
    do {
      const oldest = 'SELECT rowid FROM headers ORDER BY rowid LIMIT 500';
      const { changes } = this.#db.sql(`DELETE FROM headers WHERE rowid IN (${oldest})`).run();
      this.#headerBytes = this.#bytesOfHeaders();
      if (changes === 0) return;
    } while (this.#headerBytes > maxHeaderBytes * 0.9);
  }

  #bytesOfHeaders(): number {
    return this.#db.sql('SELECT coalesce(sum(length(header)), 0) AS bytes FROM headers').get()?.bytes as number;
  }

  #messageOf(row: Record<string, unknown>): IndexedMessage {
    return {
      id: row.id as string,
      uid: row.uid as number,
      flags: this.flagSet(row.flags as string),
      receivedMs: row.received as number,
      size: row.size as number,
      isExact: row.is_exact === 1,
      modseq: row.modseq as number,
      changeKey: row.change_key as string,
    };
  }

  /** @param text separated by spaces */
  flagSet(text: string): readonly string[] {
    const known = this.#flagSets.get(text);
    if (known !== undefined) return known;
    if (this.#flagSets.size > 1000) this.#flagSets.clear();
    const flags = text === '' ? [] : text.split(' ');
    this.#flagSets.set(text, flags);
    return flags;
  }
}

/** What the index knows of a message's header. */
export interface ToldEnvelope extends Ancestry {
  /** JSON. */
  readonly envelope: string;
}

function toldOf(row: Record<string, unknown>): ToldEnvelope {
  const text = (value: unknown) => (value as string | null) ?? undefined;
  return { envelope: row.envelope as string, inReplyTo: text(row.in_reply_to), references: text(row.refs) };
}
