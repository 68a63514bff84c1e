import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { usernameOf } from './users.ts';

/**
 * Who owns a file, or the folder of it where the file itself may not be looked at.
 * @returns a username, or `the user N` for an id without one; undefined where nothing can be looked at
 */
export async function fileOwner(path: string): Promise<string | undefined> {
  const found = (await status(path)) ?? (await status(dirname(path)));
  return found && usernameOf(found.uid);
}

function status(path: string) {
  return stat(path).catch(() => undefined);
}
