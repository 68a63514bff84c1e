import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ExchangeAdministration } from '../../../src/simulator/exchange-admin/exchange-administration.ts';
import { account, appsNamed, masked, type RegistrationWorld, registrationWorld } from './registration-world.ts';

const modeOf = (world: RegistrationWorld, file: string) => statSync(join(world.folder, file)).mode & 0o777;
const contoso = (world: RegistrationWorld) => world.readConfig().connections.contoso!;
const theApp = (world: RegistrationWorld) => appsNamed(world, 'mailbridge contoso')[0]!;

test('one command registers the app with the one permission that reading needs, and a certificate', async () => {
  const world = await registrationWorld();
  const { code, stdout, stderr } = await world.run('register-app');
  expect(stderr).toBe('');
  expect(masked(stdout, world)).toMatchInlineSnapshot(`
    "Sign in as an administrator: open https://login/deviceauth on any device and enter the code

      USERCODE1

    ✓ signed in as admin@contoso.example
    ✓ made the app registration "mailbridge contoso" (client id ID)
    ✓ made the enterprise application (object id ID)
    ✓ added admin consent to the application permissions IMAP.AccessAsApp
    ✓ added certificate of this connection (valid until DATE)
    ✓ the app gets a token that names IMAP.AccessAsApp
    ✓ wrote connection "contoso" to FOLDER/config.json (as it was: FOLDER/config.json.bak-TIME)
    ✓ wrote FOLDER/contoso.ps1

    The rest is set up in Exchange, by that script.
    Copy it to a machine with PowerShell. There an Exchange administrator runs:
      Windows:       powershell -ExecutionPolicy Bypass -File contoso.ps1
      Linux, macOS:  pwsh contoso.ps1
    Then: mailbridge check contoso
    "
  `);
  expect(code).toBe(0);
  const app = theApp(world);
  expect(app).toMatchObject({ roles: { graph: [], exchange: ['IMAP.AccessAsApp'] }, secrets: [], multiTenant: false });
  expect(app.certificates).toHaveLength(1);
  expect(contoso(world)).toMatchObject({
    tenantId: world.m365.tenantId,
    clientId: app.clientId,
    grant: 'client-credentials',
    clientCertificate: { cert: 'data/contoso.crt', key: 'data/contoso.key' },
    cloud: { authority: world.m365.endpoints.authority },
  });
  const modes = ['data/contoso.key', 'data', 'config.json'].map((file) => modeOf(world, file));
  expect(modes).toEqual([0o600, 0o700, 0o600]);
  expect(stdout).not.toContain('PRIVATE KEY');
});

test('after the script it writes has been run, the check finds nothing wrong', async () => {
  const world = await registrationWorld();
  await world.run('register-app');
  const script = readFileSync(join(world.folder, 'contoso.ps1'), 'utf8');
  const exchange = new ExchangeAdministration(world.m365.tenant, world.m365.directory);
  for (const time of ['first', 'second'])
    expect({ time, errors: exchange.run(script).errors }).toEqual({ time, errors: [] });
  const checked = await world.run('check', 'contoso');
  expect(checked).toMatchObject({ code: 0, stderr: '' });
});

test('init, register-app, the script: from nothing to a check that finds nothing wrong', async () => {
  const world = await registrationWorld();
  const cloudFile = join(world.folder, 'cloud.json');
  writeFileSync(cloudFile, JSON.stringify(contoso(world).cloud));
  const answers = ['--use', 'both', '--mailbox', 'reports@contoso.example', '--name', 'contoso', '--cloud', cloudFile];
  const started = await world.run('init', '--yes', '--force', ...answers);
  expect(started).toMatchObject({ code: 0, stderr: '' });
  const { exchangeScript } = JSON.parse((await world.run('register-app', '--json')).stdout);
  const exchange = new ExchangeAdministration(world.m365.tenant, world.m365.directory);
  expect(exchange.run(exchangeScript).errors).toEqual([]);
  const { code, stdout } = await world.run('check');
  expect(code, stdout).toBe(0);
});

