import { isRoot, nearestFolder } from '../base/files/ownership.ts';
import { usernameOf, userOf } from '../base/files/users.ts';

/** Node's types leave it out. */
const { initgroups } = process as unknown as { initgroups?(user: number, extraGroup: number): void };

/**
 * Makes root the user whom the data folder belongs to, or will belong to, for the rest of the process: what root writes
 * there, the bridge cannot use when it runs as that user again.
 * @returns that user's name; undefined where nothing has changed
 */
export function becomeDataFolderOwner(dataDir: string): string | undefined {
  if (!isRoot()) return undefined;
  const { uid, gid: gidOfFolder } = nearestFolder(dataDir);
  if (uid === 0) return undefined;
  const gid = userOf(uid)?.gid ?? gidOfFolder;
  try {
    initgroups?.(uid, gid);
  } catch {
    // A user that this machine does not know is in no other group.
    process.setgroups?.([gid]);
  }
  process.setgid?.(gid);
  process.setuid?.(uid);
  return usernameOf(uid);
}
