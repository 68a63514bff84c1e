import { expect, test } from 'vitest';
import { FormBrowser } from '../simulator/entra-browser.ts';
import { type Microsoft365, microsoft365 } from '../simulator/harness.ts';
import { startAdministered } from './admin-world.ts';

const alice = 'alice@contoso.example';
const operators = '11111111-2222-3333-4444-555555555501';
const viewers = '11111111-2222-3333-4444-555555555502';

/** A bridge whose administrators sign in through the simulator's Entra ID. */
async function world() {
  const m365 = await microsoft365();
  const { app } = m365.tenant;
  const { authority, graph, imap, pop3, smtp, caFile } = m365.endpoints;
  const cloud = { authority, graph, imap, pop3, smtp, caFile };
  const oidc = {
    tenantId: m365.tenantId,
    clientId: m365.clientId,
    clientSecret: m365.clientSecret,
    operateGroup: operators,
    viewGroup: viewers,
    cloud,
  };
  const started = await startAdministered({ admin: { port: 0, oidc } }, m365);
  const origin = started.origin.replace('127.0.0.1', 'localhost');
  app.webRedirectUris = [`${origin}/api/v1/session/oidc/callback`];
  app.groupMembershipClaims = 'SecurityGroup';
  return { ...started, m365, origin };
}

type World = Awaited<ReturnType<typeof world>>;

/** A browser that keeps the cookies of the bridge. */
class Browser {
  readonly #cookies = new Map<string, string>();

  async get(url: string): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, { redirect: 'manual', headers: { Cookie: cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return answer;
  }
}

/** To Entra ID and back. @returns the address that Entra ID sends the browser to */
async function atEntra({ m365, origin }: World, browser: Browser, username: string): Promise<string> {
  const begun = await browser.get(`${origin}/api/v1/session/oidc`);
  expect(begun.status).toBe(302);
  const site = new FormBrowser(m365 as Microsoft365);
  await site.open(begun.headers.get('location') ?? '');
  await site.submit({ username });
  const password = m365.tenant.users.get(username)?.password ?? m365.userPassword;
  let back = await site.submitOrLeave({ password });
  while (!(back instanceof URL)) back = await site.submitOrLeave({ decision: 'accept' });
  return back.href;
}

function joins({ m365 }: World, username: string, ...groups: string[]): void {
  const user = m365.tenant.users.get(username);
  if (user) user.groups = groups;
}

test.each([
  ['operate', [operators]],
  ['operate', [viewers, operators]],
  ['view', ['11111111-2222-3333-4444-555555555509', viewers.toUpperCase()]],
] as const)('a person gets the role %s from their groups', async (role, groups) => {
  const started = await world();
  joins(started, alice, ...groups);
  const browser = new Browser();
  const back = await browser.get(await atEntra(started, browser, alice));
  expect([back.status, back.headers.get('location')]).toEqual([302, '/ui/']);
  const session = await browser.get(`${started.origin}/api/v1/session`);
  expect(await session.json()).toMatchObject({ user: alice, role, signInBy: ['token', 'oidc'] });
  const { body } = await started.call('GET', '/audit');
  expect(body).toMatchObject({
    entries: [{ action: 'sign-in', user: alice, by: 'oidc', details: { role }, outcome: 'done' }],
  });
});

test('whoever is in neither group is told so, and gets no session', async () => {
  const started = await world();
  joins(started, alice, '11111111-2222-3333-4444-555555555509');
  const browser = new Browser();
  const back = await browser.get(await atEntra(started, browser, alice));
  expect([back.status, await back.text()]).toEqual([403, expect.stringContaining('is in no group of admin.oidc.')]);
  expect((await browser.get(`${started.origin}/api/v1/session`)).status).toBe(401);
});

test('where the token lists no groups, or leaves them out since they are many, the page says what to set', async () => {
  const started = await world();
  joins(
    started,
    alice,
    ...Array.from({ length: 201 }, (_, at) => `11111111-2222-3333-4444-${String(at).padStart(12, '0')}`),
  );
  const many = new Browser();
  expect(await (await many.get(await atEntra(started, many, alice))).text()).toContain(
    'more groups than Entra ID lists',
  );
  started.m365.tenant.app.groupMembershipClaims = null;
  const none = new Browser();
  expect(await (await none.get(await atEntra(started, none, alice))).text()).toContain('lists no groups');
});

test('an answer is good once, for ten minutes, and for the browser that asked', async () => {
  const started = await world();
  joins(started, alice, operators);
  const browser = new Browser();
  const back = await atEntra(started, browser, alice);
  const stranger = await new Browser().get(back);
  expect([stranger.status, await stranger.text()]).toEqual([
    400,
    expect.stringContaining('does not belong to a sign-in started in this browser'),
  ]);
  const other = new Browser();
  await other.get(`${started.origin}/api/v1/session/oidc`);
  expect((await other.get(back)).status).toBe(400);
  const copy = new Browser();
  const theirs = await atEntra(started, copy, alice);
  expect((await copy.get(theirs.replace(/code=[^&]+/, 'code=another-code-of-this-test'))).status).toBe(400);
  expect((await browser.get(back)).status).toBe(302);
  expect((await browser.get(back)).status).toBe(400);
});

test('a refusal of Entra ID is shown as text, whatever it holds', async () => {
  const started = await world();
  const browser = new Browser();
  const begun = await browser.get(`${started.origin}/api/v1/session/oidc`);
  const state = new URL(begun.headers.get('location') ?? '').searchParams.get('state') ?? '';
  const words = encodeURIComponent('AADSTS65004: <script>alert(1)</script>');
  const back = `${started.origin}/api/v1/session/oidc/callback?error=access_denied&error_description=${words}&state=${state}`;
  const page = await (await browser.get(back)).text();
  expect(page).toContain('AADSTS65004: &lt;script&gt;alert(1)&lt;/script&gt;');
  expect(page).not.toContain('<script>');
});

test('a sign-in that begins at an address goes on at the name that the redirect URI has', async () => {
  const started = await world();
  const answer = await new Browser().get(`${started.origin.replace('localhost', '127.0.0.1')}/api/v1/session/oidc`);
  expect([answer.status, answer.headers.get('location')]).toEqual([302, `${started.origin}/api/v1/session/oidc`]);
});
