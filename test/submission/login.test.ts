import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import type { SubmissionAccount } from '../../src/submission/account.ts';
import { type SubmissionContext, SubmissionSession } from '../../src/submission/session.ts';
import { alice, arrived, bob, contosoAccount, password, type Relay, reports, startRelay } from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

let relay: Relay;

beforeAll(async () => {
  relay = await startRelay({
    accounts: [
      contosoAccount('graph', { username: 'scanner' }),
      contosoAccount('graph', { username: 'floor', mailbox: bob, networks: ['127.0.0.1'] }),
    ],
  });
});

afterAll(() => relay?.close());

const base64 = (text: string) => Buffer.from(text).toString('base64');
const plain = `AUTH PLAIN ${base64(`\0scanner\0${password}`)}`;

async function greeted(): Promise<SmtpDialogue> {
  const client = await SmtpDialogue.open(relay.port());
  onTestFinished(() => client.destroy());
  await client.say('EHLO client.test');
  return client;
}

describe('AUTH within a transaction', () => {
  test.each([
    ['PLAIN', plain],
    ['PLAIN, step by step', 'AUTH PLAIN'],
    ['LOGIN', 'AUTH LOGIN'],
    ['LOGIN with the name', `AUTH LOGIN ${base64('scanner')}`],
    ['XOAUTH2', 'AUTH XOAUTH2 dXNlcj1h'],
  ])('by %s is refused, and the message goes out as who began it', async (name, command) => {
    const mark = `auth-within-${name.replace(/\W+/g, '-')}`;
    const client = await greeted();
    expect(await client.say(`MAIL FROM:<${bob}>`)).toMatch(/^250 /);
    expect(await client.say(command)).toMatch(/^503 5\.5\.1 /);
    expect(await client.say(`RCPT TO:<${alice}>`)).toMatch(/^250 /);
    expect(await client.say(command)).toMatch(/^503 5\.5\.1 /);
    expect(await client.message(`From: ${bob}\r\nMessage-ID: <${mark}@x>\r\n\r\nx\r\n`)).toMatch(/^250 /);
    expect((await arrived(relay.simulator, alice, 'INBOX', mark)).toString()).toMatch(/^From:.*bob@contoso\.com/m);
    expect(await client.say(plain)).toMatch(/^235 /);
  });

  test('is taken once the transaction was given up', async () => {
    const client = await greeted();
    await client.pipeline(`MAIL FROM:<${bob}>`, 'RSET');
    expect(await client.say(plain)).toMatch(/^235 /);
    expect(await client.say(`MAIL FROM:<${reports}>`)).toMatch(/^250 /);
  });
});

test.each([plain, 'AUTH LOGIN', `AUTH PLAIN ${base64('\0floor\0x')}`])(
  'a second login is refused: %s',
  async (command) => {
    const client = await greeted();
    expect(await client.say(plain)).toMatch(/^235 /);
    expect(await client.say(command)).toMatch(/^503 5\.5\.1 /);
    expect(await client.say(`MAIL FROM:<${reports}>`)).toMatch(/^250 /);
  },
);

test('a login made before STARTTLS is forgotten, and the account of the network is found anew', async () => {
  const client = await greeted();
  expect(await client.say(plain)).toMatch(/^235 /);
  expect(await client.starttls()).toMatch(/^220 /);
  expect(await client.say(`MAIL FROM:<${reports}>`)).toMatch(/^503 5\.5\.1 /);
  expect(await client.say('EHLO client.test')).toContain('AUTH PLAIN LOGIN');
  expect(await client.say(`MAIL FROM:<${reports}>`)).toBe(
    '550 5.7.1 Account floor may not send as reports@contoso.com',
  );
  expect(await client.say(`MAIL FROM:<${bob}>`)).toMatch(/^250 /);
  await client.say('RSET');
  expect(await client.say(plain)).toMatch(/^235 /);
  expect(await client.say(`MAIL FROM:<${reports}>`)).toMatch(/^250 /);
});

test('a login sent ahead of the TLS handshake is not taken', async () => {
  const client = await greeted();
  expect(await client.starttls(`EHLO client.test\r\n${plain}\r\nMAIL FROM:<${reports}>\r\n`)).toMatch(/^220 /);
  expect(await client.say('EHLO client.test')).toContain('AUTH PLAIN LOGIN');
  expect(await client.say(`MAIL FROM:<${reports}>`)).toMatch(/^550 5\.7\.1 Account floor /);
});

describe('an authorization identity', () => {
  const as = (authorizationId: string) => `AUTH PLAIN ${base64(`${authorizationId}\0scanner\0${password}`)}`;

  test.each(['', 'scanner', 'Scanner', reports])('that is the account’s own is taken: %j', async (identity) => {
    const client = await greeted();
    expect(await client.say(as(identity))).toMatch(/^235 /);
  });

  test.each(['floor', bob, 'root'])('of somebody else is refused: %s', async (identity) => {
    const client = await greeted();
    expect(await client.say(as(identity))).toMatch(
      /^535 5\.7\.8 Account scanner may not use the mailbox .* \(login-other-mailbox\)/,
    );
    expect(await client.say(`MAIL FROM:<${reports}>`)).toMatch(/^550 5\.7\.1 Account floor /);
  });
});

test('the sender is checked again at DATA, by what the account may do then', async () => {
  const account = (username: string, address: string): SubmissionAccount => ({
    username,
    connection: 'contoso',
    mailbox: address,
    send: ['graph'],
    delivery: 'queued',
    maySendAs: (given) => given === address,
    mailboxFor: () => address,
  });
  const connection = {
    id: 'x',
    remoteAddress: '192.0.2.1',
    localPort: 25,
    secure: true,
    helo: 'x',
    transmissionType: 'ESMTPS',
    abort() {},
  };
  const context = {
    log: silentLog,
    accountByNetwork: () => account('floor', bob),
    login: async () => account('scanner', reports),
    maxMessage: () => ({ bytes: 1000, reason: 'test' }),
    assertRoom: async () => {},
    spool: () => {
      throw new Error('nothing may be kept');
    },
  } as Partial<SubmissionContext> as SubmissionContext;
  const session = new SubmissionSession(connection, context);
  await session.mailFrom(bob, {});
  await session.authenticate({ mechanism: 'PLAIN', username: 'scanner', password });
  const envelope = { reversePath: bob, recipients: [{ address: alice }], eightBit: false, smtpUtf8: false };
  await expect(session.data(envelope, (async function* () {})())).rejects.toMatchObject({ status: 550 });
});
