import {
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { assertOwnFiles, databaseFiles } from '../../../base/files/own-file.ts';
import { makeOwnFolder } from '../../../base/files/own-folder.ts';
import { syncFolder } from '../../../base/files/sync-folder.ts';
import { takeAllForUnfinished } from './engine/runs.ts';
import { Statements } from './engine/statements.ts';
import { columnsOf, copyRow, readableRows } from './salvage.ts';
import { openDatabase } from './schema.ts';

/** The result of a repair. */
export interface RepairReport {
  /** Messages in the new database. */
  readonly messages: number;
  /** Those whose body is lost; they are quarantined. */
  readonly withoutBody: number;
  /** Bodies that no longer belong to a message, each now a file in the folder {@link recovered}. */
  readonly bodies: number;
  readonly recovered: string;
  /** The damaged database. */
  readonly kept: string;
}

/**
 * Builds a new database from what can be read of a damaged one, which is kept beside it. Bodies whose message is lost
 * become separate files. Only to be called by the only process that uses the queue.
 * @param folder of the queue
 * @param mark distinguishes this repair from others in file names
 */
export function repairQueue(folder: string, mark: string): RepairReport {
  const file = join(folder, 'queue.sqlite');
  const kept = join(folder, `queue-damaged-${mark}.sqlite`);
  assertOwnFiles(...databaseFiles(file));
  for (const suffix of ['', '-wal']) {
    if (existsSync(file + suffix)) copyFileSync(file + suffix, kept + suffix, constants.COPYFILE_EXCL);
  }
  const fresh = join(folder, 'queue-repaired.sqlite');
  for (const suffix of ['', '-wal', '-shm']) rmSync(fresh + suffix, { force: true });
  const recovered = join(folder, 'recovered');
  const report = salvage(kept, fresh, join(folder, 'bodies'), recovered);
  // The log belongs to the old database, and would be replayed into any database of that name.
  for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
  renameSync(fresh, file);
  syncFolder(folder);
  return { ...report, recovered, kept };
}

function salvage(kept: string, fresh: string, bodies: string, recovered: string) {
  const from = openDamaged(kept);
  const to = openDatabase(fresh);
  try {
    to.exec('BEGIN');
    const messages = from ? copyMessages(from, to) : 0;
    const strays = (from ? copyBodies(from, to, recovered) : 0) + strayFiles(to, bodies, recovered);
    if (from) {
      copyAttempts(from, to);
      for (const table of ['pauses', 'follow_ups']) copyTable(from, to, table);
      copyUnfinished(from, to);
      copyRecords(from, to);
    }
    const withoutBody = quarantineWithoutBody(to, bodies);
    to.exec('COMMIT; PRAGMA journal_mode = DELETE');
    return { messages, withoutBody, bodies: strays };
  } finally {
    to.close();
    from?.close();
  }
}

/** Undefined if not even the beginning of the file is a database's. */
function openDamaged(file: string): DatabaseSync | undefined {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file);
    db.prepare('SELECT count(*) FROM sqlite_master').get();
    return db;
  } catch {
    db?.close();
    return undefined;
  }
}

function copyMessages(from: DatabaseSync, to: DatabaseSync): number {
  const columns = columnsOf(to, 'messages');
  let count = 0;
  for (const row of readableRows(from, 'messages')) if (copyRow(to, 'messages', columns, row)) count += 1;
  return count;
}

/** @returns how many bodies belong to no message */
function copyBodies(from: DatabaseSync, to: DatabaseSync, recovered: string): number {
  const known = to.prepare('SELECT 1 FROM messages WHERE id = ?');
  const columns = columnsOf(to, 'bodies');
  let strays = 0;
  for (const row of readableRows(from, 'bodies')) {
    const { message_id: id, content } = row;
    if (typeof id !== 'string' || !(content instanceof Uint8Array)) continue;
    if (known.get(id)) {
      copyRow(to, 'bodies', columns, row);
      continue;
    }
    makeOwnFolder(recovered);
    const lost = join(recovered, `${fileName(id)}.eml`);
    rmSync(lost, { force: true });
    writeFileSync(lost, content, { flag: 'wx', mode: 0o600 });
    strays += 1;
  }
  return strays;
}

/** An id from a damaged database may be anything. */
function fileName(id: string): string {
  return id.replace(/[^A-Za-z0-9]/g, '_').slice(0, 50);
}

function strayFiles(to: DatabaseSync, bodies: string, recovered: string): number {
  const known = new Set(
    to
      .prepare('SELECT body_file FROM messages WHERE body_file IS NOT NULL')
      .all()
      .map((row) => row.body_file),
  );
  const strays = existsSync(bodies) ? readdirSync(bodies).filter((file) => !known.has(file)) : [];
  if (strays.length > 0) makeOwnFolder(recovered);
  for (const file of strays) renameSync(join(bodies, file), join(recovered, file));
  return strays.length;
}

/** Attempts are found by their message: the table has no rowid to walk along. */
function copyAttempts(from: DatabaseSync, to: DatabaseSync): void {
  const columns = columnsOf(to, 'attempts');
  for (const { id } of to.prepare('SELECT id FROM messages').all()) {
    try {
      const rows = from.prepare('SELECT * FROM attempts WHERE message_id = ?').all(id as string);
      for (const row of rows) copyRow(to, 'attempts', columns, row);
    } catch {
      // Only its history is lost.
    }
  }
}

/** Pauses that upstreams have asked for remain in force, and follow-ups remain to be done. */
function copyTable(from: DatabaseSync, to: DatabaseSync, table: string): void {
  const columns = columnsOf(to, table);
  for (const row of readableRows(from, table)) copyRow(to, table, columns, row);
}

/** If it is unknown on which messages an attempt was under way, it may have been on any. */
function copyUnfinished(from: DatabaseSync, to: DatabaseSync): void {
  const columns = columnsOf(to, 'unfinished');
  try {
    if (!hasTable(from, 'unfinished')) return;
    for (const row of from.prepare('SELECT * FROM unfinished').all()) copyRow(to, 'unfinished', columns, row);
  } catch {
    takeAllForUnfinished(new Statements(to), Date.now());
  }
}

/**
 * From the first row to the unreadable part, and from the last row back to it: the table has no rowid to walk along.
 */
function copyRecords(from: DatabaseSync, to: DatabaseSync): void {
  const columns = columnsOf(to, 'records');
  for (const order of ['kind, key', 'kind DESC, key DESC']) {
    try {
      // The second walk fails on rows that the first has copied.
      for (const row of from.prepare(`SELECT * FROM records ORDER BY ${order}`).iterate()) {
        copyRow(to, 'records', columns, row);
      }
      return;
    } catch {
      // A lost record may cost a duplicate.
    }
  }
}

function hasTable(db: DatabaseSync, name: string): boolean {
  return db.prepare(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?`).get(name) !== undefined;
}

function quarantineWithoutBody(to: DatabaseSync, bodies: string): number {
  const rows = to
    .prepare(
      `SELECT id, size, body_file FROM messages
       WHERE state <> 'delivered' AND NOT EXISTS (SELECT 1 FROM bodies WHERE message_id = id)`,
    )
    .all();
  const lost = rows.filter(
    ({ size, body_file }) =>
      body_file === null || lstatSync(join(bodies, body_file as string), { throwIfNoEntry: false })?.size !== size,
  );
  const quarantine = to.prepare(`UPDATE messages SET state = 'quarantined', damage = ? WHERE id = ?`);
  for (const { id } of lost) quarantine.run('Its body was lost with the damaged database.', id as string);
  return lost.length;
}
