import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { runCommand } from '../../src/cli/commands.ts';
import { runConsent } from '../../src/cli/consent.ts';
import { account, type RegistrationWorld, registrationWorld } from '../onboarding/registration/registration-world.ts';
import { FormBrowser, signIn } from '../simulator/entra-browser.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { commandOutput } from '../support/secret-search/command-output.ts';

/** A world whose connection is the app that the simulator provides, listing a permission without consent. */
async function consentWorld(grant = 'device-code', accounts = [{ ...account, send: 'smtp' }]) {
  const world = await registrationWorld({ accounts });
  const { tenant } = world.m365;
  tenant.app.delegatedGrants.length = 0;
  const config = world.readConfig();
  Object.assign(config.connections.contoso!, { clientId: tenant.app.clientId, tenantId: tenant.id, grant });
  world.writeConfig(config);
  return world;
}

/** A running command, and its output so far. */
function start(world: RegistrationWorld, ...args: string[]) {
  const written = { stdout: '', stderr: '' };
  const stdin = new PassThrough();
  const links: ((url: string) => void)[] = [];
  const command = ['consent', 'contoso', ...args, '--config', world.configFile];
  const output = commandOutput(command);
  const stream = (name: 'stdout' | 'stderr') =>
    output[name].on('data', (chunk: Buffer) => {
      written[name] += chunk;
      const url = /https:\/\/\S+adminconsent\S+/.exec(String(chunk))?.[0];
      if (url) links.shift()?.(url);
    });
  const shown = () => new Promise<string>((resolve) => links.push(resolve));
  const [first, second] = [shown(), shown()];
  const ended = runCommand(command, {
    stdin,
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    env: {},
  });
  return { written, stdin, first, second, ended };
}

async function follow(world: RegistrationWorld, link: string, decision = 'accept'): Promise<URL> {
  const browser = new FormBrowser(world.m365);
  await browser.open(link);
  await signIn(world.m365, browser, `admin@${world.m365.tenantDomain}`);
  return browser.submitAndLeave({ decision });
}

test('an administrator follows the link, and the command says what comes next', async () => {
  const world = await consentWorld();
  const { first, ended, written } = start(world);
  const link = new URL(await first);
  expect([link.pathname, link.searchParams.get('scope')]).toEqual([
    `/${world.m365.tenantId}/v2.0/adminconsent`,
    'https://outlook.office.com/SMTP.Send',
  ]);
  const back = await follow(world, link.href);
  expect(back.origin).toMatch(/^http:\/\/localhost:\d+$/);
  const page = await fetch(back);
  expect([page.status, await page.text()]).toEqual([
    200,
    expect.stringContaining('the consent was given. You can close'),
  ]);
  expect(await ended).toBe(0);
  expect(written.stdout).toContain(
    `✓ An administrator of tenant ${world.m365.tenantId} has consented.\nNext: mailbridge login contoso.`,
  );
  expect(world.m365.tenant.app.delegatedGrants).toMatchObject([{ resource: 'exchange', scopes: ['SMTP.Send'] }]);
  // Nothing listens any more.
  await expect(fetch(back)).rejects.toThrow();
});

test('a connection of both services has a link for each', async () => {
  const world = await consentWorld('device-code', [
    { ...account, send: 'graph', read: 'imap' } as typeof account & { send: string },
  ]);
  const { first, second, ended } = start(world);
  for (const link of [first, second]) await fetch(await follow(world, await link));
  expect(await ended).toBe(0);
  const granted = world.m365.tenant.app.delegatedGrants.map(({ resource, scopes }) => `${resource} ${scopes}`);
  expect(granted.sort()).toEqual(['exchange IMAP.AccessAsUser.All', 'graph Mail.Send,Mail.ReadWrite']);
});

test('for an app of its own the link asks for all that the registration lists', async () => {
  const world = await consentWorld('client-credentials', [
    { ...account, send: 'graph', read: 'imap' } as typeof account & { send: string },
  ]);
  const { first, ended } = start(world);
  const link = new URL(await first);
  expect(link.searchParams.get('scope')).toBe('https://outlook.office365.com/.default');
  await fetch(await follow(world, link.href));
  expect(await ended).toBe(0);
});

