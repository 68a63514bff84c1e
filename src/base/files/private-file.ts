import { constants, lstatSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorText, systemErrorCode } from '../errors.ts';
import { fileFault, ownFileFlags, unsafe } from './own-file.ts';
import { type FileOwner, makeFolders, ownerToKeep } from './ownership.ts';
import { syncFolder } from './sync-folder.ts';

/** The content of a private file. */
export interface PrivateFile {
  readonly content: Buffer;
  /** Others on this machine could have read it until now. */
  readonly wasOpenToOthers: boolean;
}

/**
 * Reads a small file intended only for this user. If others can read or write it, it is closed to them (0600) and used
 * nevertheless: refusing it would stop mail and undo nothing. A file that somebody else has put there is not used,
 * because anyone who chooses our key can read what we encrypt with it.
 * @param maxBytes maximum size of the file; for a larger one, at most one byte beyond that is returned
 * @returns undefined if there is no such file
 * @throws BridgeError `data-folder-unsafe`; Error of the file system, also if it is not a regular file
 */
export async function readPrivateFile(file: string, maxBytes: number): Promise<PrivateFile | undefined> {
  const handle = await open(file, constants.O_RDONLY | ownFileFlags).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    if (systemErrorCode(error) === 'ELOOP') throw unsafe(file, 'is a symbolic link');
    throw error;
  });
  if (handle === undefined) return undefined;
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new Error('not a regular file');
    const fault = fileFault(stat);
    if (fault !== undefined) throw unsafe(file, fault);
    const wasOpenToOthers = process.platform !== 'win32' && (stat.mode & 0o077) !== 0;
    // It may belong to root; what counts is that it could be read.
    if (wasOpenToOthers) await handle.chmod(0o600).catch(() => {});
    const buffer = Buffer.alloc(Math.min(stat.size, maxBytes + 1));
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return { content: buffer.subarray(0, length), wasOpenToOthers };
  } finally {
    await handle.close();
  }
}

/**
 * Puts a file in place in one step, accessible only to this user. One writer at a time: the caller holds a lock. A
 * killed writer leaves a file with a fixed name, which the next writer removes.
 * @throws Error of the file system
 */
export async function writePrivateFile(file: string, content: Buffer): Promise<void> {
  await writeOwnFile(file, content, 0o600);
}

/** Like {@link writePrivateFile}, for a file that others may read, too. */
export async function writeOwnFile(file: string, content: Buffer, mode: number): Promise<void> {
  const temporary = `${file}.tmp`;
  await rm(temporary, { force: true });
  await replaceFile(file, content, mode, temporary);
}

/**
 * Puts a file in place in one step: whenever the process is killed or the power fails, either the old content or the
 * new one is there, complete. It keeps its owner, as far as this user can give it away.
 * @param mode 0o600 for a file that nobody else may read
 * @param temporary in the same folder; must not exist, and does not exist afterwards
 * @param owner of a new file; default: the owner of its folder, if root writes
 * @throws Error of the file system
 */
export async function replaceFile(
  file: string,
  content: Buffer | string,
  mode: number,
  temporary: string,
  owner: FileOwner | undefined = ownerToKeep(file),
): Promise<void> {
  assertReplaceable(file);
  const handle = await open(temporary, 'wx', mode);
  try {
    try {
      await give(handle, owner);
      // The umask restricts the mode given to `open`; a mode kept from an older file is intended exactly.
      await handle.chmod(mode);
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(file));
}

/** Changes only the group if the user cannot change: a member of the group may do that much. */
async function give(handle: FileHandle, owner: FileOwner | undefined): Promise<void> {
  if (owner === undefined) return;
  const { uid, gid } = await handle.stat();
  if (uid === owner.uid && gid === owner.gid) return;
  await handle.chown(owner.uid, owner.gid).catch(() => handle.chown(uid, owner.gid).catch(() => {}));
}

/** Moves a file to another name in the same folder. @throws Error of the file system */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  syncFolder(dirname(to));
}

/** Removes a file, if there is one. @throws Error of the file system */
export async function removeDurably(file: string): Promise<void> {
  await rm(file, { force: true });
  syncFolder(dirname(file));
}

/** Creates the folder of a file on first use, accessible only to this user. @throws Error of the file system */
export async function makeFolderOf(file: string): Promise<void> {
  makeFolders(dirname(file));
}

/**
 * Returns why a file could not be used, in few words: `EACCES`, or the error's text if the system gave no such name.
 */
export function fileErrorText(error: unknown): string {
  const code = systemErrorCode(error) ?? '';
  return /^E[A-Z]+$/.test(code) ? code : errorText(error);
}

/** The name of a file to write belongs to a device, a pipe or a socket. */
export class NotARegularFileError extends Error {
  override readonly name = 'NotARegularFileError';

  constructor() {
    super('not a regular file');
  }
}

/** @throws NotARegularFileError */
export function assertReplaceable(file: string): void {
  const facts = lstatSync(file, { throwIfNoEntry: false });
  if (!facts || facts.isFile() || facts.isSymbolicLink() || facts.isDirectory()) return;
  throw new NotARegularFileError();
}
