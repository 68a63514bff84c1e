import { isRoot, nearestFolder } from '../base/files/ownership.ts';
import { usernameOf, userOf } from '../base/files/users.ts';

/** Missing in Node's types. */
const { initgroups } = process as unknown as { initgroups?(user: number, extraGroup: number): void };

/**
 * Turns root into the user who owns, or will own, the data folder, for the rest of the process: the bridge could not
 * use files of root when it runs as that user again.
 * @returns that user's name; undefined if nothing has changed
 */
export function becomeDataFolderOwner(dataDir: string): string | undefined {
  if (!isRoot()) return undefined;
  const { uid, gid: gidOfFolder } = nearestFolder(dataDir);
  if (uid === 0) return undefined;
  const gid = userOf(uid)?.gid ?? gidOfFolder;
  try {
    initgroups?.(uid, gid);
  } catch {
    // A user unknown to this machine has no other groups.
    process.setgroups?.([gid]);
  }
  process.setgid?.(gid);
  process.setuid?.(uid);
  return usernameOf(uid);
}
