import { chmodSync, lstatSync, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BridgeError, systemErrorCode } from '../base/errors.ts';
import { databaseFiles, fileFault, ownerFault, unsafe } from '../base/files/own-file.ts';
import { makeOwnFolder } from '../base/files/own-folder.ts';

/** The folder of a bridge, kept from a second bridge for as long as this one lives. */
export interface DataFolder {
  readonly path: string;
  release(): void;
}

/**
 * Makes the data folder on first use and takes it for this process. The lock is one that the operating system drops
 * with the process, however it ends.
 * @param onClosed told of each folder that others could write to until now
 * @throws BridgeError `data-folder-unusable`, `data-folder-unsafe`, `already-running`
 */
export function takeDataFolder(path: string, onClosed: (folder: string) => void = () => {}): DataFolder {
  let lock: DatabaseSync | undefined;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    secure(path, onClosed);
    lock = new DatabaseSync(join(path, 'lock'), { timeout: 0 });
    chmodSync(join(path, 'lock'), 0o600);
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (cause) {
    lock?.close();
    if (cause instanceof BridgeError) throw cause;
    if (/locked|busy/i.test(String(cause))) {
      throw new BridgeError('already-running', `Another bridge is running on the data folder ${path}.`);
    }
    const reason = systemErrorCode(cause) ?? 'unknown error';
    throw new BridgeError('data-folder-unusable', `The data folder ${path} cannot be used (${reason}).`, { cause });
  }
  const held = lock;
  return { path, release: () => held.close() };
}

/**
 * Whether a bridge has the data folder at this moment.
 * @throws BridgeError `data-folder-unusable`
 */
export function isDataFolderTaken(path: string): boolean {
  const file = join(path, 'lock');
  let lock: DatabaseSync | undefined;
  try {
    if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return false;
    lock = new DatabaseSync(file, { readOnly: true, timeout: 0 });
    lock.exec('SELECT 1 FROM sqlite_master');
    return false;
  } catch (cause) {
    if (/locked|busy/i.test(String(cause))) return true;
    const reason = systemErrorCode(cause) ?? 'unknown error';
    throw new BridgeError('data-folder-unusable', `The data folder ${path} cannot be looked into (${reason}).`, {
      cause,
    });
  } finally {
    lock?.close();
  }
}

/** Folders in the data folder; every file in them is the bridge's. */
const ownFolders = ['queue', 'queue/bodies', 'queue/recovered', 'tls', 'sign-ins'];
/** Files in the data folder itself, where an administrator may keep others. */
const ownFiles = [...databaseFiles('lock'), 'token.key', 'token.key.tmp', ...databaseFiles('token.key.lock')];

/** Looks through what an earlier run has left, or somebody else has put there. @throws BridgeError `data-folder-unsafe` */
function secure(path: string, onClosed: (folder: string) => void): void {
  // The data folder itself may be a link that an administrator has made; what is in it may not.
  const root = realpathSync(path);
  if (makeOwnFolder(root)) onClosed(root);
  for (const file of ownFiles) assertOwnEntry(join(root, file));
  for (const name of ownFolders) {
    const folder = join(root, name);
    if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) continue;
    if (makeOwnFolder(folder)) onClosed(folder);
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      // Bodies are many, and are held against their checksums.
      if (entry.isFile() && name === 'queue/bodies') continue;
      assertOwnEntry(join(folder, entry.name));
    }
  }
}

function assertOwnEntry(path: string): void {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  if (facts === undefined) return;
  const fault = facts.isDirectory() ? ownerFault(facts, process.geteuid?.()) : fileFault(facts);
  if (fault !== undefined) throw unsafe(path, fault);
}
