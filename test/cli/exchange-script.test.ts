import { expect, test } from 'vitest';
import { account, registrationWorld } from '../onboarding/registration/registration-world.ts';

/** A world whose connection is the app that the simulator hands out. */
async function scriptWorld(connection: Record<string, unknown> = {}) {
  const world = await registrationWorld();
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
