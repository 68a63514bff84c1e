import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PageFiles } from '../../../src/admin/server/page-files.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { adminWorld } from '../admin-world.ts';

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

test('every answer but those for monitoring says what a browser may do with it', async () => {
  const { call } = await adminWorld();
  for (const path of ['/', '/ui/', '/ui/nothing.js', '/api/v1/session', '/api/v1/nothing', '/nothing']) {
    const { headers } = await call(path);
    expect([path, headers.get('content-security-policy')]).toEqual([path, policy]);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect([path, headers.get('cache-control')]).toEqual([path, path === '/ui/' ? 'no-cache' : 'no-store']);
  }
});

test('the pages are at /ui/, and every path below it without an extension is theirs', async () => {
  const { call } = await adminWorld();
  const root = await call('/');
  expect([root.status, root.headers.get('location')]).toEqual([302, '/ui/']);
  const page = await (await call('/ui/')).text();
  expect(page).toContain('<!doctype html>');
  for (const path of ['/ui/messages', '/ui/accounts/anna@contoso.com', '/ui/accounts/a%2Fb', '/ui/log?level=warn']) {
    const answer = await call(path);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(await answer.text()).toBe(page);
  }
});

test('a file that the browser has is not sent again', async () => {
  const { call } = await adminWorld();
  const etag = (await call('/ui/')).headers.get('etag') ?? '';
  const again = await call('/ui/', { headers: { 'If-None-Match': etag } });
  expect([again.status, await again.text()]).toEqual([304, '']);
  expect((await call('/ui/', { headers: { 'If-None-Match': '"other"' } })).status).toBe(200);
});

test('of the packages beside it the pages get what they load, and nothing else', async () => {
  const { call } = await adminWorld();
  for (const path of ['lit-html/lit-html.js', 'lit-html/directives/repeat.js', 'uplot/uPlot.esm.js']) {
    const answer = await call(`/ui/vendor/${path}`);
    expect([path, answer.status, answer.headers.get('content-type')]).toEqual([
      path,
      200,
      'text/javascript; charset=utf-8',
    ]);
  }
  expect((await call('/ui/vendor/uplot/uPlot.min.css')).headers.get('content-type')).toBe('text/css; charset=utf-8');
  for (const path of [
    'lit-html/package.json',
    'lit-html/node/lit-html.js',
    'fastify/fastify.js',
    'uplot/uPlot.cjs.js',
  ]) {
    expect([path, (await call(`/ui/vendor/${path}`)).status]).toEqual([path, 404]);
  }
});

test.each([
  '/ui/../settings.ts',
  '/ui/%2e%2e/settings.js',
  '/ui/..%2fsettings.js',
  '/ui/%2e%2e%2fserver%2fadmin-server.js',
  '/ui/vendor/lit-html/../../fastify/fastify.js',
  '/ui/vendor/lit-html/..%2f..%2ffastify%2ffastify.js',
  '/ui/.hidden.js',
  '/ui/a/.hidden/b.js',
  '/ui/%00.js',
  '/ui/main.js%00.html',
  '/ui//etc/passwd',
  '/ui/tsconfig.json',
  '/ui/__proto__',
])('nothing beside the pages is served: %s', async (path) => {
  const { call } = await adminWorld();
  const answer = await call(path);
  // The page handles paths that are no file's.
  if (answer.status === 200) expect(await answer.text()).toContain('<!doctype html>');
  else expect([400, 404]).toContain(answer.status);
});

test('run from source, TypeScript is served as JavaScript, by either name', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'parts'));
  writeFileSync(join(folder, 'parts', 'count.ts'), 'export const count: number = 1;\n');
  const files = new PageFiles(folder);
  for (const path of ['parts/count.js', 'parts/count.ts']) {
    const file = await files.get(path);
    expect(file?.type).toBe('text/javascript; charset=utf-8');
    expect(file?.content.toString()).toMatch(/^export const count *= 1;\n$/);
  }
  writeFileSync(join(folder, 'parts', 'count.ts'), 'export const count: number = 22;\n');
  expect((await files.get('parts/count.js'))?.content.toString()).toContain('22');
  expect(await files.get('parts/other.js')).toBeUndefined();
});

test('what is no file of the pages is not there: a folder, a file of another kind', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'folder.js'));
  writeFileSync(join(folder, 'secret.key'), 'x');
  symlinkSync('/etc/hostname', join(folder, 'link.txt'));
  const files = new PageFiles(folder);
  writeFileSync(join(folder, 'index.html'), 'the page');
  expect(await files.get('folder.js')).toBeUndefined();
  for (const path of ['secret.key', 'link.txt']) expect((await files.get(path))?.content.toString()).toBe('the page');
});

test('where the configuration wants none there are no pages and no API', async () => {
  const { call } = await adminWorld({ settings: { pages: false } });
  for (const path of ['/', '/ui/', '/api/v1/session']) expect((await call(path)).status).toBe(404);
  expect((await call('/readyz')).status).toBe(200);
});