test('a script of the same name that is another text stays, and the command to replace it is told', async () => {
  const world = await registrationWorld();
  const file = join(world.folder, 'contoso.ps1');
  writeFileSync(file, '# of my own\n');
  const { code, stdout } = await world.run('register-app');
  expect([code, readFileSync(file, 'utf8')]).toEqual([0, '# of my own\n']);
  expect(stdout).toContain(`${file} has other content and was not changed; the script:\n`);
  expect(stdout).toContain('  mailbridge exchange-script contoso --force\nThen: mailbridge check contoso\n');
});

test('with nothing to tell Exchange no script is written', async () => {
  const world = await registrationWorld({ accounts: [{ ...account, send: 'graph' }] });
  const { code, stdout } = await world.run('register-app', '--tenant-wide');
  expect([code, stdout]).toEqual([0, expect.stringContaining('  Exchange needs no settings.\nThen: mailbridge check')]);
  expect(readdirSync(world.folder)).not.toContain('contoso.ps1');
});

test('run again it finds everything and changes nothing', async () => {
  const world = await registrationWorld();
  await world.run('register-app');
  const before = readFileSync(world.configFile, 'utf8');
  const { code, stdout } = await world.run('register-app');
  expect(code).toBe(0);
  expect(masked(stdout, world).split('✓ nothing has changed in')[0]).toMatchInlineSnapshot(`
    "Sign in as an administrator: open https://login/deviceauth on any device and enter the code

      USERCODE1

    ✓ signed in as admin@contoso.example
    ✓ found the app registration "mailbridge contoso" (client id ID)
    ✓ found the enterprise application (object id ID)
    ✓ found the certificate of this connection (valid until DATE)
    ✓ the app gets a token that names IMAP.AccessAsApp
    ✓ FOLDER/config.json needs no change
    "
  `);
  expect(readFileSync(world.configFile, 'utf8')).toBe(before);
  expect(readdirSync(world.folder).filter((file) => file.includes('.bak-'))).toHaveLength(1);
  expect([appsNamed(world, 'mailbridge contoso').length, theApp(world).certificates.length]).toEqual([1, 1]);
});

test('what is missing is added, and what is there beyond that is left alone and named', async () => {
  const world = await registrationWorld();
  await world.run('register-app');
  const app = theApp(world);
  Object.assign(app.roles, { exchange: ['SMTP.SendAsApp'], graph: ['Mail.Send'] });
  app.requiredPermissions = [];
  app.publicRedirectUris = ['https://contoso.example/mail'];
  const { code, stdout } = await world.run('register-app');
  expect(code).toBe(0);
  expect(masked(stdout, world).split('✓ nothing has changed in')[0]).toMatchInlineSnapshot(`
    "Sign in as an administrator: open https://login/deviceauth on any device and enter the code

      USERCODE1

    ✓ signed in as admin@contoso.example
    ✓ found the app registration "mailbridge contoso" (client id ID)
    ✓ added to the registration: permissions asked for
    ✓ added to the registration: redirect URI
    ✓ found the enterprise application (object id ID)
    ✓ added admin consent to the application permissions IMAP.AccessAsApp
      left alone: the permission Mail.Send, granted in Entra ID: it reaches every mailbox, whatever the roles in Exchange say
      left alone: the permission SMTP.SendAsApp, granted in Entra ID: with it Exchange looks at mailbox permissions, not at roles
    ✓ found the certificate of this connection (valid until DATE)
    ✓ the app gets a token that names IMAP.AccessAsApp
    ✓ FOLDER/config.json needs no change
    "
  `);
  expect(app.roles).toEqual({ graph: ['Mail.Send'], exchange: ['SMTP.SendAsApp', 'IMAP.AccessAsApp'] });
  expect(app.publicRedirectUris).toEqual(['https://contoso.example/mail', 'http://localhost']);
});

