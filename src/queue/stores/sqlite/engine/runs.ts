import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { recordKinds } from '../../../../base/record-table.ts';
import { getRecord, putRecord } from './records.ts';
import type { Statements } from './statements.ts';

const boot = 'boot';
const closed = 'closed';

/**
 * Notes that a bridge begins to deliver; within a transaction.
 *
 * What is written softly costs next to nothing, and a process that is killed loses none of it, because the system has
 * it. When the machine itself went down, some may be missing. That shows by the boot that the last run was in: then
 * everything that waits is taken for a message on which an attempt was under way.
 * @param bootName names the present run of the machine
 */
export function beginRun(db: Statements, nowMs: number, bootName = bootId()): void {
  const before = getRecord(db, recordKinds.store, boot, 0)?.value;
  const wentDown =
    before !== undefined && !isSameBoot(before, bootName) && !getRecord(db, recordKinds.store, closed, 0);
  if (wentDown) takeAllForUnfinished(db, nowMs);
  putRecord(db, [recordKinds.store, boot, bootName], {});
  db.sql('DELETE FROM records WHERE kind = ? AND key = ?').run(recordKinds.store, closed);
}

/** Notes that nothing is under way any more, on the disk with all that was written before it. */
export function endRun(db: Statements): void {
  putRecord(db, [recordKinds.store, closed, 'yes'], {});
}

/** Notes in which run of the machine a bridge delivered last, and whether it ended in order. */
export function noteBoot(db: Statements, bootName: string, isClosed: boolean): void {
  putRecord(db, [recordKinds.store, boot, bootName], {});
  if (isClosed) endRun(db);
}

/** By that the next run takes everything that waits for a message on which an attempt was under way. */
export function forgetRun(db: Statements): void {
  putRecord(db, [recordKinds.store, boot, 'unknown'], {});
  db.sql('DELETE FROM records WHERE kind = ? AND key = ?').run(recordKinds.store, closed);
}

/** Notes of every message that is not delivered that an attempt may be under way, where none is known; within a transaction. */
export function takeAllForUnfinished(db: Statements, nowMs: number, receivedBeforeMs = Number.MAX_SAFE_INTEGER): void {
  db.sql(
    `INSERT OR IGNORE INTO unfinished (message_id, courier, started_at)
     SELECT id, NULL, ? FROM messages WHERE state IN ('queued', 'held', 'failed') AND received_at < ?`,
  ).run(Math.round(nowMs), receivedBeforeMs);
}

/** Linux names each boot. Elsewhere its time does, in seconds since 1970. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return `at-${Math.round(Date.now() / 1000 - uptime())}`;
  }
}

/** Clocks are set by a few seconds; nothing boots twice within a minute. */
export function isSameBoot(one: string, other: string): boolean {
  return one === other || Math.abs(bootTime(one) - bootTime(other)) < 60;
}

/** In seconds since 1970; NaN where the boot has a name. */
function bootTime(name: string): number {
  return Number(/^at-(\d+)$/.exec(name)?.[1]);
}
