import { chmodSync, chownSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'vitest';
import { skipLoudly } from './external.ts';

/** A user that is neither root nor an existing user of this machine: unnamed ids work, too. */
export const serviceUser = { uid: 54_320, gid: 54_320 } as const;

/** Only root can switch users. Skips the test, visibly, if not run as root. */
export function needRoot(context: TestContext): void {
  if (process.geteuid?.() !== 0) skipLoudly(context, 'only root can act as another user');
}

/** Gives a file or folder to the service's user, and access to it. */
export function giveToService(path: string): void {
  chownSync(path, serviceUser.uid, serviceUser.gid);
  const above = dirname(path);
  chmodSync(above, (statSync(above).mode & 0o7777) | 0o011);
}

/** Entries in and below a folder, including itself, that belong to another user. */
export function strangersIn(folder: string, { uid, gid } = serviceUser): string[] {
  const entries = readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)));
  return [folder, ...entries].filter((path) => {
    const facts = statSync(path);
    return facts.uid !== uid || facts.gid !== gid;
  });
}

/** Files and folders writable by others than their owner, and keys and databases readable by others. */
export function openToOthers(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => (statSync(path).mode & (/\.(crt|json|ps1)$/.test(path) ? 0o022 : 0o077)) !== 0);
}
