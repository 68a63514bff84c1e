import { chmodSync, lstatSync, type Stats } from 'node:fs';
import { ownerFault, unsafe } from './own-file.ts';
import { makeFolders } from './ownership.ts';

/** The facts that decide whether a folder may hold our own files. */
export type FolderFacts = Pick<Stats, 'uid' | 'mode' | 'isDirectory' | 'isSymbolicLink'>;

/** What to do about a folder. */
export type FolderVerdict = 'usable' | 'close to others' | { readonly fault: string; readonly remedy?: string };

const groupOrOthersWrite = 0o022;
const othersWrite = 0o002;
const sticky = 0o1000;

/**
 * Decides whether a folder may hold our own files. Nobody else may be able to put anything there: a link would lead us
 * to write where its owner cannot, and a planted key would be used in place of ours. It does no harm if others can read
 * the names; they cannot read the files.
 * @param uid the current user; undefined if files have no owners (Windows)
 */
export function folderVerdict(facts: FolderFacts, uid: number | undefined = process.geteuid?.()): FolderVerdict {
  if (facts.isSymbolicLink()) return { fault: 'is a symbolic link' };
  if (!facts.isDirectory()) return { fault: 'is not a folder' };
  const fault = ownerFault(facts, uid);
  if (fault !== undefined) return { fault };
  if (uid === undefined || (facts.mode & groupOrOthersWrite) === 0) return 'usable';
  // A folder shared on purpose, such as /tmp, is left unchanged.
  const isShared = (facts.mode & sticky) !== 0;
  if ((facts.uid === uid || uid === 0) && !isShared) return 'close to others';
  // Root has given it to a group, as Kubernetes does (`fsGroup`): root chose the group's members.
  if ((facts.mode & othersWrite) === 0) return 'usable';
  return {
    fault: 'can be written by every user of this machine',
    remedy: 'Name a folder inside it that does not exist yet: the bridge creates it with access for itself only.',
  };
}

/**
 * Creates a folder for our own files, or takes an existing one; one that others could write to is closed to them.
 * @returns whether it was open to others until now
 * @throws BridgeError `data-folder-unsafe`; Error of the file system
 */
export function makeOwnFolder(path: string): boolean {
  if (!lstatSync(path, { throwIfNoEntry: false })) makeFolders(path);
  const facts = lstatSync(path);
  const verdict = folderVerdict(facts);
  if (typeof verdict === 'object') throw unsafe(path, verdict.fault, verdict.remedy);
  if (verdict === 'usable') return false;
  chmodSync(path, facts.mode & 0o7777 & ~groupOrOthersWrite);
  return true;
}
