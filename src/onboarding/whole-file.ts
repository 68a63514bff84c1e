import { randomUUID } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { BridgeError } from '../base/errors.ts';
import { fileErrorText, makeFolderOf, replaceFile } from '../base/files/private-file.ts';

/**
 * Writes a file so that it is there whole or not at all, with its folder where that is missing.
 * @param mode 0o600 for what nobody else may read
 * @throws BridgeError `file-not-written`
 */
export async function writeWholeFile(path: string, content: string, mode: number): Promise<void> {
  // Nothing is locked here: two writers shall not meet in one temporary file.
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID().slice(0, 8)}`);
  try {
    await makeFolderOf(path);
    await replaceFile(path, content, mode, temporary);
  } catch (cause) {
    const reason = fileErrorText(cause);
    throw new BridgeError('file-not-written', `${path} cannot be written (${reason}).`, { cause, details: { path } });
  }
}
