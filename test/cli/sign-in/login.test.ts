import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { FormBrowser, signIn, signInAtDevicePage } from '../../simulator/entra-browser.ts';
import { alice, loginWorld, reports, sealedText, signInAtLink } from './login-world.ts';

test('a code, a person, and every hop', async () => {
  const world = await loginWorld([{ read: 'imap', send: 'smtp' }]);
  const running = world.start(['login', 'contoso']);
  const { authority } = world.m365.endpoints;
  const userCode = await running.userCode();
  expect(running.out()).toBe(
    `Sign in: open ${authority}/deviceauth on any device and enter the code\n\n  ${userCode}\n\n`,
  );
  await signInAtDevicePage(world.m365, userCode, alice);
  const { code, out, err } = await running.ended;
  expect([code, err]).toEqual([0, '']);
  expect(out).toContain(
    `\n✓ Signed in as alice@contoso.example, tenant ${world.m365.tenantId}.\n  Granted: IMAP.AccessAsUser.All, SMTP.Send.\n\n✓ connection contoso\n`,
  );
  expect(out).toMatch(/✓ {2}user0 {2}alice@contoso\.example {2}sends by SMTP, reads by IMAP\n/);
  expect(out).toMatch(/\nMicrosoft's side works\. The bridge does not run; mailbridge start starts it\.\n$/);
  expect(statSync(world.tokenFile).mode & 0o777).toBe(0o600);
  expect(sealedText(world)).not.toMatch(/eyJ|alice/);
  const audit = readFileSync(join(dirname(dirname(world.tokenFile)), 'admin-audit.jsonl'), 'utf8');
  expect(JSON.parse(audit)).toMatchObject({
    action: 'connections.sign-in',
    details: { name: 'contoso', signedInAs: alice },
    by: 'command',
    outcome: 'done',
  });
});

test('both services in one sign-in: the second is asked for with the refresh token of the first', async () => {
  const world = await loginWorld([{ read: 'imap', send: 'graph' }]);
  world.m365.tenant.app.delegatedGrants.push(
    { id: '1', resource: 'exchange', scopes: ['IMAP.AccessAsUser.All'] },
    { id: '2', resource: 'graph', scopes: ['Mail.Send', 'Mail.ReadWrite'] },
  );
  const { code, out } = await world.logIn(alice);
  expect(code, out).toBe(0);
  expect(out).toContain('Granted: IMAP.AccessAsUser.All, Mail.Send, Mail.ReadWrite.\n');
});

test('where the other service wants a consent of its own, the person signs in once more', async () => {
  const world = await loginWorld([{ read: 'imap', send: 'graph' }]);
  const running = world.start(['login', '--no-check']);
  await signInAtDevicePage(world.m365, await running.userCode(), alice);
  await signInAtDevicePage(world.m365, await running.userCode(1), alice);
  const { code, out } = await running.ended;
  expect(out).toContain('has not been consented to yet: please sign in once more.');
  expect(out).toContain('Granted: IMAP.AccessAsUser.All, ');
  expect(out).not.toContain('Missing');
  expect(code).toBe(0);
});

test('on a terminal: a QR code of the page, and how long the code lasts, taken away in the end', async () => {
  const world = await loginWorld();
  const running = world.start(['login', '--no-check'], { terminal: true });
  const userCode = await running.userCode();
  await running.until(/Waiting for the sign-in, 1[45]:\d\d left\. /);
  expect(running.err()).toMatch(/[█▀▄]{10}/);
  expect(running.out()).not.toMatch(/[█▀▄]/);
  await signInAtDevicePage(world.m365, userCode, alice);
  const { code, err } = await running.ended;
  expect(code).toBe(0);
  expect(err.endsWith('\r\u001b[K')).toBe(true);
});

test('whoever is too slow gets a new code', async () => {
  const world = await loginWorld();
  const { lifetimes } = world.m365.tenant;
  lifetimes.deviceCodeLifetimeSeconds = 1;
  const running = world.start(['login', '--no-check']);
  const first = await running.userCode();
  lifetimes.deviceCodeLifetimeSeconds = 900;
  const second = await running.userCode(1);
  expect(second).not.toBe(first);
  expect(running.out()).toContain('That code has expired. Here is a new one.');
  await signInAtDevicePage(world.m365, second, alice);
  expect((await running.ended).code).toBe(0);
});

test('Ctrl-C ends it in good order, with a code and with a browser', async () => {
  const world = await loginWorld();
  const withCode = world.start(['login']);
  await withCode.userCode();
  process.emit('SIGINT');
  expect(await withCode.ended).toMatchObject({ code: 1, err: expect.stringContaining('(sign-in-cancelled)') });
  const withBrowser = world.start(['login', '--browser']);
  const link = new URL(await withBrowser.link());
  process.emit('SIGINT');
  expect(await withBrowser.ended).toMatchObject({ code: 1, err: expect.stringContaining('(cancelled)') });
  await expect(fetch(link.searchParams.get('redirect_uri') ?? '')).rejects.toThrow();
  expect(world.hasSignIn()).toBe(false);
});

test('a person who declines', async () => {
  const world = await loginWorld();
  const running = world.start(['login']);
  const browser = new FormBrowser(world.m365);
  await browser.open('/deviceauth');
  await browser.submit({ otc: await running.userCode() });
  await signIn(world.m365, browser, alice);
  await browser.submit({ decision: 'cancel' });
  const { code, err } = await running.ended;
  expect(code).toBe(1);
  expect(err).toMatch(/^mailbridge: .*\(sign-in-declined\)\n$/);
  expect(world.hasSignIn()).toBe(false);
});

test('a tenant that blocks device codes: the browser is proposed', async () => {
  const world = await loginWorld();
  world.m365.tenant.policies.deviceCodeBlocked = true;
  const { code, err } = await world.logIn(alice);
  expect(code).toBe(1);
  expect(err).toMatch(/AADSTS53003/);
  expect(err).toContain('blocks signing in by device code: run mailbridge login contoso --browser on a machine with');
  expect(world.hasSignIn()).toBe(false);
});

test('--browser: the browser comes back to this machine', async () => {
  const world = await loginWorld();
  const running = world.start(['login', '--browser']);
  const link = new URL(await running.link());
  expect(Object.fromEntries(link.searchParams)).toMatchObject({
    code_challenge_method: 'S256',
    prompt: 'select_account',
    response_type: 'code',
    redirect_uri: expect.stringMatching(/^http:\/\/localhost:\d+$/),
  });
  const page = await fetch(await signInAtLink(world, link.href));
  expect([page.status, await page.text()]).toEqual([
    200,
    expect.stringContaining(
      `alice@contoso.example has signed in to connection contoso, for mailbridge on ${hostname()}. Now the terminal tries the connection. You can close this window.`,
    ),
  ]);
  const { code, out } = await running.ended;
  expect(out).toMatch(
    /^Sign in, in the browser of this machine:\n\n {2}http:\/\/localhost:\d+\/[\da-f]{10}\n\nWaiting for the browser to come back, 15 minutes at most\. Ctrl-C ends it\.\n/,
  );
  expect(code, out).toBe(0);
  expect(out).toMatch(/✓ Signed in as alice@contoso\.example/);
});

test('nobody learns the sign-in page, with its state, who does not see the terminal', async () => {
  const world = await loginWorld();
  const running = world.start(['login', '--browser', '--no-check']);
  const back = new URL(new URL(await running.link()).searchParams.get('redirect_uri') ?? '');
  for (const path of ['/', '/0000000000', '/authorize']) {
    const answer = await fetch(`${back.origin}${path}`, { redirect: 'manual' });
    expect([path, answer.status, answer.headers.get('location')]).toEqual([path, 404, null]);
  }
  process.emit('SIGINT');
  await running.ended;
});

test('who knocks with the wrong state is sent away, and the sign-in goes on', async () => {
  const world = await loginWorld();
  const running = world.start(['login', '--browser', '--no-check']);
  const link = await running.link();
  const back = new URL(new URL(link).searchParams.get('redirect_uri') ?? '');
  const knocked = await fetch(`${back.origin}/?code=stolen&state=guessed`);
  expect(knocked.status).toBe(400);
  await fetch(await signInAtLink(world, link));
  expect((await running.ended).code).toBe(0);
});

test.each(['http://localhost/back', 'http://127.0.0.1/back'])(
  'a redirect URI of one’s own, %s, gets a port',
  async (redirectUri) => {
    const world = await loginWorld();
    world.m365.tenant.app.publicRedirectUris = [redirectUri];
    Object.assign(world.connection, { grant: 'authorization-code', redirectUri, prompt: 'login' });
    const running = world.start(['login', '--no-check']);
    const link = new URL(await running.link());
    expect(link.searchParams.get('prompt')).toBe('login');
    const { hostname, pathname, port } = new URL(link.searchParams.get('redirect_uri') ?? '');
    expect([hostname, pathname, port]).toEqual([new URL(redirectUri).hostname, '/back', expect.stringMatching(/\d+/)]);
    const back = await signInAtLink(world, link.href);
    expect((await fetch(back)).status).toBe(200);
    expect((await running.ended).code).toBe(0);
  },
);

test('a redirect URI elsewhere, and a secret: the address that the browser ends up at is pasted', async () => {
  const world = await loginWorld();
  const redirectUri = 'https://intranet.contoso.example/signed-in';
  world.m365.tenant.app.webRedirectUris = [redirectUri];
  Object.assign(world.connection, {
    grant: 'authorization-code',
    redirectUri,
    clientSecret: world.m365.clientSecret,
  });
  const running = world.start(['login']);
  const back = await signInAtLink(world, await running.link());
  expect(back.href).toContain(`${redirectUri}?code=`);
  await running.until(/Paste the whole address here: /);
  running.stdin.write(`  ${back}\r\n`);
  const { code, out } = await running.ended;
  expect(code, out).toBe(0);
  expect(out).toMatch(/✓ Signed in as alice@contoso\.example/);
});

test.each([
  ['nonsense\n', 'The pasted text is not an address'],
  ['https://intranet.contoso.example/signed-in?code=abc&state=xyz\n', 'answer to a different sign-in'],
  [null, 'The pasted text is not an address'],
])('pasted: %j', async (pasted, message) => {
  const world = await loginWorld();
  const redirectUri = 'https://intranet.contoso.example/signed-in';
  Object.assign(world.connection, { grant: 'authorization-code', redirectUri });
  const running = world.start(['login']);
  await running.until(/Paste the whole address here: /);
  if (pasted === null) running.stdin.end();
  else running.stdin.write(pasted);
  const { code, err } = await running.ended;
  expect([code, err]).toEqual([1, expect.stringContaining(message)]);
});

test('a shared mailbox: that it is not the person’s own is told, and that it works', async () => {
  const world = await loginWorld([{ mailbox: reports, read: 'imap', send: 'smtp' }]);
  world.m365.tenant.exchange.fullAccess = [{ user: alice, mailbox: reports }];
  const { code, out } = await world.logIn(alice);
  expect(code, out).toBe(0);
  expect(out).toContain(
    '! alice@contoso.example is not the owner of reports@contoso.example. That is right for a shared',
  );
});

test('a shared mailbox through Graph needs one scope more', async () => {
  const world = await loginWorld([{ mailbox: reports, send: 'graph' }]);
  const lacking = await world.logIn(alice, '--no-check');
  expect([lacking.code, lacking.out]).toEqual([
    1,
    expect.stringContaining('✗ Missing: Mail.Send.Shared, Mail.ReadWrite.Shared.'),
  ]);
  world.m365.tenant.app.delegatedGrants.push({
    id: '1',
    resource: 'graph',
    scopes: ['Mail.Send', 'Mail.Send.Shared', 'Mail.ReadWrite', 'Mail.ReadWrite.Shared'],
  });
  const { code, out } = await world.logIn(alice, '--no-check');
  expect([code, out]).toEqual([0, expect.not.stringContaining('Missing')]);
});

test('--json prints the outcome, and the code on standard error', async () => {
  const world = await loginWorld();
  const { code, out, err } = await world.logIn(alice, '--json');
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({
    connection: 'contoso',
    username: alice,
    tenantId: world.m365.tenantId,
    granted: ['https://outlook.office.com/IMAP.AccessAsUser.All'],
    missing: [],
    refusals: [],
    otherMailboxes: [],
  });
  expect(err).toMatch(/enter the code/);
});

test('--verify-only: a code comes, and nothing is kept', async () => {
  const world = await loginWorld([{ read: 'imap', send: 'smtp' }]);
  const { clientId, tenantId } = world.m365;
  const { code, out } = await world.start(['login', '--verify-only']).ended;
  expect(code).toBe(0);
  expect(out).toMatch(
    new RegExp(
      `^✓ Microsoft knows app registration ${clientId} in tenant ${tenantId}, and gave a device code for it\\.\n`,
    ),
  );
  expect(out).toContain('https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send\n');
  expect(world.hasSignIn()).toBe(false);
});

test('--verify-only of an app of its own, in JSON', async () => {
  const world = await loginWorld([{ send: 'smtp' }]);
  Object.assign(world.connection, { grant: 'client-credentials', clientSecret: world.m365.clientSecret });
  const { code, out } = await world.start(['login', '--verify-only', '--json']).ended;
  expect([code, JSON.parse(out)]).toEqual([
    0,
    {
      connection: 'contoso',
      tenantId: world.m365.tenantId,
      clientId: world.m365.clientId,
      scopes: ['https://outlook.office365.com/.default'],
      userCode: expect.stringMatching(/^[A-Z\d]{9}$/),
      verificationUri: expect.stringContaining('/deviceauth'),
    },
  ]);
});

test.each([
  [{ clientId: '99999999-2222-3333-4444-555555555555' }, 'AADSTS700016'],
  [{ tenantId: '99999999-2222-3333-4444-555555555555' }, 'AADSTS90002'],
])('--verify-only with the wrong %j', async (wrong, aadsts) => {
  const world = await loginWorld();
  Object.assign(world.connection, wrong);
  const { code, err } = await world.start(['login', '--verify-only']).ended;
  expect([code, err]).toEqual([1, expect.stringContaining(aadsts)]);
});

test('a sign-in kept with another key is not given up, and nobody is asked to sign in', async () => {
  const world = await loginWorld();
  world.more.tokenKey = 'a passphrase of more than 20 characters';
  await world.logIn(alice, '--no-check');
  const before = sealedText(world);
  world.more.tokenKey = 'another passphrase of more than 20';
  const { code, out, err } = await world.start(['login']).ended;
  expect([code, out]).toEqual([1, '']);
  expect(err).toMatch(/contoso\.token\) was encrypted with another key\..*tokenKey.*remove the file and sign in again/);
  expect(sealedText(world)).toBe(before);
});

