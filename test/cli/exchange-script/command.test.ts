import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ExchangeAdministration } from '../../../src/simulator/exchange-admin/exchange-administration.ts';
import { account, registrationWorld } from '../../onboarding/registration/registration-world.ts';

const objectId = '66666666-7777-8888-9999-000000000000';

/** A world whose connection is the app that the simulator provides. */
async function scriptWorld(connection: Record<string, unknown> = {}, options: { readonly terminal?: boolean } = {}) {
  const world = await registrationWorld(options);
  const { clientId, clientSecret, tenantId } = world.m365;
  const config = world.readConfig();
  const { cloud } = config.connections.contoso!;
  config.connections.contoso = { tenantId, clientId, grant: 'client-credentials', clientSecret, cloud, ...connection };
  world.writeConfig(config);
  return world;
}

test("the object id is the one in the app's own token", async () => {
  const world = await scriptWorld();
  world.m365.tenant.app.roles.exchange = ['IMAP.AccessAsApp'];
  const { code, stdout, stderr } = await world.run('exchange-script', 'contoso');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain(`$objectId = '${world.m365.tenant.app.servicePrincipalId}'\n`);
  expect(stdout).toContain("-Role 'Application SMTP.SendAsApp'");
});

test('with SMTP.SendAsApp in the token the script is the classic one, which Exchange goes by then', async () => {
  const world = await scriptWorld();
  const { stdout } = await world.run('exchange-script');
  expect(stdout).not.toContain('Application SMTP.SendAsApp');
  expect(stdout).toContain('Add-MailboxPermission');
});

test('permissions for every mailbox are pointed out', async () => {
  const world = await scriptWorld();
  const config = world.readConfig();
  Object.assign(config, { accounts: [{ ...account, send: 'graph' }] });
  world.writeConfig(config);
  const { code, stderr } = await world.run('exchange-script');
  expect(code).toBe(0);
  expect(stderr).toContain('Mail.Send and Mail.ReadWrite in Entra ID, which reaches every mailbox');
  const wide = await world.run('exchange-script', '--tenant-wide');
  expect([wide.stderr, wide.stdout.includes('Application Mail.Send')]).toEqual(['', false]);
});

test('where no token comes the reason is told and the script stops at the missing id; --object-id fills it', async () => {
  const world = await scriptWorld({ clientSecret: 'wrong' });
  const open = await world.run('exchange-script');
  expect(open.code).toBe(0);
  expect(open.stderr).toMatch(/^! The object id is not filled in: .*AADSTS7000215/);
  expect(open.stdout).toContain("$objectId = ''\nthrow ");
  expect(open.stdout + open.stderr).not.toContain(world.m365.clientSecret);
  const id = '66666666-7777-8888-9999-000000000000';
  const { stdout, stderr } = await world.run('exchange-script', '--object-id', id, '--offline');
  expect([stderr, stdout.includes(`$objectId = '${id}'`), stdout.includes('throw')]).toEqual(['', true, false]);
});

test('a secret that is elsewhere and not to be had leaves the id open too', async () => {
  const world = await scriptWorld({ clientSecret: { env: 'NOT_SET' } });
  const { code, stdout } = await world.run('exchange-script');
  expect([code, stdout.includes("$objectId = ''")]).toEqual([0, true]);
});

test('--undo and --json', async () => {
  const world = await scriptWorld();
  const { code, stdout } = await world.run('exchange-script', '--undo', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    connection: 'contoso',
    kind: 'app',
    clientId: world.m365.clientId,
    objectId: world.m365.tenant.app.servicePrincipalId,
    undo: true,
    script: expect.stringContaining('Remove-ServicePrincipal'),
  });
});

test('a connection where a person signs in', async () => {
  const world = await scriptWorld({ grant: 'device-code', clientSecret: undefined });
  const { stdout } = await world.run('exchange-script', '--user', 'alice@contoso.example');
  expect(stdout).toContain("$user = 'alice@contoso.example'");
  expect(stdout).toContain('Add-MailboxPermission -Identity $mailbox -User $user');
});

