import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Who owns a file, or the folder of it where the file itself may not be looked at.
 * @returns a username, or `the user N` for an id without one; undefined where nothing can be looked at
 */
export async function fileOwner(path: string): Promise<string | undefined> {
  const found = (await status(path)) ?? (await status(dirname(path)));
  return found && ((await usernameOf(found.uid)) ?? `the user ${found.uid}`);
}

function status(path: string) {
  return stat(path).catch(() => undefined);
}

/** Users of a directory service stand in no file; their id serves as well. */
async function usernameOf(uid: number): Promise<string | undefined> {
  const users = await readFile('/etc/passwd', 'utf8').catch(() => '');
  return users
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields[2] === String(uid))?.[0];
}