test('the sign-in of another app registration is moved aside, which is told', async () => {
  const world = await loginWorld();
  await world.logIn(alice, '--no-check');
  const other = world.m365.tenant.register('another');
  Object.assign(other, { publicClientFlows: true });
  world.connection.clientId = other.clientId;
  const { code, out } = await world.logIn(alice, '--no-check');
  expect(code, out).toBe(0);
  expect(out).toMatch(/belongs to another app registration.* The file is moved aside once somebody has signed in\./);
  expect(readdirSync(dirname(world.tokenFile)).filter((name) => name.includes('.unreadable-'))).toHaveLength(1);
});

test('a folder that cannot be made shows before anybody is asked to sign in', async () => {
  const world = await loginWorld();
  writeFileSync(`${world.folder}/data`, 'a file');
  const { code, out, err } = await world.start(['login']).ended;
  expect([code, out, err]).toEqual([1, '', expect.stringContaining('(sign-in-file-unusable)')]);
});

test.each([
  [{ grant: 'client-credentials', clientSecret: 'x' }, [], 'works as the application itself, so nobody signs in'],
  [
    { grant: 'password', username: alice, password: 'x' },
    [],
    'signs in by itself with the password of its configuration',
  ],
  [{}, ['nonsense'], 'There is no connection "nonsense". The configuration has contoso.'],
  [{}, ['contoso', 'more'], 'There is no connection "contoso more".'],
  [{}, ['--nonsense'], "Unknown option '--nonsense'"],
])('%j %j is wrong usage', async (connection, args, message) => {
  const world = await loginWorld();
  Object.assign(world.connection, connection);
  const { code, out, err } = await world.start(['login', ...args]).ended;
  expect([code, out, err]).toEqual([2, '', expect.stringContaining(message)]);
});

test.each(['login', 'consent', 'exchange-script'])('%s before the app is registered', async (command) => {
  const world = await loginWorld();
  world.connection.clientId = '00000000-0000-0000-0000-000000000000';
  const { code, out, err } = await world.start([command, 'contoso']).ended;
  expect([out, err]).toEqual(['', expect.stringContaining('Run: mailbridge register-app --name contoso.')]);
  expect(code).toBeGreaterThan(0);
});

test('who has signed in is whom the Exchange script is for', async () => {
  const world = await loginWorld([{ mailbox: reports, read: 'imap' }]);
  await world.logIn(alice, '--no-check');
  const { out } = await world.start(['exchange-script']).ended;
  expect(out).toContain("$user = 'alice@contoso.example'\n");
});
