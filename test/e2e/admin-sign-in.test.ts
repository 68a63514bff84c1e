import { expect, test } from 'vitest';
import { signInAtDevicePage } from '../simulator/entra-browser.ts';
import { type Microsoft365, microsoft365 } from '../simulator/harness.ts';
import { until } from '../support/relay.ts';
import { startAdministered } from './admin-world.ts';

const alice = 'alice@contoso.example';

/** A bridge whose connection acts for a person; nobody has signed in. */
async function personal() {
  const m365 = await microsoft365();
  m365.tenant.lifetimes.deviceCodeIntervalSeconds = 0.05;
  const { authority, graph, imap, pop3, smtp, caFile } = m365.endpoints;
  const connection = {
    tenantId: m365.tenantId,
    clientId: m365.clientId,
    grant: 'device-code',
    cloud: { authority, graph, imap, pop3, smtp, caFile },
  } as const;
  const account = {
    username: 'anna',
    password: 'open, sesame',
    connection: 'contoso',
    mailbox: alice,
    send: 'smtp',
  } as const;
  const world = await startAdministered({ connections: { contoso: connection }, accounts: [account] }, m365);
  return { ...world, m365 };
}

type World = Awaited<ReturnType<typeof personal>>;

interface Code {
  readonly id: string;
  readonly userCode: string;
  readonly verificationUri: string;
}

async function signIn({ call, m365 }: World, username: string, more: object = {}) {
  const begun = await call('POST', '/connections/contoso/sign-in', more);
  expect(begun.status).toBe(202);
  const { id, userCode } = begun.body as Code;
  await signInAtDevicePage(m365 as Microsoft365, userCode, username);
  return await until('the end of the sign-in', async () => {
    const { body } = await call('GET', `/sign-ins/${id}`);
    return (body as { state: string }).state !== 'waiting' && (body as object);
  });
}

test('a person signs in at a page by a code, and the connection works', async () => {
  const world = await personal();
  const { call, m365 } = world;
  expect((await call('GET', '/overview')).body).toMatchObject({
    connections: [{ name: 'contoso', state: 'sign-in-needed', expires: [{ what: 'sign-in', at: null }] }],
    accounts: { trouble: [{ username: 'anna', state: 'sign-in-needed' }] },
  });
  const { body } = await call('POST', '/connections/contoso/sign-in', {});
  expect(body).toMatchObject({
    verificationUri: `${m365.endpoints.authority}/deviceauth`,
    expiresAt: expect.any(String),
  });
  // Anyone who asks again meanwhile gets the same code.
  expect((await call('POST', '/connections/contoso/sign-in', {})).body).toEqual(body);
  expect((await call('GET', `/sign-ins/${(body as Code).id}`)).body).toMatchObject({ state: 'waiting' });
  expect(await signIn(world, alice)).toMatchObject({
    state: 'done',
    username: alice,
    granted: expect.arrayContaining([expect.stringMatching(/SMTP\.Send$/)]),
    missing: [],
  });
  expect((await call('GET', '/connections')).body).toMatchObject([{ state: 'ok' }]);
});

test('another person than before signs in only where that is meant', async () => {
  const world = await personal();
  await signIn(world, alice);
  expect(await signIn(world, 'bob@contoso.example')).toMatchObject({
    state: 'failed',
    error: { code: 'sign-in-other-person' },
  });
  expect(await signIn(world, 'bob@contoso.example', { replace: true })).toMatchObject({
    state: 'done',
    username: 'bob@contoso.example',
  });
});

test('a bridge stops while somebody should sign in', async () => {
  const { call, bridge } = await personal();
  await call('POST', '/connections/contoso/sign-in', {});
  await bridge.stop();
});
