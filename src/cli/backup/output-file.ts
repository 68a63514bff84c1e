import { randomUUID } from 'node:crypto';
import { createWriteStream, existsSync, linkSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { BridgeError, systemErrorCode } from '../../base/errors.ts';
import { assertReplaceable, fileErrorText, NotARegularFileError } from '../../base/files/private-file.ts';
import { syncFolder } from '../../base/files/sync-folder.ts';

/** @throws BridgeError `backup-exists` */
export function assertFree(file: string, force: boolean): void {
  if (!force && lstatSync(file, { throwIfNoEntry: false })) throw taken(file);
}

/**
 * Writes a large file completely or not at all, readable only by this user, and flushed to disk.
 * @param force replaces an existing one
 * @param write writes to the stream and ends it
 * @throws BridgeError `backup-exists`, `file-not-written`; what `write` throws
 */
export async function writeLargeFile(
  file: string,
  force: boolean,
  write: (stream: Writable) => Promise<void>,
): Promise<void> {
  const temporary = join(dirname(file), `.${basename(file)}.${randomUUID().slice(0, 8)}`);
  try {
    await write(createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true }));
    place(temporary, file, force);
    syncFolder(dirname(file));
  } catch (cause) {
    throw notWritten(file, cause);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/**
 * The error of a failed write, with the name of what was written. @param cause returned as it is if it is something
 * else
 */
export function notWritten(name: string, cause: unknown): unknown {
  const isOfFile = systemErrorCode(cause) !== undefined || cause instanceof NotARegularFileError;
  if (cause instanceof BridgeError || !isOfFile) return cause;
  return new BridgeError('file-not-written', `${name} cannot be written (${fileErrorText(cause)}).`, { cause });
}

/** A link, unlike a rename, never replaces an existing file. */
function place(temporary: string, file: string, force: boolean): void {
  try {
    if (force) {
      assertReplaceable(file);
      renameSync(temporary, file);
    } else linkSync(temporary, file);
  } catch (error) {
    if (force) throw error;
    if (existsSync(file)) throw taken(file);
    // The file system has no hard links.
    renameSync(temporary, file);
  }
}

function taken(file: string): BridgeError {
  return new BridgeError('backup-exists', `${file} already exists.`);
}
