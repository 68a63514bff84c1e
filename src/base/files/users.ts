import { readFileSync } from 'node:fs';

/** A user of this machine. */
export interface LocalUser {
  readonly name: string;
  /** Of the primary group. */
  readonly gid: number;
}

/** A user by id; undefined for one that stands in no file: of a directory service, or of another machine. */
export function userOf(uid: number): LocalUser | undefined {
  const fields = lines('/etc/passwd').find(([, , id]) => id === String(uid));
  return fields && { name: fields[0] ?? '', gid: Number(fields[3]) };
}

/** For people: the name, or `the user N`. */
export function usernameOf(uid: number): string {
  return userOf(uid)?.name ?? `the user ${uid}`;
}

/** As `sudo -u` and `chown` take it. */
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
