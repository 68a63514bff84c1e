import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { recordKinds } from '../../../../base/record-table.ts';
import { getRecord, putRecord } from './records.ts';
import type { Statements } from './statements.ts';

const boot = 'boot';
const closed = 'closed';

/**
 * Records that a bridge begins to deliver; within a transaction.
 *
 * Soft writes cost next to nothing, and a process that is killed loses none of them, because the system has them. When
 * the machine itself goes down, some may be lost. That shows by the boot of the last run: then every waiting message
 * counts as one on which an attempt was under way.
 * @param bootName identifies the current boot of the machine
 */
export function beginRun(db: Statements, nowMs: number, bootName = bootId()): void {
  const before = getRecord(db, recordKinds.store, boot, 0)?.value;
  const wentDown =
    before !== undefined && !isSameBoot(before, bootName) && !getRecord(db, recordKinds.store, closed, 0);
  if (wentDown) takeAllForUnfinished(db, nowMs);
  putRecord(db, [recordKinds.store, boot, bootName], {});
  db.sql('DELETE FROM records WHERE kind = ? AND key = ?').run(recordKinds.store, closed);
}

/** Records that nothing is under way any more, flushed to disk with everything written before. */
export function endRun(db: Statements): void {
  putRecord(db, [recordKinds.store, closed, 'yes'], {});
}

/** Records in which boot of the machine a bridge last delivered, and whether it ended cleanly. */
export function noteBoot(db: Statements, bootName: string, isClosed: boolean): void {
  putRecord(db, [recordKinds.store, boot, bootName], {});
  if (isClosed) endRun(db);
}

/** Makes the next run treat every waiting message as one on which an attempt was under way. */
export function forgetRun(db: Statements): void {
  putRecord(db, [recordKinds.store, boot, 'unknown'], {});
  db.sql('DELETE FROM records WHERE kind = ? AND key = ?').run(recordKinds.store, closed);
}

/** Marks every undelivered message without a known attempt as possibly under way; within a transaction. */
export function takeAllForUnfinished(db: Statements, nowMs: number, receivedBeforeMs = Number.MAX_SAFE_INTEGER): void {
  db.sql(
    `INSERT OR IGNORE INTO unfinished (message_id, courier, started_at)
     SELECT id, NULL, ? FROM messages WHERE state IN ('queued', 'held', 'failed') AND received_at < ?`,
  ).run(Math.round(nowMs), receivedBeforeMs);
}

/** Linux names each boot. Elsewhere the boot time identifies it, in seconds since 1970. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return `at-${Math.round(Date.now() / 1000 - uptime())}`;
  }
}

/** Clocks are corrected by a few seconds; nothing boots twice within a minute. */
export function isSameBoot(one: string, other: string): boolean {
  return one === other || Math.abs(bootTime(one) - bootTime(other)) < 60;
}

/** In seconds since 1970; NaN if the boot has a name. */
function bootTime(name: string): number {
  return Number(/^at-(\d+)$/.exec(name)?.[1]);
}
