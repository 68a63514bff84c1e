import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { hashPassword } from '../../../src/accounts/passwords.ts';
import { runCheck } from '../../../src/cli/check/command.ts';
import type { ConfigInput } from '../../../src/config/schema.ts';
import { freePorts } from '../../../src/onboarding/free-ports.ts';
import {
  alice,
  bob,
  contosoAccount,
  contosoConfig,
  password,
  type Relay,
  relayFrom,
  reports,
  startContoso,
} from '../../support/relay.ts';
import { commandOutput } from '../../support/secret-search/command-output.ts';

/** A running bridge whose listener has the port that its configuration names. */
async function start(
  account: Partial<ConfigInput['accounts'][number]>,
  listener: Partial<ConfigInput['listeners'][number]> = {},
): Promise<Relay> {
  const { smtp: port } = await freePorts('127.0.0.1', ['smtp']);
  const simulator = await startContoso();
  const relay = await relayFrom(
    simulator,
    contosoConfig(simulator, {
      listeners: [{ protocol: 'smtp', port, security: 'starttls', ...listener }],
      accounts: [contosoAccount('smtp', account)],
    }),
  );
  onTestFinished(() => relay.close());
  return relay;
}

/** @param typed at the terminal; undefined: there is no terminal */
async function sendTest({ folder }: Relay, typed?: string) {
  const stdin = Object.assign(new PassThrough(), { isTTY: typed !== undefined });
  const args = ['--config', folder.configFile, '--send-test', alice];
  const { stdout, stderr } = commandOutput(['check', ...args]);
  if (typed !== undefined) stdin.write(`${typed}\n`);
  const printed = Promise.all([text(stdout), text(stderr)]);
  const code = await runCheck(args, { stdin, stdout, stderr, env: {} });
  stdout.end();
  stderr.end();
  const [out, err] = await printed;
  return { code, err, line: out.split('\n').find((each) => / test.message /.test(each)) ?? '', out };
}

test.each([
  ['a password in the configuration', {}],
  ['an account that the bridge knows by this machine’s network', { networks: ['127.0.0.1'], password: undefined }],
])('with %s the message goes through the bridge, and is followed until Microsoft has it', async (_, account) => {
  const relay = await start(account as Partial<ConfigInput['accounts'][number]>);
  const { code, err, line, out } = await sendTest(relay);
  expect([code, err], out).toEqual([0, '']);
  expect(line).toMatch(
    /^✓ test message of smtp to alice@contoso\.com: delivered through the bridge at 127\.0\.0\.1:\d+ as \w+$/,
  );
  expect(out).toMatch(/\nEverything works\.\n$/);
  expect(relay.simulator.transport.journal.entries()).toHaveLength(1);
});

test.each(['starttls', 'tls'] as const)(
  'so it does where this machine is a balancer of the listener (%s)',
  async (security) => {
    const relay = await start({ networks: ['127.0.0.1'] }, { security, proxyProtocol: { from: ['127.0.0.0/8'] } });
    const { code, out, line } = await sendTest(relay);
    expect([code, line], out).toEqual([0, expect.stringContaining('delivered through the bridge')]);
  },
);

test('a message goes out as each address that the account lists', async () => {
  const relay = await start({ senders: [reports, { address: bob, as: 'on-behalf' }] });
  relay.simulator.tenant.exchange.sendOnBehalf = [{ mailbox: reports, as: bob }];
  const { code, out } = await sendTest(relay);
  expect(code, out).toBe(0);
  expect(out.match(/^✓ test message of .*?:/gm)).toEqual([
    `✓ test message of smtp to ${alice}:`,
    `✓ test message of smtp as ${bob} to ${alice}:`,
  ]);
  const senders = relay.simulator.directory
    .messages(alice, 'INBOX')
    .map(({ content }) => content.toString().match(/^(?:From|Sender): .*(?=\r$)/gm));
  expect(senders).toEqual([[`From: <${reports}>`], [`From: <${bob}>`, `Sender: ${reports}`]]);
});

test('of a hash the password is asked for at a terminal, and elsewhere the message goes past the bridge', async () => {
  const relay = await start({ password: await hashPassword(password) });
  const typed = await sendTest(relay, password);
  expect([typed.code, typed.err.trim()], typed.out).toEqual([0, 'Password of smtp, for the test message:']);
  expect(typed.line).toContain('delivered through the bridge');
  const wrong = await sendTest(relay, 'wrong');
  expect([wrong.code, wrong.line], wrong.out).toEqual([1, expect.stringContaining('✗ test-message')]);
  expect(wrong.out).toMatch(/The bridge did not accept the test message: .*535/);
  const nobody = await sendTest(relay);
  expect([nobody.code, nobody.line], nobody.out).toEqual([0, expect.stringContaining('accepted by Microsoft')]);
  expect(nobody.err).toContain('warning: the test message of smtp goes straight to Microsoft, past the bridge');
});

test('what the bridge cannot deliver is told with what Microsoft said', async () => {
  const relay = await start({});
  const reply = { target: 'smtp', kind: 'reply', at: 'data', status: 451, code: '4.3.2', text: 'later' } as const;
  relay.simulator.faults.add(reply, 10);
  const { code, out } = await sendTest(relay);
  expect(code, out).toBe(1);
  expect(out).toMatch(/✗ test-message[^\n]*\n +The test message, \w+ in the queue, is not delivered: .*4\.3\.2/);
});

test('with the bridge stopped it goes straight to Microsoft', async () => {
  const relay = await start({});
  await relay.bridge.stop();
  const { code, line, out } = await sendTest(relay);
  expect([code, line], out).toEqual([0, expect.stringContaining('accepted by Microsoft')]);
  expect(out).toMatch(/\nMicrosoft's side works\. The bridge does not run; mailbridge start starts it\.\n$/);
});
