import { expect, onTestFinished, test } from 'vitest';
import type { QueuedMessage } from '../../src/queue/message.ts';
import { mailbridge } from '../cli/harness.ts';
import { postgresForTests } from '../support/postgres.ts';
import { alice, arrived, contosoAccount, reports, startRelay, until } from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

const server = postgresForTests();
const account = contosoAccount('smtp', { networks: ['127.0.0.1'] });
const unreachable = '451 4.3.0 The queue cannot be reached, try again later';

async function start() {
  const relay = await startRelay({
    accounts: [account],
    instance: 'mail-1',
    queue: { store: 'postgres', postgres: { url: server().url() }, retryBaseSeconds: 86_400, retryMaxSeconds: 86_400 },
  });
  onTestFinished(() => relay.close());
  const queue = (...args: string[]) => mailbridge(['queue', ...args, '--config', relay.folder.configFile]);
  const list = async (...args: string[]) => JSON.parse((await queue('list', '--json', ...args)).out) as QueuedMessage[];
  const client = await SmtpDialogue.open(relay.port());
  await client.say('EHLO test');
  const begin = async () => {
    const reply = await client.say(`MAIL FROM:<${reports}>`);
    if (reply.startsWith('250 ')) await client.say(`RCPT TO:<${alice}>`);
    return reply;
  };
  const send = async (subject: string) => {
    await begin();
    return await client.message(`Subject: ${subject}\r\n\r\nHello\r\n`);
  };
  return { relay, queue, list, client, begin, send };
}

test('while PostgreSQL is away clients are told to come again; what was accepted goes out when it is back', {
  timeout: 120_000,
}, async () => {
  const { relay, queue, list, client, begin, send } = await start();
  const later = { status: 451, code: '4.3.2', text: 'later' } as const;
  relay.simulator.faults.add({ target: 'smtp', kind: 'reply', at: 'data', ...later }, 1);
  expect(await send('before')).toMatch(/^250 /);
  await until('the failed attempt', async () => (await list())[0]?.attempts === 1);
  // In the middle of a message, and at the beginning of one.
  await begin();
  await server().kill();
  expect(await client.message('Subject: amid\r\n\r\nHello\r\n')).toBe(unreachable);
  expect(await client.say(`MAIL FROM:<${reports}>`)).toBe(unreachable);
  expect(await queue('list')).toMatchObject({ code: 1, err: expect.stringContaining('(queue-unreachable)') });
  await server().run();
  await until('PostgreSQL again', async () => (await begin()).startsWith('250 '));
  await client.say('RSET');
  expect(await send('after')).toMatch(/^250 /);
  await arrived(relay.simulator, alice, 'INBOX', 'after');
  await queue('retry', '--all');
  await arrived(relay.simulator, alice, 'INBOX', 'before');
  await until('the outcomes', async () => (await list('--state', 'delivered')).length === 2);
  expect(relay.simulator.directory.messages(alice, 'INBOX')).toHaveLength(2);
});
