import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type DataFolder, takeDataFolder } from '../../app/data-folder.ts';
import { BridgeError, systemErrorCode } from '../../base/errors.ts';

/** A folder in the data folder, readable only by this user, for the duration of a command. */
export interface WorkFolder {
  readonly path: string;
  remove(): void;
}

const ownName = /^(?:backup|restore)-[A-Za-z0-9]{6}$/;

/**
 * Creates a work folder, and removes those of killed commands.
 * @throws BridgeError `data-folder-unusable`
 */
export function openWorkFolder(dataDir: string, kind: 'backup' | 'restore'): WorkFolder {
  try {
    const root = realpathSync(dataDir);
    for (const name of readdirSync(root)) if (ownName.test(name)) removeLeftover(join(root, name));
    const path = mkdtempSync(join(root, `${kind}-`));
    // Shows that the folder is in use.
    const lock = takeDataFolder(path);
    return { path, remove: () => removeTaken(lock) };
  } catch (cause) {
    if (cause instanceof BridgeError) throw cause;
    const reason = systemErrorCode(cause) ?? 'unknown error';
    throw new BridgeError('data-folder-unusable', `The data folder ${dataDir} cannot be used (${reason}).`, { cause });
  }
}

function removeLeftover(path: string): void {
  try {
    removeTaken(takeDataFolder(path));
  } catch {
    // It is in use, or belongs to another user.
  }
}

function removeTaken(lock: DataFolder): void {
  rmSync(lock.path, { recursive: true, force: true });
  lock.release();
}
