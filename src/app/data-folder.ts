import { accessSync, chmodSync, constants, lstatSync, readdirSync, realpathSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { auditFiles, auditLock } from '../admin/access/audit-files.ts';
import { BridgeError, systemErrorCode } from '../base/errors.ts';
import { databaseFiles, fileFault, ownerFault, unsafe } from '../base/files/own-file.ts';
import { makeOwnFolder } from '../base/files/own-folder.ts';
import { makeFolders } from '../base/files/ownership.ts';
import { usernameOf, userOf } from '../base/files/users.ts';

/** The folder of a bridge, locked against a second bridge while this one lives. */
export interface DataFolder {
  readonly path: string;
  release(): void;
}

/**
 * Creates the data folder on first use and locks it for this process. The operating system releases the lock with the
 * process, however it ends.
 * @param onClosed called for each folder that others could write to until now
 * @throws BridgeError `data-folder-unusable`, `data-folder-unsafe`, `already-running`
 */
export function takeDataFolder(path: string, onClosed: (folder: string) => void = () => {}): DataFolder {
  let lock: DatabaseSync | undefined;
  try {
    makeFolders(path);
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
 * Whether a bridge currently has the data folder locked.
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

/** Folders in the data folder; every file in them belongs to the bridge. */
const ownFolders = ['queue', 'queue/bodies', 'queue/recovered', 'tls', 'sign-ins', 'mailboxes'];
/** Files directly in the data folder, where an administrator may keep others. */
const ownFiles = [
  ...databaseFiles('lock'),
  ...['token.key', 'app-passwords.json', 'app-passwords-used.json', 'set-up.json', 'admin-token'].flatMap((name) => [
    name,
    `${name}.tmp`,
  ]),
  'instance',
  ...['history.json', 'history.json.tmp'],
  ...databaseFiles('token.key.lock'),
  ...databaseFiles('app-passwords.lock'),
  ...databaseFiles('admin-token.lock'),
  ...databaseFiles(auditLock),
  ...auditFiles,
];

/** Checks what an earlier run left or somebody else put there. @throws BridgeError `data-folder-unsafe` */
function secure(path: string, onClosed: (folder: string) => void): void {
  // The data folder itself may be a link made by an administrator; its contents may not.
  const root = realpathSync(path);
  if (makeOwnFolder(root)) onClosed(root);
  assertMayUse(root, lstatSync(root), root);
  for (const file of ownFiles) assertOwnEntry(join(root, file), root);
  for (const name of ownFolders) {
    const folder = join(root, name);
    if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) continue;
    if (makeOwnFolder(folder)) onClosed(folder);
    assertMayUse(folder, lstatSync(folder), root);
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      // There are many bodies, and they are verified by checksum.
      if (entry.isFile() && name === 'queue/bodies') continue;
      assertOwnEntry(join(folder, entry.name), root);
    }
  }
}

function assertOwnEntry(path: string, root: string): void {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  if (facts === undefined) return;
  const fault = facts.isDirectory() ? ownerFault(facts, process.geteuid?.()) : fileFault(facts);
  if (fault !== undefined) throw unsafe(path, fault);
  assertMayUse(path, facts, root);
}

/**
 * Files written by root, usually because the bridge was started as root, are trusted but cannot be used. That has to
 * show now, not in the middle of a delivery.
 */
function assertMayUse(path: string, facts: Stats, root: string): void {
  const isChanged = facts.isDirectory() || /[/\\]queue[/\\]|lock$/.test(path);
  const wanted = constants.R_OK | (isChanged ? constants.W_OK : 0) | (facts.isDirectory() ? constants.X_OK : 0);
  try {
    accessSync(path, wanted);
  } catch (cause) {
    throw notOurs(path, facts.uid, root, cause);
  }
}

function notOurs(path: string, uid: number, root: string, cause: unknown): BridgeError {
  const us = process.geteuid?.() ?? 0;
  const code = systemErrorCode(cause) ?? 'unknown error';
  const text = `${path} belongs to ${usernameOf(uid)}, and ${usernameOf(us)} may not use it (${code}).`;
  const remedy = `Something ran as ${usernameOf(uid)} here. Give the data folder back: sudo chown -R ${userOf(us)?.name ?? us}: ${root}, and let only the service run the bridge.`;
  return new BridgeError('data-folder-unusable', text, { cause, details: { path }, remedy });
}
