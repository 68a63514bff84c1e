import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { type Bridge, startBridge } from '../../../src/app/bridge.ts';
import { silentLog } from '../../../src/base/log.ts';
import type { RecordTable } from '../../../src/base/record-table.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { mailbridge } from '../../cli/harness.ts';
import { alice, type LoginWorld, loginWorld } from '../../cli/sign-in/login-world.ts';
import { needLoopbackAddresses } from '../../support/external.ts';
import { until } from '../../support/relay.ts';
import { noteSecret } from '../../support/secret-search/record.ts';
import { MemoryRecords } from '../../support/shared-records.ts';
import { SmtpDialogue } from '../../support/smtp-dialogue.ts';

/** What commands and bridges get in place of a store that instances share. */
const store = vi.hoisted(() => ({ records: undefined as RecordTable | undefined }));
vi.mock('../../../src/app/instances/shared-records.ts', async (original) => {
  const { withSharedRecords } = await original<typeof import('../../../src/app/instances/shared-records.ts')>();
  return {
    bridgeRecords: async () => store.records,
    withSharedRecords: ((config, work) =>
      withSharedRecords(config, (_, queue) => work(store.records, queue))) satisfies typeof withSharedRecords,
  };
});

const tokenKey = '0f'.repeat(32);

let records: MemoryRecords;
let world: LoginWorld;

beforeEach(async () => {
  records = new MemoryRecords();
  store.records = records;
  world = await loginWorld([{ username: 'scanner', send: 'graph' }]);
  Object.assign(world.more, {
    tokenKey,
    listeners: [{ protocol: 'smtp', port: 0 }],
    queue: { retryBaseSeconds: 60 },
    limits: { loginFailures: 5 },
  });
  noteSecret('configured secret', tokenKey);
});

afterEach(() => {
  store.records = undefined;
});

/** The configuration of one instance, with its own data folder. */
function configOf(name: string): string {
  world.start(['help']);
  const file = join(world.folder, `${name}.json`);
  const config = JSON.parse(readFileSync(world.configFile, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...config, dataDir: `data-${name}` }), { mode: 0o600 });
  return file;
}

async function instance(name: string): Promise<Bridge> {
  const { config } = await loadConfig(configOf(name), { env: {} });
  const bridge = await startBridge(config, { log: silentLog });
  onTestFinished(() => bridge.stop());
  return bridge;
}

async function account(...args: string[]): Promise<string> {
  const { code, out } = await mailbridge(['account', ...args, '--config', world.configFile]);
  expect(code).toBe(0);
  if (args[0] !== 'list') noteSecret('user password', out.trim());
  return out.trim();
}

/** The reply to a login. */
async function login(bridge: Bridge, given: string, from = '127.0.0.1'): Promise<string> {
  const client = await SmtpDialogue.open(bridge.listeners[0]!.port, '127.0.0.1', from);
  await client.say('EHLO client.test');
  const reply = await client.say(`AUTH PLAIN ${Buffer.from(`\0scanner\0${given}`).toString('base64')}`);
  client.destroy();
  return reply;
}

async function send(bridge: Bridge, mark: string): Promise<string> {
  const client = await SmtpDialogue.open(bridge.listeners[0]!.port);
  const credentials = Buffer.from('\0scanner\0local-password').toString('base64');
  await client.pipeline('EHLO client.test', `AUTH PLAIN ${credentials}`, `MAIL FROM:<${alice}>`, `RCPT TO:<${alice}>`);
  const reply = await client.message(`From: ${alice}\r\nMessage-ID: <${mark}@client.test>\r\n\r\ntext\r\n`);
  client.destroy();
  return reply;
}

const isDelivered = (mark: string) =>
  world.m365.transport.journal.entries().some(({ messageId }) => messageId === `<${mark}@client.test>`);

test('an app password that is made, replaced or ended on any machine holds at every instance within two seconds', async () => {
  const bridges = [await instance('one'), await instance('two')];
  const everywhere = async (given: string, reply: RegExp) => {
    await delay(2_000);
    for (const bridge of bridges) expect(await login(bridge, given)).toMatch(reply);
  };
  const first = await account('add', 'scanner', '--name', 'floor 1');
  await everywhere(first, /^235 /);
  const second = await account('rotate', 'scanner', '--name', 'floor 1');
  await everywhere(second, /^235 /);
  expect(await login(bridges[1]!, first)).toMatch(/^535 /);
  expect(await account('list')).toMatch(/^scanner +floor 1 /m);
  await account('remove', 'scanner', '--name', 'floor 1');
  await everywhere(second, /^535 /);
});

test('an address that one instance blocks is blocked at the others within seconds', async (context) => {
  needLoopbackAddresses(context);
  const [one, other] = [await instance('one'), await instance('two')];
  const guesser = '127.55.0.1';
  for (let guess = 0; guess < 5; guess++) expect(await login(one, `guess ${guess}`, guesser)).toMatch(/^535 /);
  expect(await login(one, 'local-password', guesser)).toMatch(/^421 /);
  // Rounds come every 1.5 seconds.
  await delay(4_000);
  expect(await login(other, 'local-password', guesser)).toMatch(
    /^421 4\.7\.0 Too many failed logins from your address/,
  );
  expect(await login(other, 'local-password', '127.55.0.2')).toMatch(/^235 /);
});

