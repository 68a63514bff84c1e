import { addressParser } from 'postal-mime';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { corpus, refused } from '../support/corpus.ts';
import {
  alice,
  arrived,
  bodyOf,
  couriers,
  password,
  type Relay,
  reports,
  startRelay,
  until,
} from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

/** Recipients that the parser used for the other envelopes partly loses. */
const quotedLocalParts = [
  '"front desk"@contoso.com',
  '"a\\"b\\\\c@d"@contoso.com',
  'root@[192.0.2.1]',
  'root@[IPv6:2001:db8::1]',
];

/** Messages whose recipients Graph cannot parse: it reads them from the header, SMTP from the envelope. */
const unreadableForGraph: readonly string[] = ['header-quoted-local-part'];

/**
 * Fields that may occur only once, twice: they become one each. A recipient without a domain, which is added on the
 * way. These have their own tests.
 */
const changedForBoth: readonly string[] = ['header-duplicates', 'program-cron'];

/** Source routes, comments within comments: the simulator does not parse them, and they are no longer written. */
const unreadableForBoth: readonly string[] = ['header-obsolete-syntax'];

let relay: Relay;

beforeAll(async () => {
  relay = await startRelay({
    listeners: [
      { protocol: 'smtp', port: 0 },
      { protocol: 'smtp', port: 0, lineEnds: 'strict' },
    ],
  });
});

afterAll(() => relay?.close());

test('the corpus has at least 40 messages', () => {
  expect(corpus().length).toBeGreaterThanOrEqual(40);
});

describe.each(couriers)('delivered by %s', (courier) => {
  const unreadable =
    courier === 'graph'
      ? [...unreadableForBoth, ...changedForBoth, ...unreadableForGraph]
      : [...unreadableForBoth, ...changedForBoth];
  const readable = corpus().filter(({ name }) => !unreadable.includes(name));

  test.each(readable)('$name arrives unchanged but for what is stated', async ({ name, content }) => {
    const { directory, transport } = relay.simulator;
    const original = inWholeLines(content);
    const recipients = name === 'header-quoted-local-part' ? quotedLocalParts : recipientsOf(original);
    for (const address of recipients) if (address.endsWith('@contoso.com')) directory.add(address);
    const before = transport.journal.count;
    const sentBefore = directory.messages(reports, 'Sent Items').length;

    const client = await login(courier);
    expect(await client.say(`MAIL FROM:<${reports}> BODY=8BITMIME`)).toMatch(/^250 /);
    for (const address of recipients) expect(await client.say(`RCPT TO:<${address}>`)).toMatch(/^250 /);
    expect(await client.message(original)).toMatch(/^250 2\.0\.0 Queued as /);

    const [entry, ...more] = await until('the submission', () => someOf(transport.journal.entries(before)));
    expect(more).toEqual([]);
    expect(entry).toMatchObject({ via: courier, mailbox: reports });
    expect(entry?.recipients.toSorted()).toEqual(recipients.toSorted());

    // What Microsoft received, Bcc included, is in Sent Items.
    const [submitted] = directory.messages(reports, 'Sent Items').slice(sentBefore);
    const given = splitMessage(submitted?.content ?? Buffer.alloc(0));
    const was = splitMessage(original);
    expect(given.body).toBe(was.body);
    expectFields(given.fields, was.fields, courier, recipients);

    for (const address of recipients.filter((each) => directory.has(each))) {
      const delivered = splitMessage(directory.messages(address, 'INBOX').at(-1)?.content ?? Buffer.alloc(0));
      expect(delivered.body).toBe(was.body);
      expect(delivered.fields).toEqual(given.fields.filter((field) => nameOf(field) !== 'bcc'));
    }
  });

  test('a field with blanks before its colon is the field it is, and goes on without them', async () => {
    const id = `<blanks-${courier}@contoso.com>`;
    const client = await login(courier);
    await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`);
    const header = [
      `From : Old Program <${reports}>`,
      `To\t: ${alice}`,
      `Message-ID: ${id}`,
      'Date : Mon, 5 Jan 26 10:15 CET',
    ];
    expect(await client.message(`${header.join('\r\n')}\r\n\r\nold\r\n`)).toMatch(/^250 /);
    const delivered = splitMessage(await arrived(relay.simulator, alice, 'INBOX', id));
    expect(delivered.fields.slice(2)).toEqual(header.map((field) => `${field.replace(/^([\w-]+)\s*:/, '$1:')}\r\n`));
  });

  test('what cron sends to root, without a domain anywhere, arrives', async () => {
    const { directory } = relay.simulator;
    directory.add('root@contoso.com');
    const content = corpus().find(({ name }) => name === 'program-cron')?.content ?? Buffer.alloc(0);
    const id = `<cron-${courier}@erp-1>`;
    const client = await login(courier);
    await client.pipeline(`MAIL FROM:<${reports}>`, 'RCPT TO:<root>');
    const given = Buffer.from(content.toString('latin1').replace('<20260105081300.1B2C@erp-1>', id), 'latin1');
    expect(await client.message(given)).toMatch(/^250 /);
    const delivered = await arrived(relay.simulator, 'root@contoso.com', 'INBOX', id);
    expect(delivered.toString()).toMatch(/^To: root@contoso\.com\r$/m);
    expect(bodyOf(delivered).toString('latin1')).toBe(bodyOf(inWholeLines(content)).toString('latin1'));
  });

  test('fields that may stand only once do so: the first Subject, all recipients', async () => {
    const content = corpus().find(({ name }) => name === 'header-duplicates')?.content ?? Buffer.alloc(0);
    const id = `<duplicates-${courier}@contoso.com>`;
    for (const address of ['alex@contoso.com', 'megan@contoso.com']) relay.simulator.directory.add(address);
    const client = await login(courier);
    await client.pipeline(`MAIL FROM:<${reports}>`, 'RCPT TO:<alex@contoso.com>', 'RCPT TO:<megan@contoso.com>');
    expect(await client.message(content.toString('latin1').replace('<corpus-119@contoso.com>', id))).toMatch(/^250 /);
    const delivered = splitMessage(await arrived(relay.simulator, 'megan@contoso.com', 'INBOX', id));
    const values = (name: string) => delivered.fields.filter((field) => nameOf(field) === name);
    expect(values('subject')).toEqual(['Subject: first of two\r\n']);
    expect(values('to')).toEqual(['To: Alex Wilber <alex@contoso.com>,\r\n megan@contoso.com\r\n']);
    expect(values('x-tag')).toHaveLength(3);
    expect(delivered.body).toBe(splitMessage(content).body);
  });

  test.each(refused().filter(({ fault }) => fault !== 'nul'))(
    '$name is refused where line ends are strict',
    async ({ content }) => {
      const before = relay.simulator.transport.journal.count;
      const client = await login(courier, relay.port(1));
      await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`, 'DATA');
      // Its own end of data follows, whatever the content contains.
      client.send(content);
      client.send('\r\n.\r\n');
      expect(await client.reply()).toMatch(/^554 5\.6\.11 Message holds a (LF without CR|CR without LF)/);
      expect(await client.say('NOOP')).toMatch(/^250 /);
      expect(relay.simulator.transport.journal.count).toBe(before);
    },
  );
});

