import { afterEach, expect, test } from 'vitest';
import { Mailbridge } from '../support/process.ts';
import {
  alice,
  arrived,
  bob,
  contosoAccount,
  password,
  type Relay,
  reports,
  startRelay,
  submissions,
  until,
} from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

let relay: Relay;

afterEach(() => relay?.close());

async function login(username: string): Promise<SmtpDialogue> {
  const client = await SmtpDialogue.open(relay.port());
  await client.pipeline(
    'EHLO client.test',
    `AUTH PLAIN ${Buffer.from(`\0${username}\0${password}`).toString('base64')}`,
  );
  return client;
}

async function send(
  username: string,
  id: string,
  body = 'text\r\n',
  recipients: readonly string[] = [alice],
): Promise<string> {
  const client = await login(username);
  await client.pipeline(`MAIL FROM:<${reports}>`, ...recipients.map((address) => `RCPT TO:<${address}>`));
  return await client.message(`From: ${reports}\r\nTo: ${alice}\r\nMessage-ID: ${id}\r\n\r\n${body}`);
}

const queue = { retryBaseSeconds: 1 };
const couriers = ['graph', 'smtp'] as const;
const targets = { graph: { target: 'graph', at: 'sendMail' }, smtp: { target: 'smtp', at: 'data' } } as const;

test.each(couriers)(
  'an answer that is lost does not make two copies (%s), and a message that is lost is sent again',
  async (courier) => {
    relay = await startRelay({ queue });
    const { simulator } = relay;
    simulator.faults.add({ ...targets[courier], kind: 'cut-after' });
    expect(await send(courier, '<taken@contoso.com>')).toMatch(/^250 /);
    await until('the cut', () => simulator.faults.list().length === 0);
    simulator.faults.add({ ...targets[courier], kind: 'cut-before' });
    expect(await send(courier, '<not-taken@contoso.com>')).toMatch(/^250 /);
    await arrived(simulator, alice, 'INBOX', '<not-taken@contoso.com>');
    expect(submissions(simulator, '<taken@contoso.com>')).toHaveLength(1);
    expect(submissions(simulator, '<not-taken@contoso.com>')).toHaveLength(1);
  },
);

test('a Message-ID that a device uses for every message hides none of them', async () => {
  relay = await startRelay({ queue });
  const { simulator } = relay;
  const id = '<always-the-same@scanner>';
  expect(await send('graph', id, 'page 1\r\n')).toMatch(/^250 /);
  await arrived(simulator, alice, 'INBOX', 'page 1');
  simulator.faults.add({ ...targets.graph, kind: 'cut-before' });
  expect(await send('graph', id, 'page 2\r\n')).toMatch(/^250 /);
  await arrived(simulator, alice, 'INBOX', 'page 2');
  expect(submissions(simulator, id)).toHaveLength(2);
});

test('IMAP serves where Graph may not look', async () => {
  relay = await startRelay({ queue });
  const { simulator } = relay;
  simulator.tenant.app.roles.graph = ['Mail.Send'];
  simulator.faults.add({ ...targets.smtp, kind: 'cut-after' });
  expect(await send('smtp', '<by-imap@contoso.com>')).toMatch(/^250 /);
  await until('the cut', () => simulator.faults.list().length === 0);
  // Messages take turns: the second is sent after the first has been looked for.
  await until('the queue to be empty', async () => (await queued()).length === 0);
  expect(submissions(simulator, '<by-imap@contoso.com>')).toHaveLength(1);
});

test('held where nobody may look, when the account wants that; `queue release` sends it', async () => {
  relay = await startRelay({ queue, accounts: [contosoAccount('graph', { onAmbiguity: 'hold' })] });
  const { simulator } = relay;
  simulator.tenant.app.roles.graph = ['Mail.Send'];
  simulator.tenant.app.roles.exchange = [];
  simulator.faults.add({ ...targets.graph, kind: 'cut-after' });
  expect(await send('graph', '<ambiguous@contoso.com>')).toMatch(/^250 /);
  const [held] = await until('it to be held', async () => {
    const found = await queued('--state', 'held');
    return found.length > 0 && found;
  });
  expect(submissions(simulator, '<ambiguous@contoso.com>')).toHaveLength(1);
  const release = Mailbridge.run(['queue', 'release', String(held?.id), '--config', relay.folder.configFile]);
  expect((await release.exit()).code, release.stderr).toBe(0);
  await until('it to be sent', () => submissions(simulator, '<ambiguous@contoso.com>').length === 2);
});

test('the same message within the window is accepted once', async () => {
  relay = await startRelay({ accounts: [contosoAccount('graph', { dropDuplicates: 600 })] });
  const { simulator } = relay;
  const first = await send('graph', '<impatient@contoso.com>');
  const id = /^250 2\.0\.0 Queued as (\w+)/.exec(first)?.[1];
  expect(await send('graph', '<impatient@contoso.com>')).toMatch(`250 2.0.0 Dropped: a duplicate of ${id}`);
  expect(await send('graph', '<impatient@contoso.com>', 'another text\r\n')).toMatch(/Queued as/);
  expect(await send('graph', '<impatient@contoso.com>\r\nSubject: another alarm')).toMatch(/Queued as/);
  expect(await send('graph', '<impatient@contoso.com>', 'text\r\n', [alice, bob])).toMatch(/Queued as/);
  await until('all to be sent', () => submissions(simulator, '<impatient@contoso.com>').length === 4);
  const show = Mailbridge.run(['queue', 'show', String(id), '--config', relay.folder.configFile]);
  await show.exit();
  expect(show.stdout).toMatch(/^ +duplicates +came once more at \d{4}-\d\d-\d\d [\d:]+: dropped$/m);
});

test('direct delivery: where the answer is lost, the client hears what became of its message', async () => {
  relay = await startRelay({ accounts: [contosoAccount('graph', { delivery: 'direct' })] });
  const { simulator } = relay;
  simulator.faults.add({ ...targets.graph, kind: 'cut-after' });
  expect(await send('graph', '<direct@contoso.com>')).toMatch(/^250 2\.0\.0 Delivered/);
  expect(submissions(simulator, '<direct@contoso.com>')).toHaveLength(1);
});

test('direct delivery: a client that goes before its message is complete gets none; temporary stays temporary', async () => {
  relay = await startRelay({ accounts: [contosoAccount('graph', { delivery: 'direct' })] });
  const { simulator } = relay;
  const client = await login('graph');
  await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`, 'DATA');
  client.send(`From: ${reports}\r\nMessage-ID: <half@contoso.com>\r\n\r\nhalf a mess`);
  client.destroy();
  simulator.faults.add({ ...targets.graph, kind: 'status', status: 500 });
  expect(await send('graph', '<later@contoso.com>')).toMatch(/^451 4\.\d\.\d /);
  expect(await send('graph', '<later@contoso.com>')).toMatch(/^250 /);
  expect(submissions(simulator, '<half@contoso.com>')).toHaveLength(0);
  expect(submissions(simulator, '<later@contoso.com>')).toHaveLength(1);
});

async function queued(...filter: string[]): Promise<{ readonly id: string }[]> {
  const list = Mailbridge.run(['queue', 'list', ...filter, '--json', '--config', relay.folder.configFile]);
  await list.exit();
  return JSON.parse(list.stdout) as { id: string }[];
}
