import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { usernameOf } from './users.ts';

/**
 * Returns the owner of a file, or of its folder if the file itself is not accessible.
 * @returns a username, or `the user N` for an ID without one; undefined if neither is accessible
 */
export async function fileOwner(path: string): Promise<string | undefined> {
  const found = (await status(path)) ?? (await status(dirname(path)));
  return found && usernameOf(found.uid);
}

function status(path: string) {
  return stat(path).catch(() => undefined);
}
