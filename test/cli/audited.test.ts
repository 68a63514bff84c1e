import { chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { KeptAuditEntry } from '../../src/admin/access/audit-log.ts';
import { usernameOf } from '../../src/base/files/users.ts';
import { openSqliteStore } from '../../src/queue/stores/sqlite/store.ts';
import { put } from '../queue/stores/store-contract.ts';
import { needRoot, runProgram } from '../support/external.ts';
import { noteSecret } from '../support/secret-search/record.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mailbridge } from './harness.ts';

const config = {
  listeners: [{ protocol: 'smtp', port: 0 }],
  connections: {
    people: {
      grant: 'device-code',
      signIns: 'each',
      tenantId: 'contoso.example',
      clientId: '00000000-0000-0000-0000-000000000001',
    },
  },
  accounts: [{ username: '*@contoso.com', passwordFrom: 'app-passwords', connection: 'people', send: 'smtp' }],
  admin: { publicUrl: 'https://mailbridge.contoso.com', connect: { connection: 'people' } },
};

/** A bridge that has run, with two messages in its queue. */
async function bridgeFolder() {
  const folder = temporaryFolder();
  const file = join(folder, 'config.json');
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir, { mode: 0o700 });
  const store = openSqliteStore(join(dataDir, 'queue'), { exclusive: true });
  const { id } = await put(store, 'Subject: first\r\n\r\n');
  await put(store, 'Subject: second\r\n\r\n', { account: 'erp' });
  await store.close();
  const log = join(dataDir, 'admin-audit.jsonl');
  const entries = () =>
    readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as KeptAuditEntry);
  const run = async (args: string[], env?: NodeJS.ProcessEnv) => {
    const ran = await mailbridge([...args, '--config', file], '', env);
    noteSecrets(ran.out);
    return ran;
  };
  return { folder, file, dataDir, log, id, entries, run };
}

/** What the commands here show once; the end of the test run looks for it in every file. */
function noteSecrets(text: string): void {
  const passwords = /(?:[a-z2-9]{4}-){6}[a-z2-9]{4}|(?<=invitation=[^.]+\.)[\w-]+/g;
  for (const [secret] of text.matchAll(passwords)) noteSecret('user password', secret);
  for (const [secret] of text.matchAll(/^[\w-]{43}$/gm)) noteSecret('admin token', secret);
}

const anna = 'anna@contoso.com';
const me = usernameOf(process.geteuid?.() ?? 0);

test('what commands change is told as what pages change, as the user of the machine', async () => {
  const { run, entries, id, log } = await bridgeFolder();
  const { out: password } = await run(['account', 'add', anna, '--name', 'phone']);
  await run(['account', 'rotate', anna, '--name', 'phone']);
  await run(['account', 'remove', anna, '--name', 'phone']);
  const { out: link } = await run(['account', 'invite', 'Anna@contoso.com']);
  const invitation = /invitation=([0-9a-f]+)\./.exec(link)?.[1] ?? '';
  await run(['account', 'revoke', invitation]);
  await run(['queue', 'retry', '--account', 'erp']);
  await run(['queue', 'hold', '--account', 'erp']);
  await run(['queue', 'delete', id, '--yes']);
  await run(['queue', 'export', '--all']);
  const { out: token } = await run(['admin', 'token', '--rotate']);
  expect(entries().map(({ action, details }) => [action, details])).toEqual([
    ['app-passwords.add', { name: anna, appPassword: 'phone' }],
    ['app-passwords.rotate', { name: anna, id: 'phone' }],
    ['app-passwords.remove', { name: anna, id: 'phone' }],
    ['connect-invite', { address: 'Anna@contoso.com', invitation, expiresAt: expect.stringMatching(/Z$/) }],
    ['connect-revoke', { id: invitation, address: anna }],
    ['messages', { action: 'retry', filter: { account: 'erp' }, changed: 1 }],
    ['messages', { action: 'hold', filter: { account: 'erp' }, changed: 1 }],
    ['messages', { action: 'delete', ids: [id], count: 1, changed: 1 }],
    ['messages.content', { ids: [expect.any(String)], count: 1 }],
    ['admin-token.rotate', {}],
  ]);
  for (const entry of entries()) {
    expect(entry).toMatchObject({ user: me, by: 'command', address: null, outcome: 'done' });
  }
  expect(statSync(log).mode & 0o777).toBe(0o600);
  const text = readFileSync(log, 'utf8');
  for (const secret of [password, link.split('.').at(-1), token]) expect(text).not.toContain(secret?.trim());
});

test('what fails is told with its code, and looking at things not at all', async () => {
  const { run, entries, log } = await bridgeFolder();
  for (const args of [
    ['account', 'list'],
    ['account', 'invitations'],
    ['queue', 'list'],
    ['admin', 'token'],
  ]) {
    await run(args);
  }
  expect(existsSync(log)).toBe(false);
  await run(['account', 'revoke', '000000000000']);
  expect(entries()).toMatchObject([{ action: 'connect-revoke', outcome: 'connect-invitation-unknown' }]);
});

test('a wrong command line leaves nothing behind', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'config.json');
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  const refused = await mailbridge(['account', 'invite', anna, '--config', file]);
  expect(refused).toMatchObject({ code: 2, err: expect.not.stringContaining('audit log') });
  expect(existsSync(join(folder, 'data'))).toBe(false);
});

test('a log that cannot be written undoes nothing, and is told', async () => {
  const { run, log } = await bridgeFolder();
  mkdirSync(log);
  const made = await run(['account', 'add', anna, '--name', 'phone']);
  expect(made.code).toBe(0);
  expect(made.err).toContain('This is not in the audit log of ');
});

test('behind sudo it is who called it, and the log stays the property of the bridge, for an export too', async (context) => {
  needRoot(context);
  const { folder, file, dataDir, log, id, entries } = await bridgeFolder();
  await runProgram('chown', ['-R', '65534:65534', folder]);
  chownSync(file, 65534, 65534);
  const bin = new URL('../../bin/mailbridge.js', import.meta.url).pathname;
  for (const args of [
    ['queue', 'export', id],
    ['account', 'invite', anna],
  ]) {
    const { code, output } = await runProgram('env', [
      'SUDO_USER=lee',
      process.execPath,
      bin,
      ...args,
      '--config',
      file,
    ]);
    noteSecrets(output);
    expect([code, output]).toEqual([0, expect.not.stringContaining('audit log')]);
  }
  expect(entries().map(({ user, action }) => `${user}: ${action}`)).toEqual([
    'lee (sudo): messages.content',
    'lee (sudo): connect-invite',
  ]);
  const { uid, gid, mode } = statSync(log);
  expect([uid, gid, mode & 0o777]).toEqual([65534, 65534, 0o600]);
  expect(statSync(dataDir).uid).toBe(65534);
});