test.each([
  [['contoso', 'more'], 'takes one name, but was given "more" too'],
  [['--object-id', 'nonsense'], '--object-id needs a GUID'],
])('%j is refused', async (args, message) => {
  const world = await scriptWorld();
  const { code, stderr } = await world.run('exchange-script', ...args);
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
});

test('where nobody has signed in yet the person has to be named', async () => {
  const world = await scriptWorld({ grant: 'device-code', clientSecret: undefined });
  const { code, stdout, stderr } = await world.run('exchange-script');
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain('Sign in first (mailbridge login contoso), or name the person with --user ADDRESS.');
});

test('at a terminal the script goes into a file beside the configuration, with how to carry it', async () => {
  const world = await scriptWorld({}, { terminal: true });
  const { code, stdout, stderr } = await world.run('exchange-script');
  const file = join(world.folder, 'contoso.ps1');
  expect([code, stderr, stdout.replaceAll(world.folder, 'FOLDER')]).toEqual([
    0,
    '',
    `✓ wrote FOLDER/contoso.ps1
  Copy it to a machine with PowerShell. There an Exchange administrator runs:
    Windows:       powershell -ExecutionPolicy Bypass -File contoso.ps1
    Linux, macOS:  pwsh contoso.ps1
Then: mailbridge check contoso
`,
  ]);
  const script = readFileSync(file, 'utf8');
  const exchange = new ExchangeAdministration(world.m365.tenant, world.m365.directory);
  expect(exchange.run(script).errors).toEqual([]);
  expect(statSync(file).mode & 0o777).toBe(0o644);
  expect((await world.run('exchange-script', '--print')).stdout).toBe(script);
  expect((await world.run('exchange-script')).stdout).toContain('nothing has changed in');
});

test('the way back has a file of its own', async () => {
  const world = await scriptWorld({}, { terminal: true });
  await world.run('exchange-script', '--undo');
  expect(readFileSync(join(world.folder, 'contoso-undo.ps1'), 'utf8')).toContain('Remove-ServicePrincipal');
  expect(existsSync(join(world.folder, 'contoso.ps1'))).toBe(false);
});

test('a file that holds something else stays, unless --force', async () => {
  const world = await scriptWorld({}, { terminal: true });
  const file = join(world.folder, 'contoso.ps1');
  writeFileSync(file, '# of my own\n');
  const { code, stderr } = await world.run('exchange-script');
  expect([code, readFileSync(file, 'utf8')]).toEqual([2, '# of my own\n']);
  expect(words(stderr)).toContain(`${file} already exists with other content. Move it away, replace it with --force`);
  expect((await world.run('exchange-script', '--force')).code).toBe(0);
  expect(readFileSync(file, 'utf8')).toContain('Connect-ExchangeOnline');
});

test('a script beyond ASCII says so, for Windows PowerShell', async () => {
  const world = await scriptWorld({}, { terminal: true });
  const config = world.readConfig();
  Object.assign(config, { accounts: [{ ...account, mailbox: 'büro@contoso.example', send: 'smtp' }] });
  world.writeConfig(config);
  await world.run('exchange-script');
  expect(readFileSync(join(world.folder, 'contoso.ps1'), 'utf8').startsWith('\uFEFF# Lets connection')).toBe(true);
});

test('a name that cannot be written to: the reason, and --print still works', async () => {
  const world = await scriptWorld({}, { terminal: true });
  mkdirSync(join(world.folder, 'contoso.ps1', 'sub'), { recursive: true });
  const { code, stderr } = await world.run('exchange-script', '--force');
  expect([code, words(stderr)]).toEqual([2, expect.stringMatching(/contoso\.ps1 cannot be written \(EISDIR\)\./)]);
  expect((await world.run('exchange-script', '--print')).code).toBe(0);
});