test('an administrator who declines is told of in the terminal and in the browser', async () => {
  const world = await consentWorld();
  const { first, ended, written } = start(world);
  const page = await fetch(await follow(world, await first, 'cancel'));
  expect(await page.text()).toContain('No consent was given.');
  expect(await ended).toBe(1);
  expect(written.stderr).toMatch(/No consent was given\..*AADSTS65004.*\(consent-refused\)/);
});

test('an address that belongs to another link is sent away, and the wait goes on', async () => {
  const world = await consentWorld();
  const { first, ended } = start(world);
  const back = await follow(world, await first);
  const forged = new URL(back);
  forged.searchParams.set('state', 'x'.repeat(22));
  expect((await fetch(forged)).status).toBe(400);
  expect((await fetch(new URL('/favicon.ico', back))).status).toBe(404);
  expect((await fetch(back, { method: 'POST' })).status).toBe(404);
  expect((await fetch(back)).status).toBe(200);
  expect(await ended).toBe(0);
});

test('what comes with the redirect cannot write into the page', async () => {
  const world = await consentWorld();
  const { first, ended } = start(world);
  const state = new URL(await first).searchParams.get('state')!;
  const redirect = new URL(new URL(await first).searchParams.get('redirect_uri')!);
  redirect.search = `${new URLSearchParams({ error: 'x', error_description: '<script>alert(1)</script>', state })}`;
  expect(await (await fetch(redirect)).text()).not.toContain('<script>');
  expect(await ended).toBe(1);
});

test('--no-wait takes the address that the administrator sends back', async () => {
  const world = await consentWorld();
  const { first, stdin, ended, written } = start(world, '--no-wait', '--json');
  const link = await first;
  expect(new URL(link).searchParams.get('redirect_uri')).toBe('http://localhost');
  stdin.end(`${await follow(world, link)}\n`);
  expect(await ended).toBe(0);
  expect(JSON.parse(written.stdout)).toEqual({ connection: 'contoso', tenantId: world.m365.tenantId, consented: true });
});

test('--no-wait takes the address of a native client too', async () => {
  const world = await consentWorld();
  const { first, stdin, ended } = start(world, '--no-wait');
  const state = new URL(await first).searchParams.get('state');
  const native = 'https://login.microsoftonline.com/common/oauth2/nativeclient';
  stdin.end(`${native}?admin_consent=True&tenant=${world.m365.tenantId}&state=${state}\n`);
  expect(await ended).toBe(0);
});

test.each([
  ['nothing', ''],
  ['no address', 'yes, done!\n'],
  ['an address without a state', 'http://localhost/?admin_consent=True&tenant=t\n'],
])('--no-wait refuses %s', async (_, pasted) => {
  const world = await consentWorld();
  const { first, stdin, ended, written } = start(world, '--no-wait');
  await first;
  stdin.end(pasted);
  expect(await ended).toBe(1);
  expect(written.stderr).toContain('(consent-answer-invalid)');
});

test('Ctrl-C ends the wait in good order', async () => {
  const world = await consentWorld();
  const { first, ended, written } = start(world);
  const redirect = new URL(await first).searchParams.get('redirect_uri')!;
  process.emit('SIGINT');
  expect(await ended).toBe(1);
  expect(written.stderr).toContain('(cancelled)');
  await expect(fetch(redirect)).rejects.toThrow();
});

test('the wait ends after 15 minutes', async () => {
  const world = await consentWorld();
  const clock = new FakeClock();
  const args = ['contoso', '--config', world.configFile];
  const io = { stdin: new PassThrough(), ...commandOutput(['consent', ...args]), env: {} };
  io.stderr.resume();
  const waiting = new Promise<void>((resolve) => {
    io.stdout.on('data', (chunk: Buffer) => String(chunk).includes('Waiting') && resolve());
  });
  const ended = runConsent(args, io, clock).catch((error: unknown) => error);
  await waiting;
  await clock.advance(15 * 60_000);
  expect(await ended).toMatchObject({ code: 'consent-timeout', kind: 'temporary' });
});

test('a connection that is not there is told with those that are', async () => {
  const world = await consentWorld();
  const { code, stderr } = await world.run('consent', 'fabrikam');
  expect([code, stderr]).toEqual([
    2,
    expect.stringContaining('There is no connection "fabrikam". The configuration has contoso.'),
  ]);
});
