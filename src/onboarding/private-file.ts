import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BridgeError, systemErrorCode } from '../base/errors.ts';

/**
 * Writes a file so that it is there whole or not at all, with its folder where that is missing.
 * @param mode 0o600 for what nobody else may read
 * @throws BridgeError `file-not-written`
 */
export async function writeWholeFile(path: string, content: string, mode: number): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID().slice(0, 8)}`);
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(temporary, 'wx', mode);
    try {
      // The mode given to `open` is narrowed by the umask; a mode kept from an older file is meant as it is.
      await file.chmod(mode);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    const reason = systemErrorCode(cause) ?? 'unknown error';
    throw new BridgeError('file-not-written', `${path} cannot be written (${reason}).`, { cause, details: { path } });
  }
}
