import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { breakerKey } from '../../../src/queue/breakers/breakers.ts';
import { openSqliteStore } from '../../../src/queue/stores/sqlite/store.ts';
import type { Simulator } from '../../../src/simulator/simulator.ts';
import { put } from '../../queue/stores/store-contract.ts';

/** Unique to this run, and as long as what replaces it in the golden files, because line breaks depend on it. */
export const folder = `/tmp/mailbridge-${randomBytes(3).toString('hex')}`;
export const steadyFolder = '/tmp/mailbridge-golden';

/** An empty folder. */
export function emptyFolder(): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
}

const accounts = [
  { username: 'scanner', mailbox: 'reports@contoso.example', send: 'graph' },
  { username: 'erp', mailbox: 'reports@contoso.example', send: 'smtp' },
  { username: 'alice', mailbox: 'alice@contoso.example', read: 'imap' },
];

/** Writes a configuration for the tenant. @returns the file */
export function configure(simulator: Simulator, name: string, connection: object = {}, more: object = {}): string {
  const { authority, graph, imap, pop3, smtp, caFile } = simulator.endpoints;
  const file = join(folder, name);
  const config = {
    listeners: [
      { protocol: 'smtp', port: 0 },
      { protocol: 'imap', port: 0, security: 'tls' },
    ],
    connections: {
      contoso: {
        tenantId: simulator.tenantId,
        clientId: simulator.clientId,
        grant: 'client-credentials',
        clientSecret: simulator.clientSecret,
        cloud: { authority, graph, imap, pop3, smtp, caFile },
        ...connection,
      },
    },
    accounts: accounts.map((account) => ({ password: 'ganz-geheim-7', connection: 'contoso', ...account })),
    ...more,
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}

/** A morning on which a connection is in trouble. */
export const morning = Date.UTC(2026, 0, 5, 9, 30);

/** Puts messages into the queue of the folder's configuration. @returns the id of one */
export async function fillQueue(): Promise<string> {
  const queue = join(folder, 'data', 'queue');
  mkdirSync(join(folder, 'data'), { mode: 0o700 });
  const store = openSqliteStore(queue, { exclusive: true });
  const minutes = (count: number) => ({
    receivedAtMs: morning - count * 60_000,
    expiresAtMs: morning + 47 * 3_600_000,
  });
  const refused = await put(store, 'Subject: a\r\n\r\n', {
    ...minutes(42),
    subject: 'Scan from the second floor, 3 pages',
    messageId: '<20260105.0712@mfp-2.contoso.example>',
  });
  await put(store, 'x'.repeat(48_000), { ...minutes(40), mailbox: 'accounting.department@contoso.example' });
  await put(store, 'y', { ...minutes(3), account: 'erp', courier: 'smtp', mailbox: '総務部@contoso.example' });
  await put(store, 'z', { ...minutes(1), account: 'erp', courier: 'smtp' });
  const outcome = {
    outcome: 'temporary',
    code: '4.3.2',
    text: 'The service is busy. Try again later.',
    remedy: 'Nothing needs to be done: the bridge tries again by itself.',
  } as const;
  await store.record(refused.id, {
    attempt: {
      startedAtMs: morning - 42 * 60_000 + 300,
      durationMs: 312,
      outcomes: refused.recipients.map(({ address }) => ({ address, ...outcome })),
    },
    recipients: refused.recipients.map((each) => ({ ...each, last: outcome })),
    state: 'queued',
    nextAttemptAtMs: morning + 18 * 60_000,
  });
  await store.setPause({
    key: breakerKey('contoso', 'smtp'),
    untilMs: morning + 2 * 60_000,
    sinceMs: morning - 3 * 60_000,
    code: 'upstream-unreachable',
    text: 'smtp.office365.com refused the connection (ECONNREFUSED). Check host and port.',
    strikes: 1,
    needsAdmin: false,
  });
  await store.close();
  return refused.id;
}
