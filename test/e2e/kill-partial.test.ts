import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { Mailbridge } from '../support/process.ts';
import {
  alice,
  bob,
  contosoAccount,
  contosoConfig,
  password,
  type RelayFolder,
  relayFolder,
  reports,
  startContoso,
  submissions,
  until,
} from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

const id = '<partial@contoso.com>';

let simulator: Simulator;
let folder: RelayFolder;
let bridge: Mailbridge;

beforeEach(async () => {
  simulator = await startContoso();
  const accounts = [contosoAccount('smtp')];
  folder = await relayFolder(contosoConfig(simulator, { accounts, queue: { retryBaseSeconds: 1 } }));
  bridge = await Mailbridge.start(folder.configFile);
});

afterEach(async () => {
  await bridge.kill();
  await simulator.close();
  await folder.remove();
});

/** Has the bridge killed when Microsoft has taken a submission, before the reply is sent. */
function killWhenTaken(submission: number): void {
  const { transport } = simulator;
  const submit = transport.submit.bind(transport);
  let taken = 0;
  transport.submit = (message) => {
    const result = submit(message);
    taken += 1;
    if (taken === submission) bridge.signal('SIGKILL');
    return result;
  };
}

async function sendToThree(): Promise<void> {
  const client = await SmtpDialogue.open(bridge.port());
  const credentials = Buffer.from(`\0smtp\0${password}`).toString('base64');
  const recipients = [bob, alice, reports].map((address) => `RCPT TO:<${address}>`);
  await client.pipeline('EHLO client.test', `AUTH PLAIN ${credentials}`, `MAIL FROM:<${reports}>`, ...recipients);
  expect(await client.message(`From: ${reports}\r\nTo: ${alice}\r\nMessage-ID: ${id}\r\n\r\ntext\r\n`)).toMatch(/^250/);
  client.destroy();
}

/** Waits until the queue is empty again. */
async function restarted(): Promise<void> {
  await bridge.exit();
  bridge = await Mailbridge.start(folder.configFile);
  await until('the queue to be empty', async () => {
    const list = Mailbridge.run(['queue', 'list', '--json', '--config', folder.configFile]);
    await list.exit();
    return (JSON.parse(list.stdout) as unknown[]).length === 0;
  });
}

const told = () => submissions(simulator, id).map(({ recipients }) => recipients);

test.each([
  ['for good', { status: 550, code: '5.1.1', text: 'No such user' }],
  ['for now', { status: 450, code: '4.2.1', text: 'Mailbox busy' }],
])(
  'killed before the reply, where one recipient had been refused %s: the others get no second copy',
  async (_how, reply) => {
    simulator.faults.add({ target: 'smtp', kind: 'reply', at: 'rcpt', ...reply });
    killWhenTaken(1);
    await sendToThree();
    await restarted();
    // The refusal was lost with the bridge, and has been found out again: it was staged for one time only.
    expect(told()).toEqual([[alice, reports], [bob]]);
  },
);

test('killed in a transaction of its own that the server had asked for: nobody gets a second copy', async () => {
  simulator.faults.add({ target: 'smtp', kind: 'reply', at: 'rcpt', status: 452, code: '4.5.3', text: 'Too many' });
  killWhenTaken(2);
  await sendToThree();
  await restarted();
  expect(told()).toEqual([[alice, reports], [bob]]);
});