test('one login serves all instances: what waited there for a sign-in goes within seconds', async () => {
  const bridges = [await instance('one'), await instance('two')];
  expect(await send(bridges[0]!, 'first')).toMatch(/^250 /);
  expect(await send(bridges[1]!, 'second')).toMatch(/^250 /);
  await delay(1_000);
  expect([isDelivered('first'), isDelivered('second')]).toEqual([false, false]);
  expect((await world.logIn(alice, '--no-check')).code).toBe(0);
  expect(world.hasSignIn()).toBe(false);
  await until('both messages', () => isDelivered('first') && isDelivered('second'), 10_000);
  const kept = records.text();
  for (const hidden of [alice, 'Mail.Send', world.m365.clientId]) expect(kept).not.toContain(hidden);
});

test('a sign-in of another key is refused, and --replace makes a new one with the key that there is', async () => {
  expect((await world.logIn(alice, '--no-check')).code).toBe(0);
  Object.assign(world.more, { tokenKey: 'e1'.repeat(32) });
  const refused = await world.start(['login', '--no-check']).ended;
  expect(refused.code).toBe(1);
  expect(refused.err).toContain('Give this instance the tokenKey that the others have.');
  expect(refused.err).toContain('mailbridge login contoso --replace');
  expect((await world.logIn(alice, '--no-check', '--replace')).code).toBe(0);
  const bridge = await instance('one');
  expect(await send(bridge, 'with the new key')).toMatch(/^250 /);
  await until('the message', () => isDelivered('with the new key'), 10_000);
});

test('without a key that all instances have, nothing starts', async () => {
  delete world.more.tokenKey;
  const text =
    'The sign-ins are in the store that the instances share, and the configuration has no tokenKey to encrypt them.';
  await expect(instance('one')).rejects.toMatchObject({ code: 'token-key-needed', kind: 'usage', message: text });
  const { code, err } = await world.start(['login', '--no-check']).ended;
  expect(code).toBe(2);
  expect(err).toContain('openssl rand -base64 32');
});

test('a start that fails asks the store for nothing any more', async () => {
  delete world.more.tokenKey;
  await expect(instance('one')).rejects.toMatchObject({ code: 'token-key-needed' });
  const calls: string[] = [];
  records.onCall = (call) => calls.push(call);
  // Rounds come every 1.5 seconds.
  await delay(4_000);
  expect(calls).toEqual([]);
});

test('while the store cannot be reached, app passwords and tokens go on, and no password is said to be wrong', async () => {
  const bridge = await instance('one');
  const given = await account('add', 'scanner', '--name', 'floor 1');
  expect((await world.logIn(alice, '--no-check')).code).toBe(0);
  await until('the first message', async () => (await send(bridge, 'before')).startsWith('250 '));
  await until('its delivery', () => isDelivered('before'), 10_000);
  expect(await login(bridge, given)).toMatch(/^235 /);
  records.failure = new Error('connect ECONNREFUSED 192.0.2.9:5432');
  await delay(1_100);
  expect(await login(bridge, given)).toMatch(/^235 /);
  expect(await login(bridge, 'local-password')).toMatch(/^235 /);
  expect(await login(bridge, 'a wrong one')).toMatch(/^454 4\.7\.0 Passwords cannot be checked at this moment/);
  expect(await send(bridge, 'meanwhile')).toMatch(/^250 /);
  await until('the delivery with the token that is known', () => isDelivered('meanwhile'), 10_000);
  const { code, err } = await mailbridge(['account', 'list', '--config', world.configFile]);
  expect(code).toBe(1);
  expect(err).toMatch(/App passwords are in the store that the instances share, which cannot be used now/);
});

test('without a token, mail waits for the store and goes once it is back', async () => {
  expect((await world.logIn(alice, '--no-check')).code).toBe(0);
  records.failure = new Error('connect ECONNREFUSED 192.0.2.9:5432');
  const bridge = await instance('one');
  expect(await send(bridge, 'waits')).toMatch(/^250 /);
  await delay(1_000);
  expect(isDelivered('waits')).toBe(false);
  records.failure = undefined;
  await bridge.reload((await loadConfig(configOf('one'), { env: {} })).config);
  await until('the message', () => isDelivered('waits'), 15_000);
});

test('check looks at the sign-in and the app passwords of the store', async () => {
  expect((await world.logIn(alice, '--no-check')).code).toBe(0);
  await account('add', 'scanner', '--name', 'floor 1');
  const { out } = await world.start(['check', '--json']).ended;
  const { hops } = JSON.parse(out);
  expect(hops.find(({ target }: { target: string }) => target === 'app passwords')).toMatchObject({
    status: 'ok',
    detail: '1 of 1 login',
  });
  expect(
    hops.filter(({ hop, status }: { hop: string; status: string }) => hop === 'sign-in' && status !== 'ok'),
  ).toEqual([]);
});
