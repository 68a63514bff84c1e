import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, rmSync, type Stats } from 'node:fs';
import { BridgeError, systemErrorCode } from '../errors.ts';

/*
 * Files that the bridge keeps for itself. What somebody else has put in the place of one, a link above all, is neither
 * read nor written: the bridge would do with its own rights what that one has no right to do.
 */

/** What tells whether something may be used as a file of our own. */
export type FileFacts = Pick<Stats, 'uid' | 'isFile' | 'isSymbolicLink'>;

/**
 * Why something is not ours to use; undefined where it is. What belongs to root is: root could do anything anyhow. Root
 * itself uses what belongs to the user that the bridge runs as otherwise.
 * @param uid who asks; undefined where files have no owners (Windows)
 */
export function fileFault(facts: FileFacts, uid: number | undefined = process.geteuid?.()): string | undefined {
  if (facts.isSymbolicLink()) return 'is a symbolic link';
  if (!facts.isFile()) return 'is not a regular file';
  return ownerFault(facts, uid);
}

/** The part of {@link fileFault} that holds for folders, too. */
export function ownerFault({ uid: owner }: Pick<Stats, 'uid'>, uid: number | undefined): string | undefined {
  const isTrusted = uid === undefined || uid === 0 || owner === uid || owner === 0;
  return isTrusted ? undefined : `belongs to another user (uid ${owner})`;
}

/** Flags that lead to the file itself: not through a link, and not into waiting for the other end of a pipe. */
export const ownFileFlags = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Opens a file of our own, for this user alone where it is made.
 * @throws BridgeError `data-folder-unsafe`; Error of the file system
 */
export function openOwnFile(file: string, flags: number): number {
  const handle = openItself(file, flags);
  const fault = fileFault(fstatSync(handle));
  if (fault === undefined) return handle;
  closeSync(handle);
  throw unsafe(file, fault);
}

/** The whole of a file; undefined where there is none. Throws as {@link openOwnFile} does. */
export function readOwnFile(file: string): Buffer | undefined {
  return ifThere(() => withHandle(openOwnFile(file, constants.O_RDONLY), (handle) => readFileSync(handle)));
}

/** Makes a file anew, in place of whatever bears its name. @returns its handle @throws Error of the file system */
export function makeOwnFile(file: string): number {
  rmSync(file, { force: true });
  return openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
}

/** The size of a file; 0 where there is none. @throws BridgeError `data-folder-unsafe` */
export function ownFileSize(file: string): number {
  return ownFileFacts(file)?.size ?? 0;
}

/**
 * Looks at files that somebody else opens by name, such as SQLite. One that is not there may come to be.
 * @throws BridgeError `data-folder-unsafe`
 */
export function assertOwnFiles(...files: readonly string[]): void {
  for (const file of files) ownFileFacts(file);
}

/** A database of SQLite and all that it keeps beside it. */
export function databaseFiles(file: string): string[] {
  return ['', '-wal', '-shm', '-journal'].map((suffix) => file + suffix);
}

/** What is wrong with a file or folder, for an administrator. */
export function unsafe(path: string, fault: string, remedy?: string): BridgeError {
  return new BridgeError('data-folder-unsafe', `${path} ${fault}.`, {
    details: { path },
    ...(remedy === undefined ? {} : { remedy }),
  });
}

function ownFileFacts(file: string): Stats | undefined {
  const facts = lstatSync(file, { throwIfNoEntry: false });
  const fault = facts && fileFault(facts);
  if (fault !== undefined) throw unsafe(file, fault);
  return facts;
}

function openItself(file: string, flags: number): number {
  try {
    return openSync(file, flags | ownFileFlags, 0o600);
  } catch (error) {
    // A pipe that nobody reads, or a socket.
    if (systemErrorCode(error) === 'ENXIO') throw unsafe(file, 'is not a regular file');
    if (systemErrorCode(error) === 'ELOOP') throw unsafe(file, 'is a symbolic link');
    throw error;
  }
}

function withHandle<T>(handle: number, use: (handle: number) => T): T {
  try {
    return use(handle);
  } finally {
    closeSync(handle);
  }
}

function ifThere<T>(use: () => T): T | undefined {
  try {
    return use();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
