import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { readOwnFile } from '../../../../base/files/own-file.ts';
import { recordKinds } from '../../../../base/record-table.ts';
import { courierKindOf } from '../../../../message/courier-kind.ts';
import { addRecord, getRecord, putRecord } from './records.ts';
import { forgetRun, noteBoot, takeAllForUnfinished } from './runs.ts';
import type { Statements } from './statements.ts';
import { endUnfinished } from './unfinished.ts';

/** Files in which versions before queue format 7 kept what the tables now hold. */
const earlierFiles = ['in-flight', 'duplicates', 'dropped', 'copies', 'copies.old', 'marker-key'];

/** As long as the records that replace them. */
const copiesStayMs = 366 * 24 * 3_600_000;

const imported = 'earlier-files';

/**
 * Imports what an earlier version left in files beside the database into its tables, once; within a transaction. Such a
 * version then refuses the database, so it no longer writes the files.
 */
export function importEarlierFiles(db: Statements, folder: string, nowMs: number): void {
  if (getRecord(db, recordKinds.store, imported, 0)) return;
  const linesOf = (name: string) => (readOwnFile(join(folder, name))?.toString('latin1') ?? '').split('\n');
  importAttempts(db, linesOf('in-flight'), nowMs);
  importDuplicates(db, linesOf('duplicates'), nowMs);
  importDrops(db, linesOf('dropped'));
  for (const name of ['copies.old', 'copies']) importCopies(db, linesOf(name), nowMs);
  const key = readOwnFile(join(folder, 'marker-key'));
  if (key) putRecord(db, [recordKinds.key, 'marker', key.toString('base64')], {});
  putRecord(db, [recordKinds.store, imported, 'imported'], {});
}

/** Called once they are imported. */
export function removeEarlierFiles(folder: string): void {
  for (const name of earlierFiles) {
    // The temporary file as well, if it was left behind.
    for (const file of [name, `${name}.new`]) rmSync(join(folder, file), { force: true });
  }
}

/**
 * Attempts that were under way, in lines: `boot ID`, `begin ID COURIER`, `end ID`, `all MS`, `closed`. With `all MS`,
 * everything received before that time may have been under way, except what has ended since.
 */
function importAttempts(db: Statements, lines: readonly string[], nowMs: number): void {
  let allBeforeMs = 0;
  let isClosed = false;
  let boot: string | undefined;
  const begun = new Map<string, string | undefined>();
  const ended = new Set<string>();
  for (const line of lines) {
    const [word, id = '', courier] = line.split(' ');
    isClosed = word === 'closed' || (isClosed && line === '');
    if (word === 'boot') boot = id;
    else if (word === 'begin') begun.set(id, courier);
    else if (word === 'all') allBeforeMs = Number(id) || 0;
    else if (word === 'end') {
      begun.delete(id);
      ended.add(id);
    }
  }
  // A file whose first line was lost when the machine went down.
  if (boot === undefined && lines.some((line) => line !== '')) forgetRun(db);
  else if (boot !== undefined) noteBoot(db, boot, isClosed);
  if (allBeforeMs > 0) takeAllForUnfinished(db, nowMs, allBeforeMs);
  for (const id of ended) endUnfinished(db, id);
  for (const [id, courier] of begun) {
    db.sql(
      `INSERT OR REPLACE INTO unfinished (message_id, courier, started_at)
       SELECT id, ?, ? FROM messages WHERE id = ? AND state <> 'delivered'`,
    ).run(courierKindOf(courier) ?? null, Math.round(nowMs), id);
  }
}

/** Lines `EXPIRES FINGERPRINT ID`. */
function importDuplicates(db: Statements, lines: readonly string[], nowMs: number): void {
  for (const line of lines) {
    const [expires = '', fingerprint, id] = line.split(' ');
    const expiresAtMs = Number(expires);
    if (!fingerprint || !id || !(expiresAtMs > nowMs)) continue;
    putRecord(db, [recordKinds.duplicate, fingerprint, `kept ${id}`], { expiresAtMs });
  }
}

/**
 * Lines `ID COUNT FIRST LAST;`. The last line of a message counts, and the `;` distinguishes a whole line from a
 * truncated one.
 */
function importDrops(db: Statements, lines: readonly string[]): void {
  for (const line of lines) {
    const [, id, ...numbers] = /^(\w+) (\d+) (\d+) (\d+);$/.exec(line) ?? [];
    const [count, firstAtMs, lastAtMs = 0] = numbers.map(Number);
    if (id === undefined) continue;
    const value = JSON.stringify({ count, firstAtMs, lastAtMs });
    putRecord(db, [recordKinds.drops, id, value], { expiresAtMs: lastAtMs + copiesStayMs });
  }
}

/** Lines `MARKER DIGEST,DIGEST`. */
function importCopies(db: Statements, lines: readonly string[], nowMs: number): void {
  for (const line of lines) {
    const [marker, digests] = line.split(' ');
    if (!marker || !digests) continue;
    addRecord(db, [recordKinds.copy, marker, digests], nowMs, { expiresAtMs: nowMs + copiesStayMs });
  }
}
