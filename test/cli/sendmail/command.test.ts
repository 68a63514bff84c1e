import { spawn } from 'node:child_process';
import { chmodSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ConfigInput } from '../../../src/config/schema.ts';
import { needProgram } from '../../support/external.ts';
import { freePorts } from '../../support/ports.ts';
import { alice, arrived, bob, contosoAccount, password, type Relay, reports, startRelay } from '../../support/relay.ts';
import { recordProcess } from '../../support/secret-search/command-output.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { mailbridge } from '../harness.ts';

const launcher = join(import.meta.dirname, '..', '..', '..', 'bin', 'mailbridge.js');

let relay: Relay;
let port: number;
let marks = 0;
let mark: string;

beforeAll(async () => {
  relay = await startRelay({
    accounts: [contosoAccount('smtp', { networks: ['127.0.0.1'] }), contosoAccount('graph')],
  });
  port = relay.port();
  const config = JSON.parse(await readFile(relay.folder.configFile, 'utf8')) as ConfigInput;
  await relay.folder.configure({ ...config, listeners: [{ protocol: 'smtp', port, security: 'starttls' }] });
});
afterAll(() => relay.close());
beforeEach(() => {
  mark = `sendmail-${++marks}`;
});

/** sendmail with the configuration of the running bridge. */
const sendmail = (args: string[], input: string) =>
  mailbridge(['sendmail', '--config', relay.folder.configFile, ...args], input);
const message = (header: string, body = 'Hello\n') => `Subject: ${mark}\n${header}\n${body}`;
const inboxOf = async (mailbox: string) => (await arrived(relay.simulator, mailbox, 'INBOX', mark)).toString();
const isIn = (mailbox: string) =>
  relay.simulator.directory.messages(mailbox, 'INBOX').some(({ content }) => content.includes(mark));

