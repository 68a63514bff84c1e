import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { QueuedMessage } from '../../../src/queue/message.ts';
import { alice, arrived, contosoAccount, reports, startRelay, until } from '../../support/relay.ts';
import { smallDisk } from '../../support/small-disk.ts';
import { SmtpDialogue } from '../../support/smtp-dialogue.ts';
import { mailbridge } from '../harness.ts';

const account = contosoAccount('smtp', { networks: ['127.0.0.1'] });

async function start(changes: Parameters<typeof startRelay>[0]) {
  const relay = await startRelay({ accounts: [account], ...changes });
  onTestFinished(() => relay.close());
  const queue = (...args: string[]) => mailbridge(['queue', ...args, '--config', relay.folder.configFile]);
  const list = async (...args: string[]) => JSON.parse((await queue('list', '--json', ...args)).out) as QueuedMessage[];
  const client = await SmtpDialogue.open(relay.port());
  await client.say('EHLO test');
  const send = async (subject: string, body = 'Hello\r\n') => {
    await client.say(`MAIL FROM:<${reports}>`);
    await client.say(`RCPT TO:<${alice}>`);
    return await client.message(`Subject: ${subject}\r\n\r\n${body}`);
  };
  return { relay, queue, list, client, send };
}

test('a retry beside the running bridge sends what waits for tomorrow', async () => {
  const { relay, queue, list, send } = await start({ queue: { retryBaseSeconds: 86_400, retryMaxSeconds: 86_400 } });
  relay.simulator.faults.add(
    { target: 'smtp', kind: 'reply', at: 'data', status: 451, code: '4.3.2', text: 'later' },
    1,
  );
  expect(await send('waits')).toMatch(/^250 /);
  const [message] = await until('the failed attempt', async () => {
    const found = await list();
    return found[0]?.attempts === 1 && found;
  });
  expect(await list('--error', 'later')).toHaveLength(1);
  expect(await queue('retry', message?.id ?? '')).toMatchObject({ code: 0, out: '1 message due now\n' });
  await arrived(relay.simulator, alice, 'INBOX', 'waits');
  await until('the outcome', async () => (await list('--state', 'delivered')).length === 1);
});

test('what is held stays until it is released, what is deleted never goes', async () => {
  const { relay, queue, list, send } = await start({ queue: { retryBaseSeconds: 86_400, retryMaxSeconds: 86_400 } });
  relay.simulator.faults.add(
    { target: 'smtp', kind: 'reply', at: 'data', status: 451, code: '4.3.2', text: 'later' },
    2,
  );
  for (const subject of ['first', 'second']) expect(await send(subject)).toMatch(/^250 /);
  await until('the failed attempts', async () => (await list()).filter(({ attempts }) => attempts === 1).length === 2);
  const [first, second] = await list();
  await queue('hold', '--all');
  await queue('delete', second?.id ?? '');
  expect(await queue('retry', '--all')).toMatchObject({ out: '0 messages due now\n' });
  await queue('release', first?.id ?? '');
  await until('the outcome', async () => (await list('--state', 'delivered')).length === 1);
  expect(relay.simulator.directory.messages(alice, 'INBOX')).toHaveLength(1);
});

test('a full queue answers 452 at MAIL, and takes mail again when there is room', async () => {
  const { relay, queue, client, send } = await start({ queue: { maxMessages: 1, retryBaseSeconds: 3600 } });
  const later = { status: 451, code: '4.3.2', text: 'later' } as const;
  relay.simulator.faults.add({ target: 'smtp', kind: 'reply', at: 'data', ...later }, 1);
  expect(await send('first')).toMatch(/^250 /);
  expect(await client.say(`MAIL FROM:<${reports}>`)).toBe('452 4.3.1 Out of storage, try again later');
  await queue('delete', '--all');
  expect(await client.say(`MAIL FROM:<${reports}>`)).toMatch(/^250 /);
});

test('on a full disk clients get 452, what is queued goes out, and all is well when there is space (on a disk of its own)', async (context) => {
  const disk = smallDisk(context, 64);
  const { relay, list, client, send } = await start({
    dataDir: join(disk.folder, 'data'),
    queue: { minFreeMegabytes: 0, retryBaseSeconds: 1 },
  });
  relay.simulator.faults.add(
    { target: 'smtp', kind: 'reply', at: 'connect', status: 451, code: '4.3.2', text: 'later' },
    3,
  );
  for (const subject of ['one', 'two', 'three']) expect(await send(subject)).toMatch(/^250 /);
  disk.fill();
  const replies = new Set<string>();
  await until('a refusal', async () => {
    replies.add((await send('does not fit', 'x'.repeat(70).concat('\r\n').repeat(2000))).slice(0, 9));
    return replies.has('452 4.3.1');
  });
  for (const subject of ['one', 'two', 'three']) await arrived(relay.simulator, alice, 'INBOX', subject);
  await until('the outcomes', async () => (await list()).length === 0);
  disk.relieve();
  expect(await client.say('RSET')).toMatch(/^250 /);
  expect(await send('afterwards')).toMatch(/^250 /);
  await arrived(relay.simulator, alice, 'INBOX', 'afterwards');
});
