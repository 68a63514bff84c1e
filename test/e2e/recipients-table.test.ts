import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { normalizeAddress } from '../../src/message/address/address.ts';
import { envelopeCases, moreMailboxes } from '../support/envelope-cases.ts';
import { contosoAccount, password, type Relay, reports, startRelay, until } from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

/** Every way to send a message; an account is named after each. */
const ways = ['graph', 'graph-rewritten', 'graph-as-json', 'smtp'] as const;
type Way = (typeof ways)[number];

let relay: Relay;

beforeAll(async () => {
  const limits = {
    messagesPerMinute: 10_000,
    recipientsPerDay: 1_000_000,
    maxRecipients: 1000,
    graphMimeKilobytes: 100,
  };
  relay = await startRelay({
    limits,
    accounts: [
      contosoAccount('graph'),
      contosoAccount('graph', { username: 'graph-rewritten', envelope: 'rewrite' }),
      contosoAccount('graph', { username: 'graph-as-json', envelope: 'rewrite' }),
      contosoAccount('smtp'),
    ],
  });
  for (const mailbox of moreMailboxes) relay.simulator.directory.add(mailbox);
  for (let n = 0; n < 300; n += 1) relay.simulator.directory.add(`u${n}@contoso.com`);
});

afterAll(() => relay?.close());

test('the table has at least 60 cases', () => {
  expect(envelopeCases.length).toBeGreaterThanOrEqual(60);
});

describe.each(ways)('by %s', (way) => {
  test.each(envelopeCases)(
    '$name: each of the envelope gets one, nobody else any, and none sees who is hidden',
    async (each) => {
      const id = `<${envelopeCases.indexOf(each)}-${way}@cases.contoso.com>`;
      await send(way, each.header, each.envelope, id, each.reversePath ?? reports, each.parameters ?? '');
      const wanted = each.envelope.filter((address) => !each.same?.includes(address)).map(normalizeAddress);
      const copies = await until('every recipient to be served', () => {
        const found = copiesOf(id);
        return found.length >= wanted.length && found;
      });
      expect(copies.map(({ address }) => address).toSorted()).toEqual(wanted.toSorted());
      if (way !== 'graph') expect(submittedBy(id)).toEqual([way === 'smtp' ? 'smtp' : 'graph']);
      const shown = addressesOf([reports, ...each.header].join('\n'));
      const unseen = wanted.filter((address) => !shown.includes(address));
      for (const { content } of copies) {
        const header = content.slice(0, content.indexOf('\r\n\r\n')).toLowerCase();
        expect(header).not.toMatch(/^(resent-)?bcc:/m);
        for (const address of unseen) expect(header).not.toContain(`${address}\r`);
      }
    },
  );

  test('no copy came later', () => {
    for (const [index, { envelope, same = [] }] of envelopeCases.entries()) {
      expect(copiesOf(`<${index}-${way}@cases.contoso.com>`)).toHaveLength(envelope.length - same.length);
    }
  });
});

/** Which of Microsoft's services accepted a message. */
function submittedBy(id: string): string[] {
  const entries = relay.simulator.transport.journal.entries().filter(({ messageId }) => messageId === id);
  return [...new Set(entries.map(({ via }) => via))];
}

/** Anything that looks like an address. */
function addressesOf(text: string): string[] {
  return (text.toLowerCase().match(/[^\s<>,;:"]+@[^\s<>,;:"]+/g) ?? []).map(normalizeAddress);
}

async function send(
  way: Way,
  header: readonly string[],
  recipients: readonly string[],
  id: string,
  reversePath: string,
  parameters: string,
): Promise<void> {
  const client = await SmtpDialogue.open(relay.port());
  const credentials = Buffer.from(`\0${way}\0${password}`).toString('base64');
  await client.pipeline('EHLO client.test', `AUTH PLAIN ${credentials}`);
  const replies = await client.pipeline(
    `MAIL FROM:<${reversePath}>`,
    ...recipients.map((address) => `RCPT TO:<${address}>${parameters}`),
  );
  for (const reply of replies) expect(reply).toMatch(/^250 /);
  // To be sent as JSON, a message must be too large for one MIME request.
  const body = `${way === 'graph-as-json' ? `${'x'.repeat(70)}\r\n`.repeat(1600) : 'text\r\n'}\r\n`;
  const fields = [`From: ${reports}`, ...header, `Message-ID: ${id}`, 'Subject: case'];
  expect(await client.message(`${fields.join('\r\n')}\r\n\r\n${body}`)).toMatch(/^250 /);
  await client.say('QUIT');
}

/** Who got the message, once for each copy. */
function copiesOf(id: string): { address: string; content: string }[] {
  const { directory, transport } = relay.simulator;
  const inside = directory.addresses().flatMap((address) =>
    directory
      .messages(address, 'INBOX')
      .map(({ content }) => content.toString('latin1'))
      .filter((content) => content.includes(id))
      .map((content) => ({ address: normalizeAddress(address), content })),
  );
  const outside = transport.outbox
    .entries()
    .filter(({ messageId }) => messageId === id)
    .flatMap(({ recipients, content }) =>
      recipients.map((address) => ({ address: normalizeAddress(address), content: content.toString('latin1') })),
    );
  return [...inside, ...outside];
}
