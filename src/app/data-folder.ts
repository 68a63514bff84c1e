import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BridgeError, systemErrorCode } from '../base/errors.ts';

/** The folder of a bridge, kept from a second bridge for as long as this one lives. */
export interface DataFolder {
  readonly path: string;
  release(): void;
}

/**
 * Makes the data folder on first use and takes it for this process. The lock is one that the operating system drops
 * with the process, however it ends.
 * @throws BridgeError `data-folder-unusable`, `already-running`
 */
export function takeDataFolder(path: string): DataFolder {
  let lock: DatabaseSync | undefined;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    lock = new DatabaseSync(join(path, 'lock'), { timeout: 0 });
    chmodSync(join(path, 'lock'), 0o600);
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (cause) {
    lock?.close();
    if (/locked|busy/i.test(String(cause))) {
      throw new BridgeError('already-running', `Another bridge is running on the data folder ${path}.`);
    }
    const reason = systemErrorCode(cause) ?? 'unknown error';
    throw new BridgeError('data-folder-unusable', `The data folder ${path} cannot be used (${reason}).`, { cause });
  }
  const held = lock;
  return { path, release: () => held.close() };
}
