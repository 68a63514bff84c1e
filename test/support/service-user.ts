import { chmodSync, chownSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'vitest';
import { skipLoudly } from './external.ts';

/** Some user that is neither root nor anybody of this machine: ids of no name serve as well. */
export const serviceUser = { uid: 54_320, gid: 54_320 } as const;

/** Only root can be somebody else. Skips the test, visibly, where nobody is root. */
export function needRoot(context: TestContext): void {
  if (process.geteuid?.() !== 0) skipLoudly(context, 'only root can act as another user');
}

/** Gives a file or folder to the service's user, and lets it get there. */
export function giveToService(path: string): void {
  chownSync(path, serviceUser.uid, serviceUser.gid);
  const above = dirname(path);
  chmodSync(above, (statSync(above).mode & 0o7777) | 0o011);
}

/** What in a folder and below, itself included, belongs to somebody else. */
export function strangersIn(folder: string, { uid, gid } = serviceUser): string[] {
  const entries = readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)));
  return [folder, ...entries].filter((path) => {
    const facts = statSync(path);
    return facts.uid !== uid || facts.gid !== gid;
  });
}

/** Files and folders that others than their owner can write, and keys and databases that others can read. */
export function openToOthers(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => (statSync(path).mode & (/\.(crt|json|ps1)$/.test(path) ? 0o022 : 0o077)) !== 0);
}
