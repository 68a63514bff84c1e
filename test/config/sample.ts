import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.ts';
import type { ConfigInput } from '../../src/config/schema.ts';
import type { Environment } from '../../src/config/secrets.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

export type Listener = ConfigInput['listeners'][number];
export type Account = ConfigInput['accounts'][number];
export type Connection = ConfigInput['connections'][string];

export const listener: Listener = { protocol: 'smtp', port: 2525 };
export const account: Account = {
  username: 'scanner',
  password: 'ganz-geheim-7',
  connection: 'contoso',
  mailbox: 'reports@contoso.com',
  send: 'graph',
};
export const connection: Connection = {
  grant: 'client-credentials',
  tenantId: 'contoso.onmicrosoft.com',
  clientId: '00000000-0000-0000-0000-000000000000',
  clientSecret: 's3cret-of-contoso',
};

/** The smallest valid configuration. */
export function sample(changes: Partial<ConfigInput> = {}): ConfigInput {
  return { listeners: [listener], connections: { contoso: connection }, accounts: [account], ...changes };
}

/** Writes a configuration to its own folder, readable by nobody else unless `mode` says so, and loads it. */
export async function load(config: unknown, options: { env?: Environment; mode?: number } = {}) {
  const folder = temporaryFolder();
  const path = join(folder, 'config.json');
  await writeFile(path, JSON.stringify(config), { mode: options.mode ?? 0o600 });
  return { folder, ...(await loadConfig(path, { env: options.env ?? {} })) };
}
