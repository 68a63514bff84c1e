import { afterEach, expect, test } from 'vitest';
import { mailbridge } from '../cli/harness.ts';
import { needLoopbackAddresses } from '../support/external.ts';
import { contosoAccount, password, type Relay, reports, startRelay, until } from '../support/relay.ts';
import { noteSecret } from '../support/secret-search/record.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

let relay: Relay;

afterEach(() => relay?.close());

let clients = 1;

async function login(username: string, given: string): Promise<string> {
  // Each from its own address, so that no refusal has to wait for earlier ones.
  const client = await SmtpDialogue.open(relay.port(), '127.0.0.1', `127.0.3.${++clients}`);
  const credentials = Buffer.from(`\0${username}\0${given}`).toString('base64');
  const [, reply = ''] = await client.pipeline('EHLO client.test', `AUTH PLAIN ${credentials}`);
  client.destroy();
  return reply.slice(0, 3);
}

async function account(...args: string[]): Promise<string> {
  const { code, out } = await mailbridge(['account', ...args, '--config', relay.folder.configFile]);
  expect(code).toBe(0);
  const made = out.trim();
  if (/^[a-z2-9-]{34}$/.test(made)) noteSecret('user password', made);
  return made;
}

test('a running bridge takes up what the command makes, replaces and ends, and notes each use', async (context) => {
  needLoopbackAddresses(context);
  const many = {
    username: '*@contoso.com',
    passwordFrom: 'app-passwords',
    connection: 'contoso',
    send: 'graph',
  } as const;
  const networksOnly = { username: 'printer', networks: ['192.0.2.7'], connection: 'contoso', mailbox: reports };
  relay = await startRelay({ accounts: [contosoAccount('graph'), many, { ...networksOnly, send: 'smtp' }] });
  expect(await login('graph', password)).toBe('235');
  const first = await account('add', 'graph', '--name', 'scanner');
  await until('the new one to work', async () => (await login('graph', first)) === '235');
  // The account's own password still works beside it.
  expect(await login('graph', password)).toBe('235');
  expect(await login('printer', first)).toBe('535');
  const ofAlice = await account('add', 'alice@contoso.com', '--name', 'phone');
  const ofPrinter = await account('add', 'printer', '--name', 'panel');
  await until('alice to come in', async () => (await login('alice@contoso.com', ofAlice.toUpperCase())) === '235');
  expect(await login('printer', ofPrinter)).toBe('235');
  expect(await login('bob@contoso.com', ofAlice)).toBe('535');
  const second = await account('rotate', 'graph', '--name', 'scanner');
  await until('the old one to end', async () => (await login('graph', first)) === '535');
  expect(await login('graph', second)).toBe('235');
  await account('remove', 'graph', '--name', 'scanner');
  await until('the last one to end', async () => (await login('graph', second)) === '535');
  await relay.bridge.stop();
  const listed = JSON.parse(await account('list', '--json')) as { login: string; lastUsedAt: string | null }[];
  expect(listed.map(({ login: who, lastUsedAt }) => [who, lastUsedAt !== null])).toEqual([
    ['alice@contoso.com', true],
    ['printer', true],
  ]);
});
