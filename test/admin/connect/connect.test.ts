import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openAppPasswords } from '../../../src/accounts/sources/app-passwords/open.ts';
import { mailbridge } from '../../cli/harness.ts';
import { FormBrowser, signInAtDevicePage } from '../../simulator/entra-browser.ts';
import { type ConnectWorld, connectWorld } from '../../support/connect-world.ts';
import { alice, bob, reports, until } from '../../support/relay.ts';
import { noteSecret } from '../../support/secret-search/record.ts';
import { adminWorld } from '../admin-world.ts';

interface Outcome {
  readonly state: string;
  readonly address?: string;
  readonly password?: string;
  readonly error?: { readonly code: string };
}

async function post(world: ConnectWorld, path: string, body: object, headers: Record<string, string> = {}) {
  const answer = await fetch(`${world.origin}/api/v1/connect/${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, string> };
}

async function outcome(world: ConnectWorld, id: string | undefined): Promise<Outcome> {
  return await until('the outcome', async () => {
    const { body } = await post(world, 'outcome', { id });
    return body.state === 'waiting' ? undefined : (body as unknown as Outcome);
  });
}

async function connects(world: ConnectWorld, as: string, invitation?: string) {
  const { status, body } = await post(world, 'sign-ins', { ...(invitation && { invitation }) });
  expect(status).toBe(202);
  await signInAtDevicePage(world.m365, body.userCode ?? '', as, new FormBrowser(world.m365));
  const told = await outcome(world, body.id);
  if (told.password) noteSecret('user password', told.password);
  return { outcome: told, id: body.id };
}

test('who has signed in counts, and the password is told once', async () => {
  const world = await connectWorld();
  const { outcome: told, id } = await connects(world, alice);
  expect(told).toMatchObject({ state: 'done', address: alice });
  expect((await post(world, 'outcome', { id })).status).toBe(404);
}, 30_000);

test('somebody of another domain gets nothing, and nothing of theirs is kept', async () => {
  const world = await connectWorld();
  world.m365.tenant.addUser('eve@fabrikam.com');
  const { outcome: told } = await connects(world, 'eve@fabrikam.com');
  expect(told).toMatchObject({ state: 'failed', error: { code: 'connect-not-open' } });
  expect(
    readdirSync(join(world.relay.folder.path, 'data')).filter((file) => /sign-ins|app-passwords/.test(file)),
  ).toEqual([]);
}, 30_000);

test('who is invited may come from a domain that is not listed, and nobody else with that invitation', async () => {
  const world = await connectWorld({ connect: { connection: 'people', domains: [] } });
  const token = readFileSync(join(world.relay.folder.path, 'data/admin-token'), 'utf8').trim();
  noteSecret('admin token', token);
  const headers = { Authorization: `Bearer ${token}` };
  expect((await connects(world, alice)).outcome).toMatchObject({
    state: 'failed',
    error: { code: 'connect-not-open' },
  });
  expect((await post(world, 'invitations', { address: alice })).status).toBe(401);
  expect((await post(world, 'invitations', { address: 'x@fabrikam.com' }, headers)).status).toBe(403);
  const { body } = await post(world, 'invitations', { address: alice }, headers);
  const invitation = new URLSearchParams(new URL(body.url ?? '').hash.slice(1)).get('invitation') ?? '';
  expect((await connects(world, bob, invitation)).outcome).toMatchObject({ state: 'failed' });
  expect((await connects(world, alice, `${invitation}x`)).outcome).toMatchObject({ state: 'failed' });
  expect((await connects(world, alice, invitation)).outcome).toMatchObject({ state: 'done', address: alice });
  expect((await connects(world, alice, invitation)).outcome).toMatchObject({
    state: 'failed',
    error: { code: 'connect-not-open' },
  });
}, 30_000);

test('an administrator sees who is invited and who came, and revokes an invitation; the audit log has all of it', async () => {
  const world = await connectWorld({ connect: { connection: 'people', domains: [] } });
  const token = readFileSync(join(world.relay.folder.path, 'data/admin-token'), 'utf8').trim();
  noteSecret('admin token', token);
  const headers = { Authorization: `Bearer ${token}` };
  const invites = async (address: string) => {
    const { status, body } = await post(world, 'invitations', { address, days: 3 }, headers);
    const link = new URLSearchParams(new URL(body.url ?? '').hash.slice(1)).get('invitation') ?? '';
    noteSecret('user password', link);
    return { status, id: body.id ?? '', link };
  };
  const listed = async () => {
    const answer = await fetch(`${world.origin}/api/v1/connect/invitations`, { headers });
    return ((await answer.json()) as { invitations: Record<string, unknown>[] }).invitations;
  };
  const [first, second] = [await invites(alice), await invites(bob)];
  expect((await connects(world, alice, first.link)).outcome).toMatchObject({ state: 'done', address: alice });
  const revoke = (id: string, as = headers) =>
    fetch(`${world.origin}/api/v1/connect/invitations/${id}`, { method: 'DELETE', headers: as });
  expect((await revoke(second.id, { Authorization: 'Bearer nobody-knows-this-one' })).status).toBe(401);
  expect((await revoke(second.id)).status).toBe(204);
  expect((await revoke(second.id)).status).toBe(404);
  expect((await connects(world, bob, second.link)).outcome).toMatchObject({ state: 'failed' });
  const all = await listed();
  expect(all).toEqual([
    expect.objectContaining({ id: first.id, address: alice, madeBy: 'admin token', usedAt: expect.any(String) }),
  ]);
  expect(JSON.stringify(all)).not.toContain(first.link.split('.')[1]);

  const lines = readFileSync(join(world.relay.folder.path, 'data/admin-audit.jsonl'), 'utf8').trim().split('\n');
  const told = lines
    .map((line) => JSON.parse(line) as { action: string; outcome: string; details: Record<string, string> })
    .filter(({ outcome }) => outcome === 'done')
    .map(({ action, details: { expiresAt: _, ...details } }) => [action, details]);
  expect(told).toEqual([
    ['connect-invite', { address: alice, invitation: first.id }],
    ['connect-invite', { address: bob, invitation: second.id }],
    ['connect-password', { invitation: first.id }],
    ['connect-revoke', { id: second.id, address: bob }],
  ]);
}, 30_000);

test('who has the name of another account gets nothing: their password would open the mailboxes of that account', async () => {
  const world = await connectWorld({
    accounts: [{ username: alice, password: 'wonderland-7', connection: 'contoso', mailbox: reports, send: 'smtp' }],
  });
  expect((await connects(world, alice)).outcome).toMatchObject({
    state: 'failed',
    error: { code: 'connect-not-open' },
  });
  expect((await connects(world, bob)).outcome).toMatchObject({ state: 'done', address: bob });
}, 30_000);

test('the audit log has who got a password, and not who was refused', async () => {
  const world = await connectWorld();
  world.m365.tenant.addUser('eve@fabrikam.com');
  await connects(world, 'eve@fabrikam.com');
  await connects(world, alice);
  const lines = readFileSync(join(world.relay.folder.path, 'data/admin-audit.jsonl'), 'utf8').trim().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      ...{ time: expect.any(String), user: alice, by: 'connect', address: '127.0.0.1' },
      ...{ action: 'connect-password', details: {}, outcome: 'done' },
    },
  ]);
}, 30_000);

test('an address that has passed to somebody else: the passwords of who had it before end', async () => {
  const world = await connectWorld();
  const passwords = openAppPasswords(join(world.relay.folder.path, 'data'), undefined);
  const connectsAgain = async () => {
    for (const { login, name } of await passwords.list()) await passwords.remove(login, name);
    await passwords.add(alice, 'connect 2026-01-05T08:00:00', new Date('2026-01-05T08:00:00Z'));
    await passwords.add(alice, 'printer', new Date('2026-01-05T08:00:00Z'));
    expect((await connects(world, alice)).outcome.state).toBe('done');
    return (await passwords.list()).map(({ name }) => name.split(' ')[0]);
  };
  expect((await connects(world, alice)).outcome.state).toBe('done');
  expect(await connectsAgain()).toEqual(['connect', 'connect', 'printer']);
  const user = world.m365.tenant.users.get(alice)!;
  world.m365.tenant.users.set(alice, { ...user, objectId: 'ffffffff-2222-4333-8444-555555555555' });
  expect(await connectsAgain()).toEqual(['connect', 'printer']);
}, 30_000);

test('an invitation that the command has made lets its address in at a bridge that runs, once', async () => {
  const world = await connectWorld({ connect: { connection: 'people', domains: [] } });
  const account = async (...args: string[]) => {
    const ran = await mailbridge(['account', ...args, '--config', world.relay.folder.configFile]);
    expect(ran.code).toBe(0);
    return ran.out;
  };
  const link =
    new URLSearchParams(new URL((await account('invite', alice)).trim()).hash.slice(1)).get('invitation') ?? '';
  noteSecret('user password', link.split('.').at(-1) ?? '');
  expect((await connects(world, alice, link)).outcome).toMatchObject({ state: 'done', address: alice });
  expect(await account('invitations')).toMatch(/^[0-9a-f]{12} +alice@contoso\.com +used \d\d:\d\d /m);
  expect((await connects(world, alice, link)).outcome).toMatchObject({ error: { code: 'connect-not-open' } });
}, 30_000);

test('from one network only so many sign-ins wait at the same time', async () => {
  const world = await connectWorld();
  const begun = [];
  for (let count = 0; count < 6; count++) begun.push((await post(world, 'sign-ins', {})).status);
  expect(begun).toEqual([202, 202, 202, 202, 202, 429]);
}, 30_000);

test('who cancels makes room, and Microsoft is asked no more', async () => {
  const world = await connectWorld();
  const begin = () => post(world, 'sign-ins', {});
  const begun = [];
  for (let count = 0; count < 5; count++) begun.push(await begin());
  expect((await begin()).status).toBe(429);
  const [{ body: cancelled }] = begun as [Awaited<ReturnType<typeof post>>];
  const cancel = (id: string | undefined) =>
    fetch(`${world.origin}/api/v1/connect/cancel`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ id }),
    });
  expect((await cancel(cancelled.id)).status).toBe(204);
  expect((await cancel('AAAA')).status).toBe(204);
  expect((await begin()).status).toBe(202);
  expect((await begin()).status).toBe(429);
  expect((await post(world, 'outcome', { id: cancelled.id })).status).toBe(404);
  // The code is entered all the same: nobody asks for the result.
  await signInAtDevicePage(world.m365, cancelled.userCode ?? '', alice, new FormBrowser(world.m365));
  const { body: last } = begun[4] as Awaited<ReturnType<typeof post>>;
  await signInAtDevicePage(world.m365, last.userCode ?? '', bob, new FormBrowser(world.m365));
  expect(await outcome(world, last.id)).toMatchObject({ state: 'done', address: bob });
  const passwords = openAppPasswords(join(world.relay.folder.path, 'data'), undefined);
  expect((await passwords.list()).map(({ login }) => login)).toEqual([bob]);
}, 30_000);

test('a page elsewhere cannot begin a sign-in: what a form may send without asking is refused', async () => {
  const world = await connectWorld();
  for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
    const answer = await fetch(`${world.origin}/api/v1/connect/sign-ins`, {
      method: 'POST',
      headers: { 'Content-Type': type, Origin: 'https://elsewhere.example' },
      body: '{}',
    });
    expect([type, answer.status]).toEqual([type, 415]);
  }
}, 30_000);

test.each([{ Origin: 'https://elsewhere.example' }, { 'Sec-Fetch-Site': 'cross-site' }])(
  'nor with a request without a body: %o',
  async (headers) => {
    const world = await connectWorld();
    const answer = await fetch(`${world.origin}/api/v1/connect/sign-ins`, {
      method: 'POST',
      headers: headers as Record<string, string>,
    });
    expect(await answer.json()).toMatchObject({ error: { code: 'admin-request-forged' } });
    expect((await post(world, 'sign-ins', {}, { Origin: world.origin })).status).toBe(202);
  },
  30_000,
);

test('an outcome is told to nobody who guesses', async () => {
  const world = await connectWorld();
  expect((await post(world, 'outcome', { id: 'AAAA' })).status).toBe(404);
}, 30_000);

test('mail programs find the settings of every address of the domain, whether there is such a mailbox or not', async () => {
  const world = await connectWorld();
  const get = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(world.origin + path, init);
    return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
  };
  const { port: smtp } = world.relay.bridge.listeners[0]!;
  const { port: imap } = world.relay.bridge.listeners[2]!;
  const thunderbird = await get('/mail/config-v1.1.xml?emailaddress=nobody%40contoso.com');
  expect(thunderbird.type).toBe('text/xml; charset=utf-8');
  expect(thunderbird.text).toContain(`<hostname>localhost</hostname>
      <port>${imap}</port>
      <socketType>SSL</socketType>`);
  expect(await get('/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=alice%40contoso.com')).toEqual(
    thunderbird,
  );
  expect((await get('/mail/config-v1.1.xml?emailaddress=alice%40fabrikam.com')).status).toBe(404);

  const asks = (address: string) =>
    get('/autodiscover/autodiscover.xml', {
      method: 'POST',
      headers: { 'Content-Type': 'text/xml' },
      body: `<Autodiscover><Request><EMailAddress>${address}</EMailAddress></Request></Autodiscover>`,
    });
  const outlook = await asks('nobody@contoso.com');
  expect(outlook.text).toContain(`<Type>SMTP</Type>
        <Server>localhost</Server>
        <Port>${smtp}</Port>`);
  expect(outlook.text).toContain('<LoginName>nobody@contoso.com</LoginName>');
  expect((await asks('x@fabrikam.com')).text).toContain('<ErrorCode>500</ErrorCode>');
  expect((await asks('')).text).toContain('<ErrorCode>600</ErrorCode>');

  const apple = await get('/connect/mail.mobileconfig?address=nobody%40contoso.com');
  expect(apple.type).toBe('application/x-apple-aspen-config');
  expect(apple.text).toContain('<key>IncomingMailServerHostName</key><string>localhost</string>');
  expect(apple.text).toContain('com.apple.security.root');
  const qr = await get('/api/v1/connect/qr?address=nobody%40contoso.com');
  expect([qr.status, qr.type]).toEqual([200, 'image/svg+xml']);
}, 30_000);

test('by the names of a domain mail programs find their settings, and nobody finds pages or API', async () => {
  const world = await connectWorld();
  const ask = (host: string, path: string, method = 'GET') =>
    new Promise<number | undefined>((resolve, reject) => {
      const sent = request(world.origin + path, { method, headers: { Host: host } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      sent.once('error', reject).end();
    });
  for (const host of ['contoso.com', 'autoconfig.contoso.com', 'autodiscover.contoso.com']) {
    for (const path of [
      '/mail/config-v1.1.xml?emailaddress=alice%40contoso.com',
      '/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=alice%40contoso.com',
      '/connect/mail.mobileconfig?address=alice%40contoso.com',
    ])
      expect([host, path, await ask(host, path)]).toEqual([host, path, 200]);
    for (const path of ['/', '/ui/', '/connect', '/connect/ca.crt', '/api/v1/connect', '/api/v1/session', '/nothing'])
      expect([host, path, await ask(host, path)]).toEqual([host, path, 421]);
    expect(await ask(host, '/api/v1/connect/sign-ins', 'POST')).toBe(421);
  }
  expect(await ask('autodiscover.contoso.com', '/autodiscover/autodiscover.xml', 'POST')).toBe(200);
  expect(await ask('attacker.example', '/mail/config-v1.1.xml?emailaddress=alice%40contoso.com')).toBe(421);
  expect(await ask('localhost', '/ui/')).toBe(200);
}, 30_000);

test('where people do not connect by themselves there is no such page', async () => {
  const { call } = await adminWorld();
  for (const path of ['/connect', '/api/v1/connect', '/mail/config-v1.1.xml', '/connect/mail.mobileconfig']) {
    expect([path, (await call(path)).status]).toEqual([path, 404]);
  }
});
