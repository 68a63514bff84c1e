import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { SetupView } from '../../src/onboarding/guided-setup/view.ts';
import { ExchangeAdministration } from '../../src/simulator/exchange-admin/exchange-administration.ts';
import { FormBrowser, signInAtDevicePage } from '../simulator/entra-browser.ts';
import { until } from '../support/relay.ts';
import { noteSecret } from '../support/secret-search/record.ts';
import { type SetUpWorld, setUpWorld } from '../support/set-up-world.ts';

const answers = { use: 'both', from: 'here', mailbox: 'reports@contoso.example', name: 'contoso', send: 'graph' };

async function when(world: SetUpWorld, what: string, is: (view: SetupView) => boolean): Promise<SetupView> {
  return await until(what, async () => {
    // While the bridge takes the place of the page nobody answers.
    const { body } = await world.api('GET', '/set-up').catch(() => ({ body: undefined }));
    const view = body as SetupView | undefined;
    return view && is(view) ? view : undefined;
  });
}

test('start in an empty folder, set up by the API alone: the bridge runs in the same process, at the same port', async () => {
  const world = await setUpWorld();
  expect((await fetch(new URL('/readyz', world.url))).status).toBe(503);
  expect((await fetch(new URL('/api/v1/set-up', world.url))).status).toBe(401);
  const begun = await world.api('POST', '/set-up/answers', { answers, cloud: world.cloud });
  expect(begun).toMatchObject({ status: 200, body: { step: 'register' } });
  await world.api('POST', '/set-up/registration', {});
  const asked = await when(world, 'a code', ({ registration }) => registration.shown.code !== undefined);
  const code = asked.registration.shown.code?.userCode ?? '';
  await signInAtDevicePage(world.m365, code, 'admin@contoso.example', new FormBrowser(world.m365));
  await when(world, 'the app', ({ step }) => step === 'account');
  const made = await world.api('POST', '/set-up/account');
  const { username, password } = made.body as { username: string; password: string };
  noteSecret('user password', password);
  expect([made.status, username]).toEqual([201, 'reports']);
  const running = await when(world, 'the bridge', ({ start }) => start.state === 'done');
  expect(running.step).toBe('exchange');
  expect((await fetch(new URL('/readyz', world.url))).status).toBe(200);
  const script = await world.api('GET', '/set-up/exchange-script');
  expect(new ExchangeAdministration(world.m365.tenant, world.m365.directory).run(script.body).errors).toEqual([]);
  await world.api('POST', '/set-up/exchange-script');
  await world.api('POST', '/set-up/check', {});
  await when(world, 'the check', ({ step }) => step === 'test');
  await world.api('POST', '/set-up/test', { to: 'alice@contoso.example' });
  await when(world, 'the message', ({ step }) => step === 'done');
  expect(world.m365.transport.journal.count).toBe(1);
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
