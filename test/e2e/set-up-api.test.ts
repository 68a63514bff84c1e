import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { setUpByApi } from '../support/set-up-by-api.ts';
import { setUpWorld } from '../support/set-up-world.ts';

test('start in an empty folder, set up by the API alone: the bridge runs in the same process, at the same port', async () => {
  const world = await setUpWorld();
  expect((await fetch(new URL('/readyz', world.url))).status).toBe(503);
  expect((await fetch(new URL('/api/v1/set-up', world.url))).status).toBe(401);
  await setUpByApi(world.api, world.m365, world.cloud);
  expect((await fetch(new URL('/readyz', world.url))).status).toBe(200);
  const authority = await world.api('GET', '/set-up/authority');
  expect(authority.body).toContain('BEGIN CERTIFICATE');
  await world.api('DELETE', '/set-up/task');
  const { entries } = (await world.api('GET', '/audit')).body as { entries: { action: string; details: object }[] };
  const setUp = entries
    .filter(({ action }) => action.startsWith('set-up'))
    .map(({ action, details }) => [action, details]);
  expect(setUp.toReversed()).toEqual([
    ['set-up-answers', { name: 'contoso', authority: world.m365.endpoints.authority }],
    ['set-up-registration', {}],
    ['set-up-account', {}],
    ['set-up-exchange-script', {}],
    ['set-up-check', { skip: false }],
    ['set-up-test', {}],
    ['set-up-cancel', {}],
  ]);
  const config = JSON.parse(readFileSync(join(world.folder, 'config.json'), 'utf8'));
  expect(config.admin).toEqual({ host: '127.0.0.1', port: Number(new URL(world.url).port) });
}, 120_000);
