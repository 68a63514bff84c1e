import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { BridgeError } from '../../base/errors.ts';
import { FileLock } from '../../base/files/file-lock.ts';
import { fileErrorText, readPrivateFile, writePrivateFile } from '../../base/files/private-file.ts';

const tokenBytes = 32;
const maxFileBytes = 4096;
/** Long enough to read or write a file of a few bytes. */
const lockTimeoutMs = 10_000;

/** The file of the admin token in a data folder. */
export function adminTokenFile(dataDir: string): string {
  return join(dataDir, 'admin-token');
}

/**
 * The admin token in a data folder, created if there is none.
 * @returns the token, and whether it was just created
 * @throws BridgeError `admin-token-unusable`, `data-folder-unsafe`
 */
export async function ensureAdminToken(dataDir: string): Promise<{ readonly token: string; readonly isNew: boolean }> {
  const found = await readAdminToken(dataDir);
  if (found !== undefined) return { token: found, isNew: false };
  return await locked(dataDir, async (file) => {
    // Another process was faster.
    const other = await read(file);
    return other === undefined ? { token: await write(file), isNew: true } : { token: other, isNew: false };
  });
}

/** Replaces the token, which becomes invalid at once. @throws as {@link ensureAdminToken} */
export async function rotateAdminToken(dataDir: string): Promise<string> {
  return await locked(dataDir, write);
}

/** The token; undefined if none was created yet. @throws as {@link ensureAdminToken} */
export async function readAdminToken(dataDir: string): Promise<string | undefined> {
  const file = adminTokenFile(dataDir);
  try {
    return await read(file);
  } catch (cause) {
    throw unusable(file, cause);
  }
}

async function locked<T>(dataDir: string, use: (file: string) => Promise<T>): Promise<T> {
  const file = adminTokenFile(dataDir);
  try {
    const release = await new FileLock(`${file}.lock`, lockTimeoutMs).take();
    try {
      return await use(file);
    } finally {
      release();
    }
  } catch (cause) {
    throw unusable(file, cause);
  }
}

async function read(file: string): Promise<string | undefined> {
  const token = (await readPrivateFile(file, maxFileBytes))?.content.toString('latin1').trim();
  // Shorter than any token created here: somebody has emptied the file.
  return token === undefined || token.length >= 20 ? token : undefined;
}

async function write(file: string): Promise<string> {
  const token = randomBytes(tokenBytes).toString('base64url');
  await writePrivateFile(file, Buffer.from(`${token}\n`));
  return token;
}

function unusable(file: string, cause: unknown): BridgeError {
  if (cause instanceof BridgeError) return cause;
  const text = `The admin token ${file} cannot be read or made (${fileErrorText(cause)}).`;
  return new BridgeError('admin-token-unusable', text, { cause, details: { file } });
}
