import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FileOwner } from '../../base/files/ownership.ts';

/** Required owner, group and mode of something that belongs to the service. */
export interface Access extends FileOwner {
  readonly mode: number;
}

/**
 * Creates a folder, or corrects the access of an existing one.
 * @param shown its name, for people
 * @returns what was done; undefined for nothing
 */
export function settleFolder(path: string, shown: string, access: Access): string | undefined {
  const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  if (!isThere) mkdirSync(path, { recursive: true, mode: access.mode });
  const isChanged = settleAccess(path, access);
  if (!isThere) return `made ${shown} (${octal(access)})`;
  return isChanged ? `set owner and mode of ${shown} (${octal(access)})` : undefined;
}

/** @returns whether anything had to be changed */
export function settleAccess(path: string, { uid, gid, mode }: Access): boolean {
  const facts = lstatSync(path);
  if (facts.uid === uid && facts.gid === gid && (facts.mode & 0o7777) === mode) return false;
  chownSync(path, uid, gid);
  chmodSync(path, mode);
  return true;
}

/** Whether everything in a folder belongs to a user. */
export function belongsAll(folder: string, uid: number): boolean {
  return readdirSync(folder, { withFileTypes: true, recursive: true }).every(
    (entry) => lstatSync(join(entry.parentPath, entry.name)).uid === uid,
  );
}

function octal({ mode }: Access): string {
  return `mode ${mode.toString(8).padStart(4, '0')}`;
}
