import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { systemErrorCode } from '../errors.ts';

/** The owner of a file or folder. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/** Tells whether the process runs as root, as only root can change the owner of a file. */
export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/**
 * Returns the owner for a new file: that of its folder, or of the nearest existing one above.
 * @returns undefined if the system decides: for anybody but root
 */
function ownerOfNew(path: string): FileOwner | undefined {
  return isRoot() ? nearestFolder(dirname(resolve(path))) : undefined;
}

/** Returns the owner of a folder, or of the nearest existing one above. @throws Error of the file system */
export function nearestFolder(folder: string): FileOwner {
  const facts = statIfThere(folder);
  if (facts) return facts;
  const above = dirname(folder);
  return above === folder ? { uid: 0, gid: 0 } : nearestFolder(above);
}

/**
 * Returns the owner that a file must have: the present one if it exists (a link does not count).
 * @param ofNew for a file that does not exist; default: {@link ownerOfNew}
 */
export function ownerToKeep(file: string, ofNew?: FileOwner): FileOwner | undefined {
  if (process.geteuid === undefined) return undefined;
  const facts = lstatSync(file, { throwIfNoEntry: false });
  if (facts?.isFile()) return { uid: facts.uid, gid: facts.gid };
  return isRoot() ? (ofNew ?? ownerOfNew(file)) : undefined;
}

/**
 * Creates a folder and missing ones above it, each with the owner of its parent folder. Node's own `recursive` never
 * ends if a file system accepts no folders (/proc).
 * @param mode of each created folder
 * @throws Error of the file system
 */
export function makeFolders(folder: string, mode = 0o700): void {
  if (statIfThere(folder)?.isDirectory()) return;
  const above = dirname(resolve(folder));
  if (above !== resolve(folder) && statIfThere(above) === undefined) makeFolders(above, mode);
  const owner = isRoot() ? statSync(above) : undefined;
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    // Another process was faster.
    if (systemErrorCode(error) === 'EEXIST' && statSync(folder).isDirectory()) return;
    throw error;
  }
  if (owner && owner.uid !== 0) giveFolder(folder, owner);
}

/**
 * Gives a file that root has left in somebody's folder to the folder's owner: a key that only root can read is of no
 * use to the bridge. Does nothing for anybody but root.
 * @throws Error of the file system
 */
export function giveToFolderOwner(file: string): void {
  if (!isRoot()) return;
  const { uid, gid } = nearestFolder(dirname(resolve(file)));
  const handle = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const facts = fstatSync(handle);
    if (uid !== 0 && facts.isFile() && facts.uid === 0) fchownSync(handle, uid, gid);
  } finally {
    closeSync(handle);
  }
}

/** By its handle: anyone who can write beside it could put a link in its place. */
function giveFolder(folder: string, { uid, gid }: FileOwner): void {
  const handle = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    fchownSync(handle, uid, gid);
  } finally {
    closeSync(handle);
  }
}

function statIfThere(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}
