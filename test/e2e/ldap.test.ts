import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { needLoopbackAddresses } from '../support/external.ts';
import { alice, arrived, contosoAccount, password, type Relay, startRelay, until } from '../support/relay.ts';
import { adminDn, baseDn, hasSlapd, needSlapd, Slapd, searcherDn, searcherPassword } from '../support/slapd.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

const ofAlice = 'alice-in-the-directory';
let slapd: Slapd;
let relay: Relay;

beforeAll(async () => {
  if (!hasSlapd()) return;
  slapd = await Slapd.start([
    { uid: 'alice', password: ofAlice, mail: alice },
    { uid: 'bob', password: 'bob-in-the-directory', mail: 'bob@contoso.com' },
    { uid: 'carol', password: 'carol-in-the-directory', mail: 'carol@contoso.com' },
  ]);
  const searchBind = { dn: searcherDn, password: searcherPassword };
  const ldap = { url: slapd.ldapsUrl, caFile: slapd.caFile, baseDn, searchBind, timeoutSeconds: 1 };
  relay = await startRelay({
    listeners: (['smtp', 'imap', 'pop3'] as const).map((protocol) => ({ protocol, port: 0, security: 'starttls' })),
    accounts: [
      {
        username: '*@contoso.com',
        passwordFrom: { ldap },
        connection: 'contoso',
        send: 'graph',
        read: 'imap',
      },
      contosoAccount('smtp'),
    ],
  });
});
beforeEach((context) => {
  needSlapd(context);
  needLoopbackAddresses(context);
});
afterAll(async () => {
  await relay?.close();
  await slapd?.stop();
});

const plain = (username: string, given: string) => Buffer.from(`\0${username}\0${given}`).toString('base64');

let clients = 1;
/** Each login comes from its own address, so that no refusal has to wait for earlier ones. */
const nextAddress = () => `127.0.${++clients >> 8}.${clients & 255}`;

async function smtpLogin(username: string, given: string): Promise<string> {
  const client = await SmtpDialogue.open(relay.port(0), '127.0.0.1', nextAddress());
  const [, reply = ''] = await client.pipeline('EHLO client.test', `AUTH PLAIN ${plain(username, given)}`);
  client.destroy();
  return reply;
}

/** Sends some lines after the greeting, and returns the first answer that matches. */
async function answer(port: number, lines: readonly string[], wanted: RegExp): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: nextAddress() });
  await once(socket, 'connect');
  socket.write(lines.map((line) => `${line}\r\n`).join(''));
  try {
    for await (const line of createInterface({ input: socket })) if (wanted.test(line)) return line;
    return '';
  } finally {
    socket.destroy();
  }
}

const imapLogin = (username: string, given: string) =>
  answer(relay.port(1), [`a1 LOGIN "${username}" "${given}"`], /^a1 /);
const pop3Login = (username: string, given: string) =>
  answer(relay.port(2), [`AUTH PLAIN ${plain(username, given)}`], /^(?:\+OK (?!.*ready)|-ERR)/i);

test('alice sends and reads with the password of the directory', async () => {
  const client = await SmtpDialogue.open(relay.port());
  const replies = await client.pipeline(
    'EHLO client.test',
    `AUTH PLAIN ${plain(alice, ofAlice)}`,
    `MAIL FROM:<${alice}>`,
    `RCPT TO:<bob@contoso.com>`,
  );
  expect(replies.slice(1).map((reply) => reply.slice(0, 3))).toEqual(['235', '250', '250']);
  expect(await client.message(`From: ${alice}\r\nSubject: by LDAP\r\n\r\ntext\r\n`)).toMatch(/^250/);
  await arrived(relay.simulator, 'bob@contoso.com', 'INBOX', 'by LDAP');
  expect(await imapLogin(alice, ofAlice)).toMatch(/^a1 OK/);
  expect(await pop3Login(alice, ofAlice)).toMatch(/^\+OK/);
});

test('a wrong password and a name that nobody has are refused in the same words', async () => {
  for (const login of [smtpLogin, imapLogin, pop3Login]) {
    const replies = [
      await login(alice, 'not-her-password'),
      await login('nobody@contoso.com', 'not-her-password'),
      await login('nobody@elsewhere.example', 'not-her-password'),
      await login('*@contoso.com', 'not-her-password'),
    ];
    expect(new Set(replies).size).toBe(1);
    expect(replies[0]).toMatch(/^(?:535 5\.7\.8|a1 NO \[AUTHENTICATIONFAILED\]|-ERR \[AUTH\])/);
  }
});

test.each([
  ['slow', 'bob'],
  ['down', 'carol'],
])('while the directory is %s', async (how, name) => {
  const waiting = () => smtpLogin(`${name}@contoso.com`, `${name}-in-the-directory`);
  expect(await smtpLogin(alice, ofAlice)).toMatch(/^235/);
  slapd.clearLog();
  if (how === 'slow') slapd.pause();
  else await slapd.kill();
  const order: string[] = [];
  const noted = async (name: string, login: Promise<string>) => {
    const reply = await login;
    order.push(name);
    return reply;
  };
  // Asks the directory, and waits for the answer.
  const refused = noted(name, waiting());
  // Does not ask it.
  expect(await noted('smtp', smtpLogin('smtp', password))).toMatch(/^235/);
  if (how === 'slow') expect(order).toEqual(['smtp']);
  expect(await refused).toBe('454 4.7.0 Passwords cannot be checked at this moment, try again later');
  // Remembered.
  expect(await smtpLogin(alice, ofAlice)).toMatch(/^235/);
  // No answer depends on whether a name exists.
  for (const login of [smtpLogin, imapLogin, pop3Login]) {
    const replies = [
      await login(`${name}@contoso.com`, 'another-password'),
      await login('nobody@contoso.com', 'another-password'),
      await login('nobody', 'another-password'),
      await login('smtp', 'another-password'),
    ];
    expect(new Set(replies).size).toBe(1);
    expect(replies[0]).toMatch(/^(?:454 4\.7\.0|a1 NO \[UNAVAILABLE\]|-ERR \[SYS\/TEMP\])/);
  }
  if (how === 'slow') slapd.resume();
  else await slapd.run();
  // Automatically, with the next login.
  await until('the directory to be asked again', async () => (await waiting()).startsWith('235'));
  expect(await smtpLogin('nobody', 'another-password')).toMatch(/^535/);
});

test('the directory manager’s DN is nobody’s login', async () => {
  expect(await smtpLogin(adminDn, 'directory-manager-73')).toMatch(/^535/);
  expect(await smtpLogin(`${adminDn}@contoso.com`, 'directory-manager-73')).toMatch(/^535/);
});
