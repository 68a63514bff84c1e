import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { adminToken, adminWorld, signedIn, viewToken } from '../admin-world.ts';

/** A request with an arbitrary Host header, which fetch does not allow. */
function ask(port: number, host: string | undefined, path = '/ui/', headers: Record<string, string> = {}) {
  return new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
    const sent = request(
      {
        port,
        host: '127.0.0.1',
        path,
        setHost: false,
        headers: { ...(host !== undefined && { Host: host }), ...headers },
      },
      async (answer) => resolve({ status: answer.statusCode, body: await text(answer) }),
    );
    sent.once('error', reject).end();
  });
}

test.each([
  'localhost',
  'LOCALHOST:8025',
  '127.0.0.1:8025',
  '[::1]:8025',
  '192.168.7.9',
  'bridge.contoso.com:8025',
  'bridge.contoso.com.',
  'mail.contoso.com',
])('a browser that asks for %s is served', async (host) => {
  const { port } = await adminWorld({ settings: { publicUrl: 'https://mail.contoso.com' } });
  expect((await ask(port, host)).status).toBe(200);
});

test.each([
  'attacker.example',
  'attacker.example:8025',
  'localhost.attacker.example',
  '127.0.0.1.nip.io',
  'bridge.contoso.com.attacker.example',
  'attacker.example#localhost',
  'localhost@attacker.example',
  '',
  'a b',
])('a name that leads here and is not ours gets nothing, with a good token neither: "%s"', async (host) => {
  const { port } = await adminWorld();
  const bearer = { Authorization: `Bearer ${adminToken}` };
  for (const path of ['/ui/', '/', '/api/v1/overview', '/api/v1/nothing', '/nothing']) {
    const { status, body } = await ask(port, host, path, bearer);
    expect([path, [400, 421].includes(status ?? 0)]).toEqual([path, true]);
    expect(body).not.toContain('contoso');
  }
});

test('who watches comes by any name', async () => {
  const { port } = await adminWorld();
  for (const path of ['/healthz', '/readyz', '/health', '/metrics']) {
    expect((await ask(port, 'bridge-7.internal:8025', path)).status).toBe(200);
  }
});

const changes: readonly (readonly [string, Record<string, string | undefined>])[] = [
  ['no token', { 'X-CSRF-Token': undefined }],
  ['an empty token', { 'X-CSRF-Token': '' }],
  ['a wrong token', { 'X-CSRF-Token': 'x'.repeat(43) }],
  ['another origin', { Origin: 'https://attacker.example' }],
  ['another port of this host', { Origin: 'http://127.0.0.1:1' }],
  ['no origin at all', { Origin: 'null' }],
  ['another site, as the browser says', { 'Sec-Fetch-Site': 'cross-site' }],
  ['a neighbour, as the browser says', { 'Sec-Fetch-Site': 'same-site' }],
];

test.each(changes)('a change by cookie with %s changes nothing', async (_, wrong) => {
  const world = await adminWorld();
  const { cookie, session, get } = await signedIn(world);
  const headers = Object.entries({ Cookie: cookie, Origin: world.origin, 'X-CSRF-Token': session.csrfToken, ...wrong });
  const answer = await world.call('/api/v1/session', {
    method: 'DELETE',
    headers: headers.filter((each): each is [string, string] => each[1] !== undefined),
  });
  expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'admin-request-forged' } }]);
  expect((await get('/session')).status).toBe(200);
});

test('the CSRF token of one session does nothing for another', async () => {
  const world = await adminWorld();
  const [mine, other] = [await signedIn(world), await signedIn(world)];
  const answer = await mine.send('DELETE', '/session', undefined, { 'X-CSRF-Token': other.session.csrfToken });
  expect(answer.status).toBe(403);
});

test('a page elsewhere cannot sign anybody in', async () => {
  const world = await adminWorld();
  const signIn = (headers: Record<string, string>, body = JSON.stringify({ token: adminToken })) =>
    world.call('/api/v1/session', { method: 'POST', headers, body });
  const json = { 'Content-Type': 'application/json' };
  expect((await signIn({ ...json, Origin: 'https://attacker.example' })).status).toBe(403);
  // What a form can send.
  expect((await signIn({ 'Content-Type': 'text/plain' })).status).toBe(415);
  expect((await signIn({ 'Content-Type': 'application/x-www-form-urlencoded' }, `token=${adminToken}`)).status).toBe(
    415,
  );
});

test('no other origin may read an answer', async () => {
  const world = await adminWorld();
  const answer = await world.call('/api/v1/session', {
    method: 'OPTIONS',
    headers: { Origin: 'https://attacker.example', 'Access-Control-Request-Method': 'DELETE' },
  });
  expect(answer.status).toBe(404);
  expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
});

test('behind a proxy the origin that people see is the one of the page', async () => {
  const world = await adminWorld({ settings: { publicUrl: 'https://mail.contoso.com' } });
  const { answer, send } = await signedIn(world, viewToken);
  expect(answer.headers.get('set-cookie')).toMatch(
    /^__Host-mailbridge_session_\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/,
  );
  expect((await send('DELETE', '/session', undefined, { Origin: 'https://mail.contoso.com' })).status).toBe(204);
});

test('over https a cookie that a neighbour of the domain can set is none of a session', async () => {
  const world = await adminWorld({ settings: { publicUrl: 'https://mail.contoso.com' } });
  const { cookie, get } = await signedIn(world);
  const fixed = cookie.replace('__Host-', '');
  expect(fixed).toMatch(/^mailbridge_session_\d+=/);
  expect((await get('/session', { headers: { Cookie: fixed } })).status).toBe(401);
  expect((await get('/session')).status).toBe(200);
});
