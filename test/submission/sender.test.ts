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
} from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

let relay: Relay;

beforeAll(async () => {
  relay = await startRelay({
    accounts: couriers.flatMap((send) => [
      contosoAccount(send, { username: `${send}-forced`, forceFrom: true }),
      contosoAccount(send, { username: `${send}-free`, senders: ['*@contoso.com'] }),
      contosoAccount(send, {
        username: `${send}-ways`,
        senders: [
          { address: bob, as: 'on-behalf' },
          { address: 'old@contoso.com', as: 'alias' },
        ],
      }),
    ]),
  });
});

afterAll(() => relay?.close());

async function login(username: string): Promise<SmtpDialogue> {
  const client = await SmtpDialogue.open(relay.port());
  onTestFinished(() => client.destroy());
  await client.say('EHLO client.test');
  const credentials = Buffer.from(`\0${username}\0${password}`).toString('base64');
  expect(await client.say(`AUTH PLAIN ${credentials}`)).toMatch(/^235 /);
  return client;
}

describe.each(couriers)('by %s', (courier) => {
  test('an account with forceFrom sends as its mailbox, whatever the program says', async () => {
    const id = `<forced-${courier}@erp>`;
    const client = await login(`${courier}-forced`);
    await client.pipeline('MAIL FROM:<erp@printer.local>', `RCPT TO:<${alice}>`);
    const header = `From: The ERP <erp@printer.local>\r\nSender: root@erp.local\r\nTo: ${alice}\r\nMessage-ID: ${id}`;
    expect(await client.message(`${header}\r\n\r\nhello\r\n`)).toMatch(/^250 /);
    const delivered = (await arrived(relay.simulator, alice, 'INBOX', id)).toString();
    expect(delivered).toMatch(/^From: The ERP <reports@contoso\.com>\r$/m);
    expect(delivered).toMatch(/^Reply-To: The ERP <erp@printer\.local>\r$/m);
    expect(delivered).not.toMatch(/^Sender:/m);
  });

  test('its bounces go to the mailbox, for the address a device made up is nobody', async () => {
    const id = `<forced-bounce-${courier}@erp>`;
    relay.simulator.faults.add(
      courier === 'smtp'
        ? { target: 'smtp', kind: 'reply', at: 'data', status: 550, code: '5.6.11', text: 'Invalid characters' }
        : { target: 'graph', kind: 'status', status: 400, code: 'ErrorMimeContentInvalid', text: 'No.' },
    );
    const client = await login(`${courier}-forced`);
    await client.pipeline('MAIL FROM:<erp@printer.local>', `RCPT TO:<${alice}>`);
    expect(await client.message(`From: erp@printer.local\r\nMessage-ID: ${id}\r\n\r\nx\r\n`)).toMatch(/^250 /);
    const report = (await arrived(relay.simulator, reports, 'INBOX', id)).toString();
    expect(report).toMatch(/^Content-Type: multipart\/report/m);
    expect(report).toMatch(/^Remote-MTA: dns; /m);
    expect(report).toMatch(courier === 'smtp' ? /smtp; 550 5\.6\.11/ : /x-graph; 400 ErrorMimeContentInvalid/);
  });

  test('a From the mailbox may not use comes back with the commands that would allow it', async () => {
    const id = `<not-as-${courier}@erp>`;
    const client = await login(`${courier}-free`);
    await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`);
    expect(await client.message(`From: boss@contoso.com\r\nMessage-ID: ${id}\r\n\r\nx\r\n`)).toMatch(/^250 /);
    const report = (await arrived(relay.simulator, reports, 'INBOX', id)).toString().replace(/\r\n +/g, ' ');
    expect(report).toContain(
      "Add-RecipientPermission 'boss@contoso.com' -Trustee 'reports@contoso.com' -AccessRights SendAs",
    );
  });

  test('on behalf of an address the mailbox shows as Sender; an alias shows alone', async () => {
    Object.assign(relay.simulator.tenant.exchange, {
      sendOnBehalf: [{ mailbox: reports, as: bob }],
      aliases: [{ mailbox: reports, address: 'old@contoso.com' }],
      sendFromAliasEnabled: true,
    });
    for (const [from, sender] of [
      [bob, reports],
      ['old@contoso.com', undefined],
    ] as const) {
      const id = `<way-${from}-${courier}@erp>`;
      const client = await login(`${courier}-ways`);
      await client.pipeline(`MAIL FROM:<${from}>`, `RCPT TO:<${alice}>`);
      expect(await client.message(`From: ${from}\r\nMessage-ID: ${id}\r\n\r\nx\r\n`)).toMatch(/^250 /);
      const delivered = (await arrived(relay.simulator, alice, 'INBOX', id)).toString();
      expect(delivered).toMatch(new RegExp(`^From: ${from}\\r$`, 'm'));
      expect(/^Sender: (.*)\r$/m.exec(delivered)?.[1]).toBe(sender);
    }
  });
});
