import { statfsSync } from 'node:fs';
import { BridgeError, systemErrorCode } from '../../base/errors.ts';

const sqliteFull = 13;
const sqliteIoError = 10;
/** With less free space than this, a failed write failed for lack of space. */
const fullBelowOctets = 64 * 1024;

/** Whether a write failed because the disk, or the user's quota on it, is full. */
export function isDiskFull(error: unknown, folder: string): boolean {
  if (isOutOfSpace(error)) return true;
  const sqlite = (error as { errcode?: unknown } | undefined)?.errcode;
  if (typeof sqlite !== 'number') return false;
  // If SQLite cannot flush or cannot grow its WAL index, it only reports "I/O error".
  return sqlite === sqliteFull || ((sqlite & 0xff) === sqliteIoError && freeOctets(folder) < fullBelowOctets);
}

/** Whether the system reports that the disk, or the user's quota on it, is full. */
export function isOutOfSpace(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** Space that this user may still use on the disk of a folder. */
export function freeOctets(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** Translates the error of a failed write for the rest of the bridge: `queue-full` if the disk is full. */
export function writeFailure(error: unknown, folder: string): unknown {
  if (error instanceof BridgeError || !isDiskFull(error, folder)) return error;
  return new BridgeError('queue-full', `The disk of ${folder} is full.`, { cause: error });
}
