import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { noteSecret } from '../../support/secret-search/record.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { mailbridge } from '../harness.ts';

function configured(admin: object | undefined = {}) {
  const folder = temporaryFolder();
  const file = join(folder, 'config.json');
  const config = {
    listeners: [{ protocol: 'smtp', port: 0 }],
    connections: {
      contoso: {
        tenantId: 'contoso.example',
        clientId: '00000000-0000-0000-0000-000000000001',
        grant: 'client-credentials',
        clientSecret: { env: 'NOT_SET_HERE' },
      },
    },
    accounts: [
      { connection: 'contoso', send: 'graph', username: 'scanner', networks: ['10.0.0.9'], mailbox: 'a@contoso.com' },
    ],
    ...(admin && { admin }),
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  const admins = async (...args: string[]) => {
    const ran = await mailbridge(['admin', ...args, '--config', file], '', { SOME_TOKEN: 'configured-admin-token-9' });
    for (const [secret] of ran.out.matchAll(/[\w-]{43}/g)) noteSecret('admin token', secret);
    return ran;
  };
  return { tokenFile: join(folder, 'data', 'admin-token'), admins };
}

test('the token is printed alone; it is made when it is first asked for, and stays', async () => {
  const { tokenFile, admins } = configured();
  const first = await admins('token');
  expect(first).toEqual({ code: 0, out: expect.stringMatching(/^[\w-]{43}\n$/), err: '' });
  expect([readFileSync(tokenFile, 'utf8'), statSync(tokenFile).mode & 0o777]).toEqual([first.out, 0o600]);
  expect((await admins('token')).out).toBe(first.out);
  const json = await admins('token', '--json');
  expect(JSON.parse(json.out)).toEqual({ token: first.out.trim(), from: tokenFile });
});

test('--rotate puts a new one in its place', async () => {
  const { tokenFile, admins } = configured();
  const before = await admins('token');
  const after = await admins('token', '--rotate');
  expect(after.out).not.toBe(before.out);
  expect(readFileSync(tokenFile, 'utf8')).toBe(after.out);
  expect((await admins('token')).out).toBe(after.out);
});

test('the token of the configuration is printed, and changed there', async () => {
  const { admins } = configured({ token: { env: 'SOME_TOKEN' } });
  expect((await admins('token')).out).toBe('configured-admin-token-9\n');
  const refused = await admins('token', '--rotate');
  expect([refused.code, refused.out]).toEqual([2, '']);
  expect(refused.err).toContain('(admin.token)');
});

test('without "admin" in the configuration the token is printed all the same, with a warning', async () => {
  const { admins } = configured(null as never);
  const { code, out, err } = await admins('token');
  expect([code, out]).toEqual([0, expect.stringMatching(/^[\w-]{43}\n$/)]);
  expect(err).toContain('The configuration has no "admin"');
});

test.each([
  [[], '"admin" needs an action: token.'],
  [['tokn'], 'did you mean "token"?'],
  [['token', 'mine'], '"admin token" does not know "mine"'],
])('%j is wrong usage', async (args, text) => {
  const { admins } = configured();
  const { code, err } = await admins(...(args as string[]));
  expect([code, err.includes(text)]).toEqual([2, true]);
});
