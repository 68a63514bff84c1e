import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  alice,
  arrived,
  bob,
  contosoAccount,
  couriers,
  password,
  type Relay,
  reports,
  startRelay,
  until,
} from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

const [sales, boss] = ['sales@contoso.com', 'boss@contoso.com'];
const many = { mailboxes: [sales, '*@shared.example'], senders: [reports, sales, '*@shared.example', boss] };

let relay: Relay;

beforeAll(async () => {
  const accounts = couriers.flatMap((send) => [
    contosoAccount(send, { username: `${send}-envelope`, ...many }),
    contosoAccount(send, { username: `${send}-header`, ...many, mailboxFrom: 'header' }),
    contosoAccount(send, { username: `${send}-fixed`, ...many, mailboxFrom: 'fixed' }),
    contosoAccount(send, { username: `${send}-direct`, ...many, delivery: 'direct' }),
    contosoAccount(send, { username: `${send}-forced`, ...many, forceFrom: sales }),
    contosoAccount(send, { username: `${send}-own`, ...many, forceFrom: true }),
  ]);
  const { mailbox: _, ...person } = contosoAccount('graph', { username: '*@people.example', mailboxes: [sales] });
  const mailboxes = [
    reports,
    alice,
    bob,
    sales,
    boss,
    'info@shared.example',
    'anna@people.example',
    'ben@people.example',
  ];
  relay = await startRelay({ accounts: [...accounts, person] }, { mailboxes });
  relay.simulator.tenant.exchange.sendAs = mailboxes.flatMap((mailbox) => mailboxes.map((as) => ({ mailbox, as })));
});

afterAll(() => relay?.close());

async function login(username: string, identity = ''): Promise<SmtpDialogue> {
  const client = await SmtpDialogue.open(relay.port());
  onTestFinished(() => client.destroy());
  await client.say('EHLO client.test');
  const credentials = Buffer.from(`${identity}\0${username}\0${password}`).toString('base64');
  expect(await client.say(`AUTH PLAIN ${credentials}`)).toMatch(/^235 /);
  return client;
}

let messages = 0;

/** Which mailbox a message is sent as, or the refusal. @param from of the header; undefined: it has none */
async function sentAs(client: SmtpDialogue, reversePath: string, from: string | undefined): Promise<string> {
  const id = `<mailboxes-${++messages}@client.test>`;
  const mail = await client.say(`MAIL FROM:<${reversePath}>`);
  if (!mail.startsWith('250 ')) return mail;
  await client.say(`RCPT TO:<${alice}>`);
  const said = await client.message(`${from === undefined ? '' : `From: ${from}\r\n`}Message-ID: ${id}\r\n\r\nx\r\n`);
  if (!said.startsWith('250 ')) return said;
  const entry = await until(`the message ${id}`, () =>
    relay.simulator.transport.journal.entries().find(({ messageId }) => messageId === id),
  );
  return entry.mailbox;
}

describe.each(couriers)('by %s', (courier) => {
  test.each([
    ['envelope', sales, reports, sales],
    ['envelope', reports, sales, reports],
    ['envelope', '', sales, sales],
    ['envelope', '', undefined, reports],
    ['envelope', sales, undefined, sales],
    ['envelope', boss, `Sales <${sales}>`, sales],
    ['envelope', 'INFO@shared.example', 'info@shared.example', 'info@shared.example'],
    ['header', reports, sales, sales],
    ['header', sales, undefined, sales],
    ['fixed', sales, reports, reports],
    ['direct', sales, sales, sales],
    ['direct', '', `info@shared.example, ${sales}`, 'info@shared.example'],
    ['forced', 'x@printer.local', 'y@printer.local', sales],
    ['forced', '', undefined, sales],
    ['own', sales, sales, reports],
  ] as const)('%s: MAIL FROM:<%s> with From %s is sent as %s', async (kind, reversePath, from, mailbox) => {
    expect(await sentAs(await login(`${courier}-${kind}`), reversePath, from)).toBe(mailbox);
  });

  test('a mailbox in the username, or as authorization identity, is sent as whatever the message says', async () => {
    expect(await sentAs(await login(`${courier}-envelope/sales`), '', undefined)).toBe(sales);
    expect(await sentAs(await login(`${courier}-envelope`, sales), '', undefined)).toBe(sales);
    const own = await login(`${courier}-own\\sales`);
    expect(await sentAs(own, 'x@printer.local', 'y@printer.local')).toBe(sales);
  });

  test('an address that is neither a mailbox nor a sender is refused, in the envelope and in the header', async () => {
    const username = `${courier}-envelope`;
    const refusal = `550 5.7.1 Account ${username} may not send as ${bob}`;
    const client = await login(username);
    expect(await sentAs(client, bob, sales)).toBe(refusal);
    await client.say('RSET');
    expect(await sentAs(client, sales, bob)).toBe(refusal);
  });

  test('a missing From and a bare word in it get the address of the mailbox that the envelope says', async () => {
    const client = await login(`${courier}-envelope`);
    await sentAs(client, sales, undefined);
    const bare = await arrived(relay.simulator, alice, 'INBOX', `<mailboxes-${messages}@`);
    expect(bare.toString()).toMatch(/^From: sales@contoso\.com\r$/m);
    expect(await sentAs(client, 'info@shared.example', 'info')).toBe('info@shared.example');
  });
});

describe('one of many people', () => {
  const [anna, ben] = ['anna@people.example', 'ben@people.example'];

  test('sends as themself and as the mailboxes that the account names, never as another person', async () => {
    const client = await login(anna);
    expect(await sentAs(client, anna, anna)).toBe(anna);
    expect(await sentAs(client, sales, sales)).toBe(sales);
    expect(await sentAs(client, '', undefined)).toBe(anna);
    const refusal = `550 5.7.1 Account ${anna} may not send as ${ben}`;
    expect(await sentAs(client, ben, anna)).toBe(refusal);
    await client.say('RSET');
    expect(await sentAs(client, anna, ben)).toBe(refusal);
  });

  test('stands in the queue by their own name', async () => {
    const client = await login('PEOPLE\\Ben');
    await client.say(`MAIL FROM:<>`);
    await client.say(`RCPT TO:<${alice}>`);
    expect(await client.message('Subject: x\r\n\r\nx\r\n')).toMatch(/^250 /);
    expect(await client.say('MAIL FROM:<x@people.example>')).toBe(
      `550 5.7.1 Account ${ben} may not send as x@people.example`,
    );
  });
});