test('--secret puts a secret into a file of its own and shows it to nobody', async () => {
  const world = await registrationWorld();
  const { code, stdout, stderr } = await world.run('register-app', '--secret', '--secret-days', '30');
  expect([code, stderr]).toEqual([0, '']);
  const [secret] = theApp(world).secrets;
  expect(contoso(world)).toMatchObject({ clientSecret: { file: 'data/contoso.secret' } });
  expect(readFileSync(join(world.folder, 'data/contoso.secret'), 'utf8')).toBe(`${secret!.value}\n`);
  expect(modeOf(world, 'data/contoso.secret')).toBe(0o600);
  expect(stdout).not.toContain(secret!.value);
  expect(readFileSync(world.configFile, 'utf8')).not.toContain(secret!.value);
  expect(Math.round((secret!.expiresAt - Date.now()) / 86_400_000)).toBe(30);
});

test.each(['--certificate', '--secret'])(
  '%s --rotate replaces the credential once the new one is proven',
  async (kind) => {
    const world = await registrationWorld();
    await world.run('register-app', kind);
    const { secrets, certificates } = theApp(world);
    const ids = () => [...secrets, ...certificates].map(({ id }) => id);
    const [old] = ids();
    const before = contoso(world);
    const { code, stdout } = await world.run('register-app', '--rotate');
    expect([code, ids().length]).toEqual([0, 1]);
    expect(ids()[0]).not.toBe(old);
    expect(stdout).not.toContain('left alone');
    expect(stdout).toMatch(/✓ the app gets a token.*✓ wrote connection.*✓ removed the old credential.*SIGHUP/s);
    const after = contoso(world);
    expect([after.clientSecret, after.clientCertificate]).not.toEqual([before.clientSecret, before.clientCertificate]);
    // The configuration names a credential that works.
    expect((await world.run('register-app')).code).toBe(0);
    expect(ids()).toHaveLength(1);
  },
);

test('a secret that has expired is replaced', async () => {
  const world = await registrationWorld();
  await world.run('register-app', '--secret');
  const { secrets } = theApp(world);
  secrets[0]!.expiresAt = Date.now() - 1000;
  const { code, stdout } = await world.run('register-app');
  expect([code, secrets.length]).toEqual([0, 2]);
  expect(stdout).toContain('✓ added client secret of this connection');
  expect(readFileSync(join(world.folder, 'data/contoso.secret'), 'utf8')).toBe(`${secrets[1]!.value}\n`);
});

test('a secret gives way to a certificate, and the configuration has one of the two', async () => {
  const world = await registrationWorld();
  await world.run('register-app', '--secret');
  const { code } = await world.run('register-app', '--certificate');
  expect(code).toBe(0);
  const { secrets, certificates } = theApp(world);
  expect([secrets.length, certificates.length]).toEqual([0, 1]);
  expect(contoso(world)).not.toHaveProperty('clientSecret');
  expect(contoso(world)).toHaveProperty('clientCertificate');
});

test('a federated token gives way to a certificate, and the connection is left with one credential', async () => {
  const connection = { grant: 'client-credentials', clientAssertionFile: '/run/secrets/token' };
  const world = await registrationWorld({ connection });
  expect((await world.run('register-app', '--certificate')).code).toBe(0);
  expect(contoso(world)).not.toHaveProperty('clientAssertionFile');
  expect(contoso(world)).toHaveProperty('clientCertificate');
});