test('what cron hands over arrives, with CRLF, under the mailbox', async () => {
  const cron = `From: root (Cron Daemon)\nTo: alice\nSubject: Cron <root@host> ${mark}\nX-Cron-Env: <SHELL=/bin/sh>\n\none\ntwo\n`;
  const ran = await sendmail(['-FCronDaemon', '-i', '-B8BITMIME', '-oem', '-f', 'root', 'alice'], cron);
  expect(ran).toEqual({ code: 0, out: '', err: '' });
  const got = await inboxOf(alice);
  expect(got).toMatch(/^From: .*reports@contoso\.com/m);
  expect(got).toMatch(/\r\n\r\none\r\ntwo\r\n$/);
  expect(got.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
});

test.each(['starttls', 'tls'] as const)(
  'where this machine is a balancer of the listener too (%s)',
  async (security) => {
    const listener = { protocol: 'smtp' as const, security, proxyProtocol: { from: ['127.0.0.1'] } };
    const accounts = [contosoAccount('smtp', { networks: ['127.0.0.1'] })];
    const behind = await startRelay({ accounts, listeners: [{ ...listener, port: 0 }] });
    try {
      const config = JSON.parse(await readFile(behind.folder.configFile, 'utf8')) as ConfigInput;
      await behind.folder.configure({ ...config, listeners: [{ ...listener, port: behind.port() }] });
      const ran = await mailbridge(
        ['sendmail', '--config', behind.folder.configFile, alice],
        message(`To: ${alice}\n`),
      );
      expect(ran).toEqual({ code: 0, out: '', err: '' });
      expect((await arrived(behind.simulator, alice, 'INBOX', mark)).toString()).toContain('([127.0.0.1])');
    } finally {
      await behind.close();
    }
  },
);

test('-t takes To, Cc and Bcc, and nobody sees the Bcc', async () => {
  const ran = await sendmail(['-t'], message(`To: Alice <${alice}>\nBcc: ${bob},\n ${reports}\n`));
  expect(ran).toMatchObject({ code: 0, err: '' });
  for (const mailbox of [alice, bob, reports]) expect(await inboxOf(mailbox)).not.toMatch(/^bcc:|bob@|^ reports/im);
});

test('-t takes the recipients of a resending, and those of the command line too', async () => {
  const header = `To: nobody@elsewhere.example\nResent-To: ${alice}\nResent-From: ${reports}\n`;
  expect(await sendmail(['-t', '-oi', '--', bob], message(header))).toMatchObject({ code: 0, err: '' });
  await inboxOf(alice);
  await inboxOf(bob);
});

test('a dot alone ends the message, but not with -i', async () => {
  expect(await sendmail([alice], message('', 'before\n..dots\n.\nafter\n'))).toMatchObject({ code: 0 });
  expect(await inboxOf(alice)).toMatch(/\r\n\r\nbefore\r\n\.\.dots\r\n$/);
  mark += 'i';
  expect(await sendmail(['-oi', alice], message('', 'before\n.\nafter\n.'))).toMatchObject({ code: 0 });
  expect(await inboxOf(alice)).toMatch(/\r\n\r\nbefore\r\n\.\r\nafter\r\n\.\r\n$/);
});

test('-F names a missing From', async () => {
  const ran = await sendmail(['-F', 'The "Printer"', alice], message(''));
  expect(ran).toMatchObject({ code: 0, err: '' });
  expect(await inboxOf(alice)).toMatch(/^From: "The \\"Printer\\"" <reports@contoso\.com>\r$/m);
});

test('octets beyond ASCII come through, and a CR of an attacker makes no header field', async () => {
  const body = 'Grüße\n';
  expect(await sendmail(['-t'], message(`To: ${alice}\nX-Name: a\rBcc: ${bob}\n`, body))).toMatchObject({ code: 0 });
  expect(await inboxOf(alice)).toContain('X-Name: aBcc: ');
  expect(await inboxOf(alice)).toMatch(/\r\n\r\nGrüße\r\n$/);
  expect(isIn(bob)).toBe(false);
});

/** Would be two commands. */
const evil = 'a@contoso.com\r\nRCPT TO:<eve@evil.example>';

test.each<[number, RegExp, string[], string]>([
  [64, /no recipient: give addresses/, [], ''],
  [64, /the header names no recipient/, ['-t'], 'Subject: x\n\n'],
  [64, /there is no option -y/, ['-y'], ''],
  [64, /-bs is not available: connect to the SMTP listener/, ['-bs'], ''],
  [64, /--server needs HOST:PORT/, ['--server', 'nowhere', alice], ''],
  [65, /no address can be read from To/, ['-t'], 'To: <>\n\n'],
  [65, /not every address can be read from Cc/, ['-t'], `To: ${alice}\nCc: ${bob}, Carol Jones\n\n`],
  [65, /no address can be read from recipient/, [`${alice}@contoso.org`], 'x\n'],
  [65, /the sender of -f is not an address: a@contoso\.com RCPT TO:<eve@evil\.example>\n$/, ['-f', evil, alice], 'x\n'],
  [65, /the sender of -f is not an address/, ['-f', 'a\0@contoso.com', alice], 'x\n'],
  [65, /the sender of -f is not an address/, ['-f', 'a b@contoso.com', alice], 'x\n'],
  [65, /the sender of -f is not an address/, ['-f', '<a@contoso.com', alice], 'x\n'],
  [65, /Invalid sender/i, ['-f', '"a>b"@contoso.com', alice], 'x\n'],
  [65, /the sender of --sender is not an address/, ['--sender', evil, alice], 'x\n'],
  [65, /the addresses of recipient: a@contoso\.com RCPT TO:<eve@evil\.example>\n$/, [evil], 'x\n'],
  [65, /control character in the addresses of recipient: a @contoso\.com\n$/, ['a\0@contoso.com'], 'x\n'],
  [65, /control character in the addresses of To: a @/, ['-t'], 'To: a\0@contoso.com\n\n'],
  [64, /no recipient/, ['', ''], 'x\n'],
  [64, /--server needs HOST:PORT/, ['--server', 'a\r\nb:25', alice], ''],
  [78, /has no account "a b"\n$/, ['--account', 'a\nb', alice], ''],
  [77, /may not send as boss@contoso\.com/, ['-f', 'boss@contoso.com', alice], 'x\n'],
  [78, /has no account "nobody"/, ['--account', 'nobody', alice], ''],
  [0, /^$/, ['-bi'], ''],
])('ends with %i and says %s', async (code, says, args, input) => {
  const ran = await sendmail(args, input);
  expect(ran).toMatchObject({ code, err: expect.stringMatching(says) });
  expect(ran.err.split('\n').length).toBeLessThanOrEqual(2);
});

test('no configuration is 78, a bridge that does not run is 75', async () => {
  const lost = await mailbridge(['sendmail', '--config', '/nowhere/config.json', alice], 'x');
  expect(lost).toMatchObject({ code: 78, err: expect.stringMatching(/nowhere.*does not exist.*--server HOST:PORT/) });
  const down = await mailbridge(['sendmail', '--server', `127.0.0.1:${await freePorts()}`, '-f', reports, alice], 'x');
  expect(down).toMatchObject({ code: 75, err: expect.stringMatching(/cannot be reached at 127.*is it running\?/) });
});

test('--server needs no configuration, but a sender', async () => {
  const server = ['sendmail', '--server', `127.0.0.1:${port}`];
  expect(await mailbridge([...server, '--sender', reports, '-f', 'www-data', alice], message(''))).toEqual({
    code: 0,
    out: '',
    err: '',
  });
  await inboxOf(alice);
  expect(await mailbridge([...server, alice], 'x')).toMatchObject({
    code: 64,
    err: expect.stringMatching(/no sender/),
  });
});

/** The configuration of the running bridge with other accounts, as a caller might read it. */
async function otherConfig(accounts: (config: ConfigInput) => ConfigInput['accounts']): Promise<string> {
  const config = JSON.parse(await readFile(relay.folder.configFile, 'utf8')) as ConfigInput;
  const file = join(temporaryFolder(), 'config.json');
  await writeFile(file, JSON.stringify({ ...config, accounts: accounts(config) }), { mode: 0o600 });
  return file;
}

test('an account is named, and its password comes from where the configuration says', async () => {
  const file = await otherConfig(({ accounts }) =>
    accounts.map((each) => ({ ...each, password: { env: 'PASSWORD' } })),
  );
  const args = ['sendmail', '--config', file, '--account', 'GRAPH', alice];
  const env = { PASSWORD: password };
  expect(await mailbridge(args, message(''), env)).toMatchObject({ code: 0, err: '' });
  await inboxOf(alice);
  expect(await mailbridge(args, message(''), { PASSWORD: 'wrong' })).toMatchObject({ code: 77 });
  expect(await mailbridge(args, message(''), {})).toMatchObject({
    code: 78,
    err: expect.stringMatching(
      /account graph can be used without its password: give it "networks": \["127\.0\.0\.1"\]/,
    ),
  });
});

test('where several accounts could be meant, it asks for one', async () => {
  const file = await otherConfig(({ accounts }) => accounts.map(({ networks: _, ...each }) => each));
  expect(await mailbridge(['sendmail', '--config', file, alice], message(''))).toMatchObject({
    code: 78,
    err: expect.stringMatching(/several accounts match: name one with --account/),
  });
});

test('-bp prints the queue, -q makes it due', async () => {
  expect(await sendmail(['-bp'], '')).toMatchObject({ code: 0, out: expect.stringMatching(/messages?\n$/) });
  expect(await sendmail(['-q'], '')).toMatchObject({ code: 0, out: expect.stringMatching(/due now\n$/) });
});

test('called as sendmail or mailq it is that program', async () => {
  const folder = temporaryFolder();
  for (const name of ['sendmail', 'mailq']) symlinkSync(launcher, join(folder, name));
  const env = { ...process.env, MAILBRIDGE_CONFIG: relay.folder.configFile };
  const program = spawn(process.execPath, [join(folder, 'sendmail'), '-t', '-i'], { env, stdio: 'pipe' });
  recordProcess(program, ['sendmail', '-t', '-i']);
  program.stdin.end(message(`To: ${alice}\n`));
  const [said, code] = await Promise.all([
    text(program.stderr),
    new Promise((resolve) => program.once('close', resolve)),
  ]);
  expect([said, code]).toEqual(['', 0]);
  await inboxOf(alice);
  const mailq = spawn(process.execPath, [join(folder, 'mailq')], { env, stdio: 'pipe' });
  recordProcess(mailq, ['mailq']);
  expect(await text(mailq.stdout)).toMatch(/messages?\n$/);
});

test('mutt sends with it', async (context) => {
  needProgram(context, 'mutt');
  const folder = temporaryFolder();
  const script = join(folder, 'sendmail.sh');
  const call = `exec '${process.execPath}' '${launcher}' sendmail --config '${relay.folder.configFile}' "$@"`;
  writeFileSync(script, `#!/bin/sh\n${call}\n`);
  chmodSync(script, 0o755);
  const settings = [`set sendmail="${script} -oem -oi"`, 'set copy=no', `set from=${reports}`, 'set use_from=yes'];
  const args = [
    '-n',
    '-F',
    '/dev/null',
    ...settings.flatMap((each) => ['-e', each]),
    '-s',
    mark,
    '-b',
    bob,
    '--',
    alice,
  ];
  const mutt = spawn('mutt', args, { env: { ...process.env, HOME: folder }, stdio: 'pipe' });
  mutt.stdin.end('from mutt\n');
  const [said] = await Promise.all([text(mutt.stderr), new Promise((resolve) => mutt.once('close', resolve))]);
  expect(said).toBe('');
  expect(await inboxOf(alice)).toContain('from mutt');
  expect(await inboxOf(bob)).not.toMatch(/^bcc/im);
});
