import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemErrorCode } from '../base/errors.ts';
import { isRoot } from '../base/files/ownership.ts';
import { systemConfig } from '../base/system/system-paths.ts';
import type { Environment } from '../config/secrets.ts';

const localConfig = 'config.json';

/**
 * The configuration file meant: that of `--config`, else of `MAILBRIDGE_CONFIG`, else `config.json` here, else that of the
 * service.
 * @param system another place than the system's, for tests
 */
export function configPath(option: string | undefined, env: Environment, system = systemConfig): string {
  return named(option, env) ?? (!isThere(localConfig) && isThere(system) ? system : localConfig);
}

/**
 * The file that `init` writes, and the page of the first set-up: the service's where root has installed one and has no other here.
 * @param system another place than the system's, for tests
 */
export function newConfigPath(option: string | undefined, env: Environment, system = systemConfig): string {
  const isService = !isThere(localConfig) && isRoot() && isThere(dirname(system));
  return named(option, env) ?? (isService ? system : localConfig);
}

/** Whether somebody has named a file. */
export function isNamed(option: string | undefined, env: Environment): boolean {
  return named(option, env) !== undefined;
}

function named(option: string | undefined, env: Environment): string | undefined {
  return option ?? (env.MAILBRIDGE_CONFIG || undefined);
}

/** What may not be looked at is there: to read it then fails with the reason. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    return systemErrorCode(error) === 'EACCES';
  }
}