test('--delegated registers a public client, consents for everybody and makes no credential', async () => {
  const world = await registrationWorld({ accounts: [{ ...account, send: 'graph', read: 'imap' }] });
  const { code, stdout } = await world.run('register-app', '--delegated', '--shared');
  expect(code).toBe(0);
  const app = theApp(world);
  expect(app).toMatchObject({
    publicClientFlows: true,
    publicRedirectUris: ['http://localhost'],
    secrets: [],
    certificates: [],
    roles: { graph: [], exchange: [] },
  });
  const granted = app.delegatedGrants.map(({ resource, principalId, scopes }) => [resource, principalId, scopes]);
  expect(granted).toEqual([
    [
      'graph',
      undefined,
      ['offline_access', 'User.Read', 'Mail.Send', 'Mail.Send.Shared', 'Mail.ReadWrite', 'Mail.ReadWrite.Shared'],
    ],
    ['exchange', undefined, ['IMAP.AccessAsUser.All']],
  ]);
  expect(contoso(world)).toMatchObject({ grant: 'device-code', clientId: app.clientId });
  expect(stdout).toMatch(/\nNext: mailbridge login contoso\n$/);
  expect([stdout.includes('Exchange'), readdirSync(world.folder).filter((file) => file.endsWith('.ps1'))]).toEqual([
    false,
    [],
  ]);
});

test('sending alone needs no permission in Entra; --classic and --tenant-wide grant one', async () => {
  const world = await registrationWorld({ accounts: [{ ...account, send: 'smtp' }] });
  await world.run('register-app');
  expect(theApp(world).roles).toEqual({ graph: [], exchange: [] });
  await world.run('register-app', '--classic');
  expect(theApp(world).roles).toEqual({ graph: [], exchange: ['SMTP.SendAsApp'] });
  await world.run('register-app', '--tenant-wide', '--send', 'graph', '--read', 'graph');
  expect(theApp(world).roles.graph).toEqual(['Mail.Send', 'Mail.ReadWrite']);
});

test('of two apps of the same name neither is guessed; --client-id says which', async () => {
  const world = await registrationWorld();
  const [first, second] = [1, 2].map(() => world.m365.tenant.register('mailbridge contoso'));
  const refused = await world.run('register-app');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('has 2 app registrations named "mailbridge contoso"');
  expect(refused.stderr).toContain('--client-id');
  const { code } = await world.run('register-app', '--client-id', second!.clientId);
  expect([code, contoso(world).clientId, first!.certificates.length]).toEqual([0, second!.clientId, 0]);
});

test('a client id that the tenant does not know is told, and no second app made', async () => {
  const clientId = '99999999-8888-7777-6666-555555555555';
  const world = await registrationWorld({
    connection: { clientId, tenantId: 'contoso.example', grant: 'device-code' },
  });
  const { code, stderr } = await world.run('register-app');
  expect(code).toBe(1);
  expect(stderr).toContain(`no app registration with client id ${clientId}`);
  expect(appsNamed(world, 'mailbridge contoso')).toEqual([]);
});

test('somebody without the right to register apps is told which roles have it', async () => {
  const world = await registrationWorld({ administrator: 'alice@contoso.example' });
  // The organization lets everybody sign in to the tool; their permissions are another matter.
  const tools = world.m365.tenant.apps.get('14d82eec-204b-4c2f-b7e8-296a70dab67e')!;
  const scopes = ['Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All', 'offline_access', 'profile'];
  tools.delegatedGrants.push({ id: 'all', resource: 'graph', scopes });
  const { code, stderr } = await world.run('register-app');
  expect(code).toBe(1);
  expect(stderr).toContain('POST /v1.0/applications (403 Authorization_RequestDenied)');
  expect(stderr).toContain('Cloud Application Administrator');
});

test('a tenant that blocks the device code points to the browser', async () => {
  const world = await registrationWorld();
  world.m365.tenant.policies.deviceCodeBlocked = true;
  const { code, stderr } = await world.run('register-app');
  expect(code).toBe(1);
  expect(stderr).toMatch(/AADSTS53003.*--browser/);
});

test('--browser signs in on this machine', async () => {
  const world = await registrationWorld();
  world.m365.tenant.policies.deviceCodeBlocked = true;
  const { code, stdout, stderr } = await world.run('register-app', '--browser');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain('✓ signed in as admin@contoso.example');
  expect(theApp(world).certificates).toHaveLength(1);
});

