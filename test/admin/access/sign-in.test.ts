import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { adminTokenFile, rotateAdminToken } from '../../../src/admin/access/token-file.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { adminToken, adminWorld, bearer, signedIn, viewToken } from '../admin-world.ts';

const hourMs = 3_600_000;

function signIn(world: Awaited<ReturnType<typeof adminWorld>>, token: unknown, headers: Record<string, string> = {}) {
  return world.call('/api/v1/session', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ token }),
  });
}

test('the token opens a session: a cookie that no script reads and no other site sends', async () => {
  const world = await adminWorld();
  const { answer, cookie, get } = await signedIn(world);
  expect(answer.status).toBe(204);
  expect(answer.headers.get('set-cookie')).toMatch(
    /^mailbridge_session_\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/,
  );
  expect(cookie).not.toContain(adminToken);
  const session = await get('/session');
  expect([session.status, await session.json()]).toEqual([
    200,
    {
      user: 'admin token',
      role: 'operate',
      csrfToken: expect.stringMatching(/^[\w-]{43}$/),
      version: '1.2.3',
      instance: 'bridge-1',
      setUp: true,
      signInBy: ['token'],
    },
  ]);
});

test('whoever is not signed in is told by what they can', async () => {
  const world = await adminWorld();
  for (const path of ['/session', '/overview', '/openapi.json']) {
    const answer = await world.call(`/api/v1${path}`);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ error: { code: 'admin-not-signed-in' }, signInBy: ['token'] });
  }
});

test('a wrong token opens nothing, nor does a part of the right one', async () => {
  const world = await adminWorld();
  for (const token of ['wrong-token-of-this-test', adminToken.slice(0, -1), `${adminToken}x`]) {
    const answer = await signIn(world, token);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('set-cookie')).toBeNull();
    expect(await answer.json()).toMatchObject({ error: { code: 'admin-token-wrong' } });
  }
  for (const token of ['', 5, null, ['x'], 'x'.repeat(5_000)]) expect((await signIn(world, token)).status).toBe(400);
});

test('whoever guesses is slowed, then blocked, and so is who guesses with each request', async () => {
  const clock = new FakeClock();
  const world = await adminWorld({ clock });
  const guess = async (token: string) => {
    let status: number | undefined;
    void signIn(world, token).then((answer) => {
      status = answer.status;
    });
    while (status === undefined) await clock.advance(1_000);
    return status;
  };
  const statuses: number[] = [];
  for (let count = 0; count < 12; count++) statuses.push(await guess(`guess-number-${count}-of-this-test`));
  expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
  const blocked = await signIn(world, adminToken);
  expect([blocked.status, Number(blocked.headers.get('retry-after')) > 60]).toEqual([429, true]);
  expect((await bearer(world)('GET', '/overview')).status).toBe(429);
  await clock.advance(6 * 60_000);
  expect((await signIn(world, adminToken)).status).toBe(204);
});

test('a script shows the token with each request, and needs no CSRF token', async () => {
  const world = await adminWorld();
  expect((await bearer(world)('GET', '/overview')).status).toBe(200);
  expect((await bearer(world)('DELETE', '/session')).status).toBe(204);
  const session = await (await bearer(world)('GET', '/session')).json();
  expect(session).toMatchObject({ role: 'operate', csrfToken: null });
  expect((await bearer(world, 'wrong-token-of-this-test')('GET', '/overview')).status).toBe(401);
  const basic = await world.call('/api/v1/overview', { headers: { Authorization: 'Basic eDp5' } });
  expect(basic.status).toBe(401);
});

test('a wrong token with a good cookie is refused: what is shown counts', async () => {
  const world = await adminWorld();
  const { get } = await signedIn(world);
  const answer = await get('/overview', { headers: { Authorization: 'Bearer wrong-token-of-this-test' } });
  expect(answer.status).toBe(401);
});

test('the second token looks, and changes nothing', async () => {
  const world = await adminWorld();
  const { get } = await signedIn(world, viewToken);
  expect(await (await get('/session')).json()).toMatchObject({ role: 'view' });
  expect((await get('/overview')).status).toBe(200);
});

test('a session ends when somebody signs out', async () => {
  const world = await adminWorld();
  const { get, send } = await signedIn(world);
  const out = await send('DELETE', '/session');
  expect([out.status, out.headers.get('set-cookie')]).toEqual([
    204,
    expect.stringMatching(/^mailbridge_session_\d+=; Path=\/; Max-Age=0; HttpOnly; SameSite=Strict$/),
  ]);
  expect((await get('/session')).status).toBe(401);
});

test('a session ends after 12 hours without a request', async () => {
  const clock = new FakeClock();
  const world = await adminWorld({ clock });
  const { get } = await signedIn(world);
  await clock.advance(11 * hourMs);
  expect((await get('/session')).status).toBe(200);
  await clock.advance(11 * hourMs);
  expect((await get('/session')).status).toBe(200);
  await clock.advance(12 * hourMs);
  expect((await get('/session')).status).toBe(401);
});

test('a session ends after 7 days, however much it is used', async () => {
  const clock = new FakeClock();
  const world = await adminWorld({ clock });
  const { get } = await signedIn(world);
  for (let hours = 10; hours < 7 * 24; hours += 10) {
    await clock.advance(10 * hourMs);
    expect((await get('/session')).status).toBe(200);
  }
  await clock.advance(8 * hourMs);
  expect((await get('/session')).status).toBe(401);
});

test('an admin token is made at the first start, for its user alone, and stays', async () => {
  const dataDir = temporaryFolder();
  const { server } = await adminWorld({ settings: { token: undefined, dataDir } });
  const file = adminTokenFile(dataDir);
  const token = readFileSync(file, 'utf8').trim();
  expect([token, statSync(file).mode & 0o777]).toEqual([expect.stringMatching(/^[\w-]{43}$/), 0o600]);
  await server.close();
  const again = await adminWorld({ settings: { token: undefined, dataDir } });
  expect((await bearer(again, token)('GET', '/overview')).status).toBe(200);
});

test('a replaced token ends what began with the one before, at once', async () => {
  const dataDir = temporaryFolder();
  const world = await adminWorld({ settings: { token: undefined, dataDir } });
  const before = readFileSync(adminTokenFile(dataDir), 'utf8').trim();
  const { get } = await signedIn(world, before);
  const looking = await signedIn(world, viewToken);
  const after = await rotateAdminToken(dataDir);
  expect((await get('/session')).status).toBe(401);
  expect((await looking.get('/session')).status).toBe(200);
  expect((await bearer(world, before)('GET', '/overview')).status).toBe(401);
  expect((await bearer(world, after)('GET', '/overview')).status).toBe(200);
});

test('an empty file of a token lets nobody in', async () => {
  const dataDir = temporaryFolder();
  const world = await adminWorld({ settings: { token: undefined, dataDir } });
  writeFileSync(join(dataDir, 'admin-token'), '\n');
  expect((await signIn(world, ' ')).status).toBe(401);
  expect((await world.call('/api/v1/overview', { headers: { Authorization: 'Bearer ' } })).status).toBe(401);
});
