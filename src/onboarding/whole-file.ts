import { randomUUID } from 'node:crypto';
import { lstatSync, statSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { BridgeError } from '../base/errors.ts';
import { fileOwner } from '../base/files/file-owner.ts';
import { type FileOwner, isRoot, nearestFolder, ownerToKeep } from '../base/files/ownership.ts';
import { fileErrorText, makeFolderOf, replaceFile } from '../base/files/private-file.ts';

/**
 * Writes a file completely or not at all, creating its folder if needed. It keeps owner and group of the file that it
 * replaces.
 * @param mode 0o600 for what nobody else may read
 * @param owner of a new file, if root writes it; default: the owner of its folder
 * @throws BridgeError `file-not-written`
 */
export async function writeWholeFile(path: string, content: string, mode: number, owner?: FileOwner): Promise<void> {
  try {
    await makeFolderOf(path);
    await replaceFile(path, content, mode, temporaryFor(path), ownerToKeep(path, owner));
  } catch (cause) {
    throw await notWritten(path, cause);
  }
}

/**
 * Checks what {@link writeWholeFile} will need, before anybody is asked for anything. Leaves nothing behind.
 * @throws BridgeError `file-not-written`
 */
export async function assertCanWrite(path: string): Promise<void> {
  const present = lstatSync(path, { throwIfNoEntry: false });
  if (present?.isDirectory()) throw await notWritten(path, Object.assign(new Error(), { code: 'EISDIR' }));
  if (present && !isRoot() && present.uid !== process.geteuid?.()) throw await belongsToAnother(path);
  const temporary = temporaryFor(path);
  const missing = missingFolders(dirname(resolve(path)));
  try {
    await makeFolderOf(path);
    await replaceFile(temporary, '', 0o600, `${temporary}.new`);
  } catch (cause) {
    throw await notWritten(path, cause);
  } finally {
    await rm(temporary, { force: true }).catch(() => {});
    for (const folder of missing) await rmdir(folder).catch(() => {});
  }
}

/** The owner of new files of a bridge if root creates them: the user who has its data folder, or will have it. */
export function ownerOfDataFolder(dataDir: string): FileOwner | undefined {
  return isRoot() ? nearestFolder(dataDir) : undefined;
}

/** There is no lock here: two writers must not share a temporary file. */
function temporaryFor(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomUUID().slice(0, 8)}`);
}

/** Deepest first. */
function missingFolders(folder: string): string[] {
  return statSync(folder, { throwIfNoEntry: false }) || folder === dirname(folder)
    ? []
    : [folder, ...missingFolders(dirname(folder))];
}

/** Rewritten by another user, the file would belong to that user, and its owner could no longer read it. */
async function belongsToAnother(path: string): Promise<BridgeError> {
  const owner = (await fileOwner(path)) ?? 'another user';
  return new BridgeError('file-not-written', `${path} belongs to ${owner}, and only ${owner} or root may replace it.`, {
    details: { path },
    remedy: rootRemedy,
  });
}

async function notWritten(path: string, cause: unknown): Promise<BridgeError> {
  const reason = fileErrorText(cause);
  const isDenied = reason === 'EACCES' || reason === 'EPERM';
  const owner = isDenied ? await fileOwner(dirname(path)) : undefined;
  const whose = owner === undefined ? '' : `: its folder belongs to ${owner}`;
  return new BridgeError('file-not-written', `${path} cannot be written (${reason})${whose}.`, {
    cause,
    details: { path },
    ...(isDenied ? { remedy: rootRemedy } : {}),
  });
}

const rootRemedy =
  'Run the command with sudo: files keep their owners, and new ones belong to the owner of the data folder.';
