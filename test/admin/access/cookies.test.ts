import fastify from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { type CookieKind, cookieValues, endCookie, setCookie } from '../../../src/admin/access/cookies.ts';

const kind: CookieKind = { name: 'mailbridge_x', path: '/connect', sameSite: 'Lax', maxAgeSeconds: 600 };

test('on this machine, without https, a cookie goes to its path alone', async () => {
  const { port, cookieOf, looked } = await server(false);
  expect(await cookieOf('/set')).toBe(`mailbridge_x_${port}=a; Path=/connect; Max-Age=600; HttpOnly; SameSite=Lax`);
  expect(await cookieOf('/end')).toBe(`mailbridge_x_${port}=; Path=/connect; Max-Age=0; HttpOnly; SameSite=Lax`);
  expect(await looked(`mailbridge_x_${port}=a; __Host-mailbridge_x_${port}=b`)).toEqual(['a']);
});

test('over https nobody but this host sets it, and it is taken back as it was set', async () => {
  const { port, cookieOf, looked } = await server(true);
  const name = `__Host-mailbridge_x_${port}`;
  expect(await cookieOf('/set')).toBe(`${name}=a; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure`);
  expect(await cookieOf('/end')).toBe(`${name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure`);
  expect(await looked(`mailbridge_x_${port}=a; ${name}=b`)).toEqual(['b']);
});

test('a browser that visits two bridges of one host keeps the cookies of both', async () => {
  const [one, other] = [await server(false), await server(false)];
  const pairs = await Promise.all([one.cookieOf('/set'), other.cookieOf('/set')]);
  const jar = new Map(pairs.map((line) => line.split(';', 1)[0]?.split('=') as [string, string]));
  const header = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  expect(await one.looked(header)).toEqual(['a']);
  expect(await other.looked(header)).toEqual(['a']);
});

async function server(isSecure: boolean) {
  const app = fastify();
  onTestFinished(() => app.close());
  app.get('/set', async (_, reply) => setCookie(reply, kind, 'a', isSecure));
  app.get('/end', async (_, reply) => endCookie(reply, kind, isSecure));
  app.get('/look', async (request) => cookieValues(request, kind, isSecure));
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    port: new URL(url).port,
    cookieOf: async (path: string) => (await fetch(url + path)).headers.get('set-cookie') ?? '',
    looked: async (cookie: string): Promise<unknown> =>
      await (await fetch(`${url}/look`, { headers: { Cookie: cookie } })).json(),
  };
}
