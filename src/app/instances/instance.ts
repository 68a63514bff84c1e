import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { hostname as machineName } from 'node:os';
import { join } from 'node:path';
import { systemErrorCode } from '../../base/errors.ts';
import { readOwnFile } from '../../base/files/own-file.ts';
import type { Config } from '../../config/schema.ts';

/** The name of `queue migrate` among the instances: no bridge can have it. */
export const moverName = '(queue migrate)';

/** The name of this bridge among those that share a queue. */
export function instanceName({ instance }: Pick<Config, 'instance'>): string {
  return instance ?? machineName();
}

/**
 * Distinguishes a restarted bridge from another one with the same name: it is kept in the data folder, which only one
 * process at a time uses. Created on first use.
 * @throws Error of the file system
 */
export function instanceIdentity(dataDir: string): string {
  const file = join(dataDir, 'instance');
  try {
    writeFileSync(file, randomUUID(), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  }
  return readOwnFile(file)?.toString('latin1').trim() ?? '';
}