test.each(unreadableForGraph)('%s is refused by Graph and comes back to its sender', async (name) => {
  const { directory, transport } = relay.simulator;
  const content = corpus().find((message) => message.name === name)?.content ?? Buffer.alloc(0);
  const before = transport.journal.count;
  const inboxBefore = directory.messages(reports, 'INBOX').length;
  const client = await login('graph');
  await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`);
  // A modern mail program would have put these into the envelope.
  for (const address of name === 'header-quoted-local-part' ? quotedLocalParts : []) {
    await client.say(`RCPT TO:<${address}>`);
  }
  expect(await client.message(content)).toMatch(/^250 /);
  const report = await until('the report', () => directory.messages(reports, 'INBOX')[inboxBefore]);
  expect(report.content.toString()).toMatch(/^Content-Type: multipart\/report; report-type=delivery-status/m);
  expect(report.content.toString()).toContain('ErrorInvalidRecipients');
  expect(transport.journal.entries(before).map(({ recipients }) => recipients)).toEqual([[reports]]);
});

test.each(couriers)('a message beyond one request to Graph, by %s', async (courier) => {
  const id = `<three-megabytes-${courier}@contoso.com>`;
  const line = `${'x'.repeat(76)}\r\n`;
  const content = `From: ${reports}\r\nTo: ${alice}\r\nMessage-ID: ${id}\r\n\r\n${line.repeat(40_000)}`;
  const client = await login(courier);
  await client.pipeline(`MAIL FROM:<${reports}> SIZE=${content.length}`, `RCPT TO:<${alice}>`);
  expect(await client.message(content)).toMatch(/^250 /);
  const delivered = await until('the message', () =>
    relay.simulator.directory.messages(alice, 'INBOX').find((message) => message.content.includes(id)),
  );
  expect(splitMessage(delivered.content).body === line.repeat(40_000)).toBe(true);
  expect(relay.simulator.transport.journal.entries().filter(({ messageId }) => messageId === id)).toHaveLength(1);
});

async function login(username: string, port = relay.port()): Promise<SmtpDialogue> {
  const client = await SmtpDialogue.open(port);
  onTestFinished(() => client.destroy());
  await client.say('EHLO client.test');
  const credentials = Buffer.from(`\0${username}\0${password}`).toString('base64');
  expect(await client.say(`AUTH PLAIN ${credentials}`)).toMatch(/^235 /);
  return client;
}

function someOf<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length > 0 ? list : undefined;
}

/** DATA carries whole lines: a client ends the last one if necessary. */
function inWholeLines(content: Buffer): Buffer {
  return content.subarray(-2).equals(Buffer.from('\r\n')) ? content : Buffer.concat([content, Buffer.from('\r\n')]);
}

interface SplitMessage {
  /** Whole fields unchanged, folds and line ends included. */
  readonly fields: readonly string[];
  readonly body: string;
}

/** Latin-1 maps each octet to one character. */
function splitMessage(message: Buffer): SplitMessage {
  const text = message.toString('latin1');
  const end = text.startsWith('\r\n') ? 0 : text.indexOf('\r\n\r\n') + 2;
  const header = end === 1 ? text : text.slice(0, end);
  return {
    fields: header.split(/(?<=\r\n)(?![ \t])/).filter((field) => field !== ''),
    body: end === 1 ? '' : text.slice(end + 2),
  };
}

function nameOf(field: string): string {
  return field.slice(0, field.search(/[ \t]*:/)).toLowerCase();
}

/** The recipients that the header names, from which an ordinary mail program makes the envelope. If none: alice. */
function recipientsOf(message: Buffer): string[] {
  const named = recipientsIn(splitMessage(message).fields, ['to', 'cc', 'bcc']);
  return named.length > 0 ? named : [alice];
}

function recipientsIn(fields: readonly string[], names: readonly string[]): string[] {
  const lists = fields.filter((field) => names.includes(nameOf(field)));
  const addresses = lists.flatMap((field) =>
    addressParser(field.slice(field.indexOf(':') + 1), { flatten: true }).map(({ address }) => address ?? ''),
  );
  return [...new Map(addresses.filter((a) => a.includes('@')).map((a) => [a.toLowerCase(), a])).values()];
}

/**
 * Our marker and one Received field at the top, no Bcc; Date, Message-ID and From after the others if they were
 * missing; with Graph, which has no envelope, a Bcc at the top for recipients that To and Cc do not name.
 */
function expectFields(
  given: readonly string[],
  original: readonly string[],
  courier: (typeof couriers)[number],
  recipients: readonly string[],
): void {
  const hasName = (fields: readonly string[], name: string) => fields.some((field) => nameOf(field) === name);
  const left = [...given];
  expect(left.shift()).toMatch(/^X-Mailbridge-Id: \w+\.[0-9a-f]{16}\.[0-9a-f]{16}\r\n$/);
  const expected = original.filter((field) => !/^(?:resent-)?bcc$/.test(nameOf(field)) && !/^From [^ \t:]/.test(field));
  if (courier === 'graph') {
    const visible = recipientsIn(expected, ['to', 'cc']).map((address) => address.toLowerCase());
    const hidden = recipients.filter((address) => !visible.includes(address.toLowerCase()));
    if (hidden.length > 0) expect(left.shift()).toBe(`Bcc: ${hidden.join(',\r\n ')}\r\n`);
  }
  expect(left.shift()).toMatch(
    /^Received: from client\.test \(\[127\.0\.0\.1\]\)\r\n\tby bridge\.test\r\n\twith ESMTPA id /,
  );
  for (const name of ['message-id', 'date', 'from']) {
    if (hasName(original, name)) continue;
    const added = left.find((field) => nameOf(field) === name);
    expect(added, `an added ${name}`).toMatch(
      {
        date: /^Date: .* \+0000\r\n$/,
        'message-id': /^Message-ID: <.+@contoso\.com>\r\n$/,
        from: `From: ${reports}\r\n`,
      }[name as 'date'],
    );
    left.splice(left.indexOf(added ?? ''), 1);
  }
  expect(left).toEqual(expected);
}
