import { expect } from 'vitest';
import type { SetupView } from '../../src/onboarding/guided-setup/view.ts';
import { ExchangeAdministration } from '../../src/simulator/exchange-admin/exchange-administration.ts';
import { FormBrowser, signInAtDevicePage } from '../simulator/entra-browser.ts';
import type { Microsoft365 } from '../simulator/harness.ts';
import { until } from './relay.ts';
import { noteSecret } from './secret-search/record.ts';

/** Calls the API of a bridge with its admin token. */
export type SetUpApi = (
  method: string,
  path: string,
  body?: object,
) => Promise<{ readonly status: number; readonly body: never }>;

/** @see SetUpApi */
export function setUpApi(url: string, token: string): SetUpApi {
  return async (method, path, body) => {
    const answer = await fetch(new URL(`/api/v1${path}`, url), {
      method,
      headers: { Authorization: `Bearer ${token}`, ...(body && { 'Content-Type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: (text.startsWith('{') ? JSON.parse(text) : text) as never };
  };
}

/** Waits until the set-up is in the given state. */
export async function whenSetUp(api: SetUpApi, what: string, is: (view: SetupView) => boolean): Promise<SetupView> {
  return await until(what, async () => {
    // While the bridge replaces the page, nothing answers.
    const { body } = await api('GET', '/set-up').catch(() => ({ body: undefined }));
    const view = body as SetupView | undefined;
    return view && is(view) ? view : undefined;
  });
}

const answers = { use: 'both', from: 'here', mailbox: 'reports@contoso.example', name: 'contoso', send: 'graph' };

/**
 * Sets a bridge up from the first question to a delivered test message, while administrators of Entra ID and Exchange
 * do their part.
 * @param cloud as `simulate --write` writes it
 * @returns the account that was created
 */
export async function setUpByApi(
  api: SetUpApi,
  m365: Microsoft365,
  cloud: object,
): Promise<{ readonly username: string; readonly password: string }> {
  const begun = await api('POST', '/set-up/answers', { answers, cloud });
  expect(begun).toMatchObject({ status: 200, body: { step: 'register' } });
  await api('POST', '/set-up/registration', {});
  const asked = await whenSetUp(api, 'a code', ({ registration }) => registration.shown.code !== undefined);
  const code = asked.registration.shown.code?.userCode ?? '';
  await signInAtDevicePage(m365, code, 'admin@contoso.example', new FormBrowser(m365));
  await whenSetUp(api, 'the app', ({ step }) => step === 'account');
  const made = await api('POST', '/set-up/account');
  const { username, password } = made.body as { username: string; password: string };
  noteSecret('user password', password);
  expect([made.status, username]).toEqual([201, 'reports']);
  const running = await whenSetUp(api, 'the bridge', ({ start }) => start.state === 'done');
  expect(running.step).toBe('exchange');
  const script = await api('GET', '/set-up/exchange-script');
  expect(new ExchangeAdministration(m365.tenant, m365.directory).run(script.body).errors).toEqual([]);
  await api('POST', '/set-up/exchange-script');
  await api('POST', '/set-up/check', {});
  await whenSetUp(api, 'the check', ({ step }) => step === 'test');
  await api('POST', '/set-up/test', { to: 'alice@contoso.example' });
  await whenSetUp(api, 'the message', ({ step }) => step === 'done');
  expect(m365.transport.journal.count).toBe(1);
  return { username, password };
}
