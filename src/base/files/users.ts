import { readFileSync } from 'node:fs';

/** A user of this machine. */
export interface LocalUser {
  readonly name: string;
  /** ID of the primary group. */
  readonly gid: number;
}

/** Looks up a user by ID; undefined for one that is not in the file: of a directory service, or of another machine. */
export function userOf(uid: number): LocalUser | undefined {
  const fields = lines('/etc/passwd').find(([, , id]) => id === String(uid));
  return fields && { name: fields[0] ?? '', gid: Number(fields[3]) };
}

/** Returns the name, or `the user N`, for messages. */
export function usernameOf(uid: number): string {
  return userOf(uid)?.name ?? `the user ${uid}`;
}

/** Returns the user as `sudo -u` and `chown` take it. */
export function userArgument(uid: number): string {
  return userOf(uid)?.name ?? `'#${uid}'`;
}

function lines(file: string): string[][] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
  } catch {
    return [];
  }
}
