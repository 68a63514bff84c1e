import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { needProgram, runProgram } from '../support/external.ts';
import { password, type Relay, until } from '../support/relay.ts';
import { protocols, startLoginWorld } from './login-world.ts';

let relay: Relay;

beforeAll(async () => {
  relay = await startLoginWorld();
});

afterAll(() => relay?.close());

beforeEach((context) => {
  for (const name of ['python3', 'curl']) needProgram(context, name);
});

const port = (protocol: (typeof protocols)[number]) => relay.port(protocols.indexOf(protocol));

/** The main forms, and the mailbox that each one means. */
const forms = [
  ['scanner', 'reports@contoso.com'],
  ['scanner/sales@contoso.com', 'sales@contoso.com'],
  ['scanner\\sales@contoso.com', 'sales@contoso.com'],
  ['CONTOSO\\scanner\\sales', 'sales@contoso.com'],
  ['alice@people.example/help@contoso.com', 'help@contoso.com'],
  ['PEOPLE\\alice', 'alice@people.example'],
] as const;

const imaplib = `
import imaplib, sys
port, user, password = sys.argv[1:]
client = imaplib.IMAP4('127.0.0.1', int(port))
if '\\\\' in user: client.authenticate('PLAIN', lambda _: ('\\0' + user + '\\0' + password).encode())
else: client.login(user, password)
client.select('INBOX')
print(client.fetch('1', '(BODY.PEEK[HEADER])')[1][0][1].decode())
client.logout()`;

const poplib = `
import poplib, sys
port, user, password = sys.argv[1:]
client = poplib.POP3('127.0.0.1', int(port))
client.user(user)
client.pass_(password)
print(b'\\n'.join(client.top(1, 0)[1]).decode())
client.quit()`;

const smtplib = `
import smtplib, sys
port, user, password, id = sys.argv[1:]
client = smtplib.SMTP('127.0.0.1', int(port))
client.login(user, password)
client.sendmail('', ['bob@contoso.com'], 'Subject: x\\r\\nMessage-ID: ' + id + '\\r\\n\\r\\nx\\r\\n')
client.quit()`;

async function sender(id: string): Promise<string> {
  const entries = () => relay.simulator.transport.journal.entries();
  return (await until(`the message ${id}`, () => entries().find(({ messageId }) => messageId === id))).mailbox;
}

describe.each(forms)('%s', (username, mailbox) => {
  test.each([
    ['imaplib', 'imap', imaplib],
    ['poplib', 'pop3', poplib],
  ] as const)('%s reads the mailbox', async (_, protocol, script) => {
    const { code, output } = await runProgram('python3', ['-c', script, String(port(protocol)), username, password]);
    expect([code, /^Subject: box of (\S+)/m.exec(output)?.[1]], output).toEqual([0, mailbox]);
  });

  test('smtplib sends as the mailbox', async () => {
    const id = `<python-${username.replace(/\W/g, '-')}@client.test>`;
    const { code, output } = await runProgram('python3', ['-c', smtplib, String(port('smtp')), username, password, id]);
    expect(code, output).toBe(0);
    expect(await sender(id)).toBe(mailbox);
  });

  test.each(['imap', 'pop3'] as const)('curl reads the mailbox by %s', async (protocol) => {
    const place = { imap: '/INBOX;MAILINDEX=1', pop3: '/1' }[protocol];
    const url = `${protocol}://127.0.0.1:${port(protocol)}${place}`;
    const { code, output } = await runProgram('curl', ['-s', '-u', `${username}:${password}`, url]);
    expect([code, /^Subject: box of (\S+)/m.exec(output)?.[1]], output).toEqual([0, mailbox]);
  });
});

test('curl says what is wrong with a mailbox that is not the account’s', async () => {
  const url = `imap://127.0.0.1:${port('imap')}/INBOX;MAILINDEX=1`;
  const { code, output } = await runProgram('curl', ['-sv', '-u', `scanner/bob:${password}`, url]);
  expect(code).toBe(67);
  expect(output).toContain('Account scanner may not use the mailbox bob (login-other-mailbox)');
});