/** As one line: a terminal breaks it between words. */
function words(text: string): string {
  return text.replace(/\s+/g, ' ');
}

test('every mailbox of an account is granted; for a pattern the script says what to run', async () => {
  const world = await scriptWorld();
  const config = world.readConfig();
  const { mailbox: _, ...rest } = account as Record<string, unknown>;
  Object.assign(config, {
    accounts: [
      { ...rest, username: 'desk', mailboxes: ['reports@contoso.example', 'bob@contoso.example'], read: 'imap' },
      { ...rest, username: '*@contoso.example', read: 'imap', send: 'smtp' },
    ],
  });
  world.writeConfig(config);
  const { code, stdout } = await world.run('exchange-script', '--offline', '--object-id', objectId);
  expect(code).toBe(0);
  expect(stdout).toContain('#   *@contoso.example: sends by smtp, reads by imap\n');
  expect(stdout).toContain("$openedMailboxes = @(\n  'reports@contoso.example',\n  'bob@contoso.example'\n)\n");
  const statements = stdout.split('\n').filter((line) => !line.startsWith('#'));
  expect(statements.join('\n')).not.toContain('*@contoso.example');
  for (const said of [
    'This script does nothing for *@contoso.example: the names are missing here',
    "New-ManagementRoleAssignment -Role 'Application SMTP.SendAsApp' -App $appId -CustomResourceScope 'mailbridge group'",
    'Add-MailboxPermission -Identity $_.PrimarySmtpAddress -User $objectId -AccessRights FullAccess',
    'Set-CASMailbox -Identity $_.PrimarySmtpAddress -ImapEnabled $true',
    'Set-CASMailbox -Identity $_.PrimarySmtpAddress -SmtpClientAuthenticationDisabled $false',
  ]) {
    expect(stdout).toContain(said);
  }
});

test('a fixed mailbox has to be allowed to send as the others, which by the envelope send themselves', async () => {
  const world = await scriptWorld();
  const config = world.readConfig();
  const { mailbox: _, ...rest } = account as Record<string, unknown>;
  const mailboxes = ['reports@contoso.example', 'bob@contoso.example'];
  const script = async (changes: object) => {
    Object.assign(config, { accounts: [{ ...rest, send: 'smtp', mailboxes, ...changes }] });
    world.writeConfig(config);
    return (await world.run('exchange-script', '--offline', '--object-id', objectId)).stdout;
  };
  const grant = "Add-RecipientPermission -Identity 'bob@contoso.example' -Trustee 'reports@contoso.example'";
  expect(await script({ mailboxFrom: 'fixed' })).toContain(grant);
  expect(await script({})).not.toContain('Add-RecipientPermission');
  // Depending on the envelope, a message from the office may be sent as either.
  const senders = [...mailboxes, 'office@contoso.example', { address: 'old@contoso.example', as: 'alias' }];
  const trustees = (text: string) =>
    [...text.matchAll(/-Identity 'office@[^']*' -Trustee '(\w+)@/g)].map(([, who]) => who);
  expect(trustees(await script({ senders }))).toEqual(['reports', 'bob']);
  expect(trustees(await script({ senders, mailboxFrom: 'fixed' }))).toEqual(['reports']);
  expect((await script({ senders })).match(/Get-Mailbox '\w+@/g)).toEqual(["Get-Mailbox 'reports@"]);
});

test('an app that serves people alone is made known to Exchange all the same', async () => {
  const world = await scriptWorld();
  const config = world.readConfig();
  const { mailbox: _, ...rest } = account as Record<string, unknown>;
  Object.assign(config, { accounts: [{ ...rest, username: '*@contoso.example', send: 'graph' }] });
  world.writeConfig(config);
  const { stdout } = await world.run('exchange-script', '--offline', '--object-id', objectId);
  expect(stdout).toContain('New-ServicePrincipal -AppId $appId');
  expect(stdout).toContain("-Role 'Application Mail.Send' -App $appId -CustomResourceScope 'mailbridge group'");
});
