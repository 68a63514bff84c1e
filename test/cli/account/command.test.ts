import { chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { needRoot, runProgram } from '../../support/external.ts';
import { noteSecret } from '../../support/secret-search/record.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { mailbridge } from '../harness.ts';

function configured() {
  const folder = temporaryFolder();
  const file = join(folder, 'config.json');
  const shared = { connection: 'contoso', send: 'graph' };
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
      { ...shared, username: 'Scanner', password: { env: 'NOT_SET_EITHER' }, mailbox: 'reports@contoso.com' },
      { ...shared, username: '*@fabrikam.com', passwordFrom: 'app-passwords' },
    ],
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  const account = async (...args: string[]) => {
    const ran = await mailbridge(['account', ...args, '--config', file]);
    for (const [secret] of ran.out.matchAll(/(?:[a-z2-9]{4}-){6}[a-z2-9]{4}/g)) noteSecret('user password', secret);
    return ran;
  };
  return { folder, file, account };
}

const secretLine = /^(?:[a-z2-9]{4}-){6}[a-z2-9]{4}\n$/;

test('add prints the password alone, and once', async () => {
  const { account } = configured();
  const made = await account('add', 'scanner', '--name', 'second floor');
  expect(made).toMatchObject({ code: 0, out: expect.stringMatching(secretLine) });
  expect(made.err).toBe(
    '✓ App password "second floor" of scanner. It is shown only this once. Hyphens, spaces and capitals do not matter.\n',
  );
  const listed = await account('list');
  expect(listed.out).toMatch(
    /^LOGIN +NAME +MADE +LAST USED\nscanner +second floor +\d\d:\d\d +never\n\n1 app password; /,
  );
  expect(listed.out + listed.err).not.toContain(made.out.trim());
});

test('--json of each action', async () => {
  const { account } = configured();
  const made = JSON.parse((await account('add', 'reports@contoso.com', '--name', 'ERP', '--json')).out);
  expect(made).toEqual({
    login: 'scanner',
    name: 'ERP',
    madeAt: expect.stringMatching(/^20\d\d-.*Z$/),
    password: expect.stringMatching(/^[a-z2-9-]{34}$/),
  });
  const rotated = JSON.parse((await account('rotate', 'scanner', '--name', 'erp', '--json')).out);
  expect(rotated.password).not.toBe(made.password);
  expect(JSON.parse((await account('list', 'scanner', '--json')).out)).toEqual([
    {
      ...{ login: 'scanner', name: 'ERP', madeAt: expect.any(String), lastUsedAt: null },
      ...{ account: 'Scanner', hasAccount: true },
    },
  ]);
  expect(JSON.parse((await account('remove', 'scanner', '--name', 'ERP', '--json')).out)).toEqual({
    login: 'scanner',
    name: 'ERP',
    removed: true,
  });
  expect((await account('list', '--json')).out).toBe('[]\n');
  expect((await account('list')).out).toBe('no app passwords\n');
});

test('whoever an account for many covers has theirs', async () => {
  const { account } = configured();
  expect((await account('add', 'Ann@Fabrikam.com', '--name', 'phone')).code).toBe(0);
  expect((await account('list', 'ann@fabrikam.com')).out).toMatch(/^ann@fabrikam.com +phone /m);
});

test.each([
  [
    ['add', 'scaner', '--name', 'x'],
    2,
    /^mailbridge: No account has the login "scaner"; did you mean "Scanner"\? The accounts are Scanner, \*@fabrikam\.com\. .*\(login-unknown\)\n$/,
  ],
  [['add', 'ann@contoso.com', '--name', 'x'], 2, /No account has the login "ann@contoso\.com"\. /],
  [
    ['add', '*@fabrikam.com', '--name', 'x'],
    2,
    /^mailbridge: \*@fabrikam\.com is many people, .* Name one of them, such as anna@fabrikam\.com\. \(login-unknown\)\n$/,
  ],
  [['add', '*@contoso.com', '--name', 'x'], 2, /No account has the login "\*@contoso\.com"/],
  [
    ['remove', 'scanner', '--name', 'x'],
    2,
    /scanner has no app password "x"\. It has none\. .*\(app-password-unknown\)/,
  ],
  [['add', 'scanner'], 2, /"account add" needs --name/],
  [['add', '--name', 'x'], 2, /"account add" needs a login/],
  [['add', 'scanner', 'second', '--name', 'x'], 2, /takes one login, but was given "second" too/],
  [['add', 'scanner', '--name', '  '], 2, /--name needs 1 to 64 characters/],
  [['list', '--name', 'x'], 2, /"account list" has no --name/],
  [['ad', 'scanner'], 2, /"account" cannot "ad"; did you mean "add"\?/],
  [[], 2, /"account" needs an action: add, list, remove, rotate, invite, invitations, revoke\./],
])('%j is refused: exit %i', async (args, code, text) => {
  const { account, folder } = configured();
  const ran = await account(...args);
  expect(ran).toMatchObject({ code, out: '' });
  expect(ran.err).toMatch(text);
  expect(existsSync(join(folder, 'data', 'app-passwords.json'))).toBe(false);
});

test('what is left of a login that no account has is told, and can be removed', async () => {
  const { account, file } = configured();
  await account('add', 'ann@fabrikam.com', '--name', 'phone');
  writeFileSync(file, readFileSync(file, 'utf8').replace('*@fabrikam.com', '*@wingtip.com'));
  expect((await account('list')).out).toContain(
    'No account has the login ann@fabrikam.com: remove what is left with mailbridge account remove.',
  );
  expect(JSON.parse((await account('list', '--json')).out)[0].hasAccount).toBe(false);
  expect((await account('remove', 'ann@fabrikam.com', '--name', 'phone')).code).toBe(0);
  expect((await account('list')).out).toBe('no app passwords\n');
});

test("root's command leaves the files to whoever has the data folder", async (context) => {
  needRoot(context);
  const { folder, file } = configured();
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir, { mode: 0o700 });
  chownSync(dataDir, 65534, 65534);
  chownSync(folder, 65534, 65534);
  const bin = new URL('../../../bin/mailbridge.js', import.meta.url).pathname;
  const { code, output } = await runProgram(process.execPath, [
    bin,
    ...['account', 'add', 'scanner', '--name', 'x', '--config', file],
  ]);
  for (const [secret] of output.matchAll(/(?:[a-z2-9]{4}-){6}[a-z2-9]{4}/g)) noteSecret('user password', secret);
  expect([code, output]).toEqual([0, expect.stringContaining('App password "x" of scanner.')]);
  for (const name of ['app-passwords.json', 'app-passwords.lock']) {
    const { uid, gid, mode } = statSync(join(dataDir, name));
    expect([name, uid, gid, mode & 0o777]).toEqual([name, 65534, 65534, 0o600]);
  }
});
