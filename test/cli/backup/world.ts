import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openSqliteStore } from '../../../src/queue/stores/sqlite/store.ts';
import { put } from '../../queue/stores/store-contract.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { mailbridge } from '../harness.ts';

export const passphrase = 'correct horse battery staple';
const env = { MAILBRIDGE_BACKUP_PASSPHRASE: passphrase };

/** A bridge's configuration, files and data folder on disk; the bridge does not run. */
export interface World {
  readonly folder: string;
  readonly configFile: string;
  readonly dataDir: string;
  /** Outside the configuration's folder. */
  readonly elsewhere: string;
  /** By path. */
  readonly files: Readonly<Record<string, string>>;
  backup(...args: string[]): ReturnType<typeof mailbridge>;
}

/** An app's connection, whose secret is in a file. */
export const appConnection = {
  tenantId: 'contoso.onmicrosoft.com',
  clientId: '00000000-0000-0000-0000-000000000000',
  grant: 'client-credentials',
  clientSecret: { file: 'contoso-secret' },
};

export function world(changes: Record<string, unknown> = {}): World {
  const folder = temporaryFolder();
  const elsewhere = join(temporaryFolder(), 'server.pem');
  const configFile = join(folder, 'config.json');
  const config = {
    tls: { cert: elsewhere, key: 'keys/server.key' },
    listeners: [{ protocol: 'smtp', port: 0, security: 'starttls' }],
    connections: {
      contoso: appConnection,
      person: {
        tenantId: 'contoso.onmicrosoft.com',
        clientId: '00000000-0000-0000-0000-000000000000',
        grant: 'device-code',
      },
    },
    accounts: [
      { username: 'erp', password: { env: 'ERP' }, connection: 'contoso', mailbox: 'erp@contoso.com', send: 'graph' },
    ],
    ...changes,
  };
  const files = {
    [configFile]: `// kept\n${JSON.stringify(config, null, 2)}\n`,
    [elsewhere]: 'a certificate',
    [join(folder, 'keys/server.key')]: 'a private key',
    [join(folder, 'contoso-secret')]: 'a client secret',
    [join(folder, 'data/token.key')]: 'a key for sign-ins',
    [join(folder, 'data/app-passwords.json')]: 'digests',
    [join(folder, 'data/app-passwords-used.json')]: 'times',
    [join(folder, 'data/sign-ins/person.token')]: 'a sign-in',
    [join(folder, 'data/tls/ca.crt')]: 'an authority',
  };
  for (const [path, content] of Object.entries(files)) write(path, content);
  const backup = (...args: string[]) => mailbridge(['backup', ...args, '--config', configFile], '', env);
  return { folder, configFile, dataDir: join(folder, 'data'), elsewhere, files, backup };
}

export function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, content);
  chmodSync(path, 0o600);
}

export function restore(...args: string[]): ReturnType<typeof mailbridge> {
  return mailbridge(['restore', ...args], '', env);
}

/** A queue of three messages: small, large, and one held by an administrator. @returns their ids */
export async function fillQueue(dataDir: string): Promise<[string, string, string]> {
  const store = openSqliteStore(join(dataDir, 'queue'), { exclusive: true });
  const soon = { expiresAtMs: Date.now() + 60_000, receivedAtMs: Date.now() - 60_000 };
  const small = await put(store, 'small', soon);
  const large = await put(store, 'large'.padEnd(100_000), soon);
  const held = await put(store, 'held', soon);
  await store.hold({ ids: [held.id] });
  await store.records.put('key', 'marker', 'marks');
  await store.close();
  return [small.id, large.id, held.id];
}
