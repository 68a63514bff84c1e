import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ImapFlow } from 'imapflow';
import { createTransport } from 'nodemailer';
import { Agent, fetch } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { openAppPasswords } from '../../../src/accounts/sources/app-passwords/open.ts';
import { checkConnections } from '../../../src/app/connections/check.ts';
import { signInPerson } from '../../../src/app/set-up/person-sign-in.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { mailbridge } from '../../cli/harness.ts';
import { FormBrowser, signInAtDevicePage } from '../../simulator/entra-browser.ts';
import { alice, arrived, bob, contosoConfig, type Relay, relayFrom, startContoso } from '../../support/relay.ts';
import { noteSecret } from '../../support/secret-search/record.ts';

let relay: Relay;
let agent: Agent;

afterEach(async () => {
  await relay?.close();
  await agent?.destroy();
});

/** Everybody at contoso.com, over a connection to which all people sign in themselves. */
async function peopleRelay(): Promise<void> {
  const simulator = await startContoso();
  simulator.tenant.lifetimes.deviceCodeIntervalSeconds = 0.01;
  agent = new Agent({ connect: { ca: readFileSync(simulator.endpoints.caFile, 'utf8') } });
  const config = contosoConfig(simulator);
  const { authority, graph, imap, pop3, smtp, caFile } = simulator.endpoints;
  const cloud = { authority, graph, imap, pop3, smtp, caFile };
  const { tenantId, clientId } = simulator;
  relay = await relayFrom(simulator, {
    ...config,
    listeners: [
      { protocol: 'smtp', port: 0 },
      { protocol: 'imap', port: 0 },
    ],
    connections: { people: { grant: 'device-code', signIns: 'each', tenantId, clientId, cloud } },
    accounts: [
      { username: '*@contoso.com', passwordFrom: 'app-passwords', connection: 'people', send: 'smtp', read: 'imap' },
    ],
  });
}

async function loaded() {
  return (await loadConfig(relay.folder.configFile, { env: {} })).config;
}

/** A person signs in by device code, possibly as somebody else. */
async function signsIn(owner: string, as = owner): Promise<string> {
  const site = {
    endpoints: relay.simulator.endpoints,
    get: ((url: string, init: object) => fetch(url, { ...init, dispatcher: agent })) as never,
  };
  let entered: Promise<unknown> = Promise.resolve();
  const onCode = ({ userCode }: { userCode: string }) => {
    entered = signInAtDevicePage({ ...relay.simulator, ...site } as never, userCode, as, new FormBrowser(site));
  };
  const place = { name: 'people', owner, config: await loaded(), shared: undefined, clock: systemClock };
  const username = await signInPerson(place, { onCode, signal: AbortSignal.timeout(20_000) });
  await entered;
  return username;
}

async function appPassword(login: string): Promise<string> {
  const { dataDir } = await loaded();
  const password = await openAppPasswords(dataDir, undefined).add(login, 'phone', new Date());
  noteSecret('user password', password);
  return password;
}

const tls = { rejectUnauthorized: false };

async function sends(user: string, pass: string, subject: string): Promise<void> {
  const transport = createTransport({ host: '127.0.0.1', port: relay.port(0), tls, auth: { user, pass } });
  await transport.sendMail({ from: user, to: bob, subject, text: 'Hello.\n' });
  transport.close();
}

async function reads(user: string, pass: string): Promise<number> {
  const port = relay.port(1);
  const client = new ImapFlow({ host: '127.0.0.1', port, secure: false, tls, auth: { user, pass }, logger: false });
  await client.connect();
  const { exists } = await client.mailboxOpen('INBOX');
  await client.logout();
  return exists;
}

test('each mailbox is sent as and read by its own sign-in, and the lack of one stops nobody else', async () => {
  await peopleRelay();
  const passwords = { alice: await appPassword(alice), bob: await appPassword(bob) };
  expect(await signsIn(alice)).toBe(alice);
  await sends(bob, passwords.bob, 'waits for a sign-in');
  await sends(alice, passwords.alice, 'goes at once');
  await arrived(relay.simulator, bob, 'INBOX', 'goes at once');
  await expect(reads(bob, passwords.bob)).rejects.toThrow();
  expect(await reads(alice, passwords.alice)).toBe(0);

  expect(await signsIn(bob)).toBe(bob);
  expect(await reads(bob, passwords.bob)).toBe(1);
  await arrived(relay.simulator, bob, 'INBOX', 'waits for a sign-in');
  const files = readdirSync(join(relay.folder.path, 'data/sign-ins')).filter((file) => file.endsWith('.token'));
  expect(files.toSorted()).toEqual(['people~alice%40contoso.com.token', 'people~bob%40contoso.com.token']);
}, 60_000);

test('the sign-in of somebody else is not kept', async () => {
  await peopleRelay();
  await expect(signsIn(bob, alice)).rejects.toMatchObject({ code: 'sign-in-other-person' });
  expect(readdirSync(join(relay.folder.path, 'data')).includes('sign-ins')).toBe(false);
});

test('the check tries the mailboxes that are named, each by its own sign-in', async () => {
  await peopleRelay();
  await signsIn(alice);
  const config = await loaded();
  const hops = async (mailboxes: string[]) => {
    const told: string[] = [];
    for await (const { connection, hop, status } of checkConnections(config, { mailboxes })) {
      told.push(`${connection} ${hop} ${status}`);
    }
    return told;
  };
  expect(await hops([])).toContain('people mailbox skipped');
  const ofAlice = await hops([alice]);
  expect(ofAlice.filter((hop) => hop.endsWith('failed'))).toEqual([]);
  expect(ofAlice).toContain(`people:${alice} mailbox ok`);
  expect((await hops([bob])).filter((hop) => hop.endsWith('failed'))).toEqual([`people:${bob} sign-in failed`]);
});

test('login signs one of the people in from the command line, and says where it matters whose sign-in it is', async () => {
  await peopleRelay();
  const config = ['--config', relay.folder.configFile];
  expect((await mailbridge(['login', ...config])).err).toContain('name one with --mailbox ADDRESS');
  const other = await mailbridge(['login', '--mailbox', alice, '--verify-only', ...config]);
  expect(other).toMatchObject({ code: 0 });
});
