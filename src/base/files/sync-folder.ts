import { closeSync, fsyncSync, openSync } from 'node:fs';

/**
 * Flushes a folder's list of names: a new name is durable once its folder is. Windows keeps it durable by itself and
 * cannot open folders.
 * @throws Error of the file system
 */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