test('replication is waited for, and told', async () => {
  const world = await registrationWorld();
  world.m365.tenant.replicationMs = 300;
  const { code, stdout } = await world.run('register-app');
  expect(code).toBe(0);
  expect(stdout).toContain('waiting for Microsoft to replicate the app registration (up to 3 min) …');
});

test('--dry-run of a new registration signs nobody in and writes nothing', async () => {
  const world = await registrationWorld();
  const before = readFileSync(world.configFile, 'utf8');
  const { code, stdout } = await world.run('register-app', '--dry-run', '--secret');
  expect(code).toBe(0);
  expect(stdout).not.toContain('Sign in');
  expect(stdout.match(/^(GET|POST|PATCH) \S+/gm)).toMatchInlineSnapshot(`
    [
      "GET /v1.0/servicePrincipals?$filter=appId",
      "GET /v1.0/applications?$filter=displayName",
      "POST /v1.0/applications",
      "GET /v1.0/servicePrincipals?$filter=appId",
      "POST /v1.0/servicePrincipals",
      "GET /v1.0/servicePrincipals/<object",
      "POST /v1.0/servicePrincipals/<object",
      "GET /v1.0/applications/<object",
      "POST /v1.0/applications/<object",
    ]
  `);
  expect(stdout).toContain('"appRoleId": "<id of IMAP.AccessAsApp>"');
  expect([readFileSync(world.configFile, 'utf8'), readdirSync(world.folder)]).toEqual([before, ['config.json']]);
  expect(appsNamed(world, 'mailbridge contoso')).toEqual([]);
});

test('--dry-run of a registration that is there looks at it and shows what is missing', async () => {
  const world = await registrationWorld();
  await world.run('register-app');
  theApp(world).roles.exchange = [];
  const { code, stdout } = await world.run('register-app', '--dry-run');
  expect(code).toBe(0);
  expect(stdout.match(/^(GET|POST|PATCH) \S+/gm)).toEqual([expect.stringMatching(/^POST .*\/appRoleAssignedTo$/)]);
  expect(theApp(world).roles.exchange).toEqual([]);
});

test('--json prints one object, and what people have to do on standard error', async () => {
  const world = await registrationWorld();
  const { code, stdout, stderr } = await world.run('register-app', '--json');
  expect(code).toBe(0);
  expect(stderr).toContain('enter the code');
  const app = theApp(world);
  expect(JSON.parse(stdout)).toMatchObject({
    connection: 'contoso',
    tenantId: world.m365.tenantId,
    clientId: app.clientId,
    applicationObjectId: app.objectId,
    enterpriseApplicationObjectId: app.servicePrincipalId,
    config: { written: true },
    proven: true,
    exchangeScript: expect.stringContaining(`$objectId = '${app.servicePrincipalId}'`),
  });
});

test.each([
  [['--send', 'pigeon'], '--send needs graph, smtp, not "pigeon"'],
  [['--app-only', '--delegated'], '--app-only and --delegated exclude each other'],
  [['--secret', '--certificate'], '--secret and --certificate exclude each other'],
  [['--secret-days', '800'], '--secret-days needs a whole number from 1 to 730'],
  [['--mailbox', 'nobody'], '--mailbox "nobody" must be an address'],
  [['--client-id', '12'], '--client-id "12" must be a GUID'],
  [['--name', '../x'], '--name needs letters'],
])('%j is refused', async (args, message) => {
  const world = await registrationWorld();
  const { code, stderr } = await world.run('register-app', ...args);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});

test('--rotate of a connection that works in a person’s name is wrong usage: there is no credential', async () => {
  const world = await registrationWorld({
    connection: { clientId: '11111111-2222-4333-8444-555555555555', tenantId: 'contoso.example', grant: 'device-code' },
  });
  const { code, stderr } = await world.run('register-app', '--rotate');
  expect(code).toBe(2);
  expect(stderr).toContain('there is no credential to rotate');
  expect(stderr).toContain('mailbridge login contoso');
});
