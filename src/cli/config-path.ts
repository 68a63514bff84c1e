import type { Environment } from '../config/secrets.ts';

/** The configuration file meant: that of `--config`, else of `MAILBRIDGE_CONFIG`, else `config.json` here. */
export function configPath(option: string | undefined, env: Environment): string {
  return option ?? (env.MAILBRIDGE_CONFIG || 'config.json');
}
