import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, rmSync, type Stats } from 'node:fs';
import { BridgeError, systemErrorCode } from '../errors.ts';

/*
 * Files that only the bridge uses. Anything that somebody else has put in place of one, above all a link, is neither
 * read nor written: the bridge would use its own rights to do what that person has no right to do.
 */

/** The facts that decide whether a file may be used as our own. */
export type FileFacts = Pick<Stats, 'uid' | 'isFile' | 'isSymbolicLink'>;

/**
 * Returns why a file must not be used as our own; undefined if it may. Files of root are fine, because root could do
 * anything anyway. Root itself also uses files of the user that the bridge normally runs as.
 * @param uid the current user; undefined if files have no owners (Windows)
 */
export function fileFault(facts: FileFacts, uid: number | undefined = process.geteuid?.()): string | undefined {
  if (facts.isSymbolicLink()) return 'is a symbolic link';
  if (!facts.isFile()) return 'is not a regular file';
  return ownerFault(facts, uid);
}

/** The part of {@link fileFault} that also applies to folders. */
export function ownerFault({ uid: owner }: Pick<Stats, 'uid'>, uid: number | undefined): string | undefined {
  const isTrusted = uid === undefined || uid === 0 || owner === uid || owner === 0;
  return isTrusted ? undefined : `belongs to another user (uid ${owner})`;
}

/** Flags that open the file itself: they do not follow a link, or wait for the other end of a pipe. */
export const ownFileFlags = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Opens a file of our own; a new one is accessible only to this user.
 * @throws BridgeError `data-folder-unsafe`; Error of the file system
 */
export function openOwnFile(file: string, flags: number): number {
  const handle = openItself(file, flags);
  const fault = fileFault(fstatSync(handle));
  if (fault === undefined) return handle;
  closeSync(handle);
  throw unsafe(file, fault);
}

/** Reads a whole file; undefined if there is none. Throws like {@link openOwnFile}. */
export function readOwnFile(file: string): Buffer | undefined {
  return ifThere(() => withHandle(openOwnFile(file, constants.O_RDONLY), (handle) => readFileSync(handle)));
}

/** Creates a new file, replacing whatever has its name. @returns its handle @throws Error of the file system */
export function makeOwnFile(file: string): number {
  rmSync(file, { force: true });
  return openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
}

/** Returns the size of a file; 0 if there is none. @throws BridgeError `data-folder-unsafe` */
export function ownFileSize(file: string): number {
  return ownFileFacts(file)?.size ?? 0;
}

/**
 * Checks files that other code, such as SQLite, opens by name. Missing ones may be created later.
 * @throws BridgeError `data-folder-unsafe`
 */
export function assertOwnFiles(...files: readonly string[]): void {
  for (const file of files) ownFileFacts(file);
}

/** Returns an SQLite database file and all that SQLite keeps beside it. */
export function databaseFiles(file: string): string[] {
  return ['', '-wal', '-shm', '-journal'].map((suffix) => file + suffix);
}

/** Reports a problem with a file or folder to an administrator. */
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
    // A pipe without a reader, or a socket.
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
