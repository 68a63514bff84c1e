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
  submissions,
} from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

// Which mailbox a message is sent as, together with everything else that an account may change about it.

const [sales, boss, info] = ['sales@contoso.com', 'boss@contoso.com', 'info@shared.example'];

const many = {
  mailboxes: [sales, '*@shared.example'],
  senders: [reports, sales, '*@shared.example', { address: boss, as: 'on-behalf' }, { address: info, as: 'on-behalf' }],
} as const;
const rewrite = {
  senders: {
    'shop@old.example': sales,
    'info@old.example': info,
    'boss@old.example': boss,
    '*@lost.example': '*@contoso.com',
  },
};
const staging = { redirectAllTo: bob, headers: { add: { 'Reply-To': 'shop@old.example' } } };

let relay: Relay;

beforeAll(async () => {
  const accounts = couriers.flatMap((send) => {
    const { mailbox: _, ...person } = contosoAccount(send, { username: `*@${send}.example` });
    return [
      contosoAccount(send, { ...copied(), username: `${send}-envelope`, rewrite }),
      contosoAccount(send, { ...copied(), username: `${send}-header`, rewrite, mailboxFrom: 'header' }),
      contosoAccount(send, { ...copied(), username: `${send}-staging`, rewrite, ...staging }),
      contosoAccount(send, { ...copied(), username: `${send}-boss`, forceFrom: boss, ...staging }),
      contosoAccount(send, { ...copied(), username: `${send}-own`, forceFrom: true, mailboxFrom: 'header' }),
      { ...person, rewrite: { senders: { '*@old.example': `*@${send}.example` } } },
    ];
  });
  const people = couriers.map((send) => `anna@${send}.example`);
  const mailboxes = [reports, alice, bob, sales, boss, info, ...people];
  relay = await startRelay({ accounts }, { mailboxes });
  relay.simulator.tenant.exchange.sendAs = mailboxes.flatMap((mailbox) => mailboxes.map((as) => ({ mailbox, as })));
});

afterAll(() => relay?.close());

/** Copies, because a reader may change a configuration's lists. */
function copied() {
  return { mailboxes: [...many.mailboxes], senders: [...many.senders] };
}

let messages = 0;

/** Sends one message. @returns the refusal, or the mailbox it was sent as with those fields that name people */
async function sent(username: string, reversePath: string, from: string | undefined): Promise<string[]> {
  const id = `<maps-${++messages}@client.test>`;
  const client = await SmtpDialogue.open(relay.port());
  onTestFinished(() => client.destroy());
  await client.say('EHLO client.test');
  await client.say(`AUTH PLAIN ${Buffer.from(`\0${username}\0${password}`).toString('base64')}`);
  const mail = await client.say(`MAIL FROM:<${reversePath}>`);
  if (!mail.startsWith('250 ')) return [mail];
  await client.say(`RCPT TO:<${alice}>`);
  const header = `${from === undefined ? '' : `From: ${from}\r\n`}To: ${alice}\r\nMessage-ID: ${id}\r\n`;
  const said = await client.message(`${header}\r\nx\r\n`);
  if (!said.startsWith('250 ')) return [said];
  const reader = /-(?:staging|boss)$/.test(username) ? bob : alice;
  const message = (await arrived(relay.simulator, reader, 'INBOX', id)).toString();
  const fields = message.match(/^(?:From|Sender|Reply-To|To|Cc|X-Mailbridge-(?!Id)[\w-]+): .*(?=\r$)/gm) ?? [];
  return [submissions(relay.simulator, id)[0]?.mailbox ?? '', ...fields.toSorted()];
}

describe.each(couriers)('by %s', (courier) => {
  const to = `To: ${alice}`;
  const staged = [`X-Mailbridge-Recipients: ${alice}`, `X-Mailbridge-${to}`, `To: ${bob}`];

  test.each([
    // The rewritten address decides.
    ['envelope', 'shop@old.example', 'shop@old.example', sales, [`From: ${sales}`, to]],
    ['envelope', 'shop@old.example', undefined, sales, [`From: ${sales}`, to]],
    ['envelope', 'shop@old.example', reports, sales, [`From: ${reports}`, to]],
    ['envelope', '', 'Shop <shop@old.example>', sales, [`From: Shop <${sales}>`, to]],
    ['envelope', 'SHOP@OLD.example', 'shop', sales, [`From: shop <${sales}>`, to]],
    ['header', reports, 'shop@old.example', sales, [`From: ${sales}`, to]],
    ['header', 'info@old.example', undefined, info, [`From: ${info}`, to]],
    // The chosen mailbox sends on behalf of somebody; never on behalf of itself.
    ['envelope', sales, boss, sales, [`From: ${boss}`, `Sender: ${sales}`, to]],
    ['envelope', sales, 'boss@old.example', sales, [`From: ${boss}`, `Sender: ${sales}`, to]],
    ['header', info, boss, info, [`From: ${boss}`, `Sender: ${info}`, to]],
    ['envelope', sales, info, sales, [`From: ${info}`, `Sender: ${sales}`, to]],
    ['header', sales, info, info, [`From: ${info}`, to]],
    ['envelope', 'info@old.example', 'INFO@Shared.example', info, ['From: INFO@Shared.example', to]],
    // Fields that are added are rewritten as others are, and mail nobody.
    ['staging', sales, reports, sales, [`From: ${reports}`, `Reply-To: ${sales}`, ...staged]],
    [
      'staging',
      sales,
      'boss@old.example',
      sales,
      [`From: ${boss}`, `Reply-To: ${sales}`, `Sender: ${sales}`, ...staged],
    ],
    // The forced address decides in place of the message's, and is no mailbox here.
    ['boss', sales, sales, reports, [`From: ${boss}`, 'Reply-To: shop@old.example', `Sender: ${reports}`, ...staged]],
    ['own', sales, sales, reports, [`From: ${reports}`, `Reply-To: ${sales}`, to]],
    ['own/info@shared.example', sales, sales, info, [`From: ${info}`, `Reply-To: ${sales}`, to]],
  ] as const)('%s: MAIL FROM:<%s> with From %s is sent as %s', async (kind, reversePath, from, mailbox, fields) => {
    expect(await sent(`${courier}-${kind}`, reversePath, from)).toEqual([mailbox, ...fields.toSorted()]);
  });

  test.each([
    ['envelope', 'bob@lost.example', sales],
    ['envelope', sales, 'bob@lost.example'],
    ['header', sales, 'bob@lost.example'],
    ['staging', sales, 'bob@lost.example'],
  ])('%s: MAIL FROM:<%s> with From %s is refused for what the address becomes', async (kind, reversePath, from) => {
    const username = `${courier}-${kind}`;
    expect(await sent(username, reversePath, from)).toEqual([`550 5.7.1 Account ${username} may not send as ${bob}`]);
  });

  test("rewritten, one person's address cannot become another's", async () => {
    const anna = `anna@${courier}.example`;
    expect(await sent(anna, 'anna@old.example', 'anna@old.example')).toEqual([anna, `From: ${anna}`, to]);
    const refusal = `550 5.7.1 Account ${anna} may not send as ben@${courier}.example`;
    expect(await sent(anna, 'ben@old.example', anna)).toEqual([refusal]);
    expect(await sent(anna, anna, 'ben@old.example')).toEqual([refusal]);
  });
});
