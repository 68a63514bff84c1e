import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemErrorCode } from '../base/errors.ts';
import { isRoot } from '../base/files/ownership.ts';
import { systemConfig } from '../base/system/system-paths.ts';
import type { Environment } from '../config/secrets.ts';

const localConfig = 'config.json';

/**
 * The configuration file: that of `--config`, else of `MAILBRIDGE_CONFIG`, else `config.json` here, else that of the
 * service.
 * @param system replaces the system's path, for tests
 */
export function configPath(option: string | undefined, env: Environment, system = systemConfig): string {
  return named(option, env) ?? (!isThere(localConfig) && isThere(system) ? system : localConfig);
}

/**
 * The file that `init` and the set-up page write: the service's if root has installed one and has no other here.
 * @param system replaces the system's path, for tests
 */
export function newConfigPath(option: string | undefined, env: Environment, system = systemConfig): string {
  const isService = !isThere(localConfig) && isRoot() && isThere(dirname(system));
  return named(option, env) ?? (isService ? system : localConfig);
}

/** Whether a file was named. */
export function isNamed(option: string | undefined, env: Environment): boolean {
  return named(option, env) !== undefined;
}

function named(option: string | undefined, env: Environment): string | undefined {
  return option ?? (env.MAILBRIDGE_CONFIG || undefined);
}

/** A file that may not be examined exists: reading it then fails with the reason. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    return systemErrorCode(error) === 'EACCES';
  }
}
