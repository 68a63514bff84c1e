import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { hostname as machineName } from 'node:os';
import { join } from 'node:path';
import { systemErrorCode } from '../../base/errors.ts';
import { readOwnFile } from '../../base/files/own-file.ts';
import type { Config } from '../../config/schema.ts';

/** Under which `queue migrate` is among the instances: no bridge can have such a name. */
export const moverName = '(queue migrate)';

/** The name of this bridge among those that share a queue. */
export function instanceName({ instance }: Pick<Config, 'instance'>): string {
  return instance ?? machineName();
}

/**
 * Tells a bridge that was started again from another one that was given the same name: it is kept in the data folder,
 * which one process at a time has. Made at first use.
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
