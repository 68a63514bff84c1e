import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needLoopbackAddresses } from '../support/external.ts';
import { isPostfixReady, needPostfix, type Postfix, startPostfix } from '../support/postfix.ts';
import {
  alice,
  arrived,
  bob,
  type CourierName,
  contosoAccount,
  contosoConfig,
  couriers,
  networks,
  password,
  type Relay,
  relayFrom,
  reports,
  startContoso,
  until,
} from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';
import { startTap, type Tap } from '../support/tap.ts';

/*
 * A message smuggled behind a wrong end of another is content to the server that passes it on, and a message to the
 * next server, which then believes that the first one sent it. Behind the SMTP courier is a Postfix that takes many
 * wrong ends for right ones, with a tap in front of it.
 */

/** A line of dots and the like between `body` and what would be smuggled, and what becomes of it. */
const variants: readonly [end: string, content: string][] = [
  ['\n.\n', '\r\n'],
  ['\n.\r\n', '\r\n'],
  ['\r\n.\n', '\r\n'],
  ['\r.\r', '\r\n'],
  ['\r\n.\r', '\r\n'],
  ['\r.\r\n', '\r\n'],
  ['\n.\r', '\r\n'],
  ['\r.\n', '\r\n'],
  ['\r\n.\r\r\n', '\r\n'],
  ['\r\r\n.\n', '\r\n'],
  ['\n.\n.\n', '\r\n'],
  ['\n\n.\r\n', '\r\n\r\n'],
  ['\n..\n', '\r\n.\r\n'],
  ['\r..\r', '\r\n.\r\n'],
  ['\r\n..\r\n', '\r\n.\r\n'],
  ['\n...\r\n', '\r\n..\r\n'],
  ['\n', '\r\n'],
  ['\r', '\r\n'],
];
const strictlySound = new Set(['\r\n..\r\n']);
/** Kept as they are, or refused because of the NUL (RFC 5321 section 4.5.2): one message at most. */
const withNul = ['\r\n\0.\r\n', '\r\n.\0\r\n', '\r\n.\r\0\n', '\r\0\n.\r\n', '\n\0.\n', '\n.\0\n'];

const smuggled = [`MAIL FROM:<${reports}>`, `RCPT TO:<${bob}>`, 'DATA', 'Subject: smuggled', '', 'evil', ''];
const listeners = { lenient: 0, strict: 1 } as const;

let relay: Relay;
let postfix: Postfix | undefined;
let tap: Tap | undefined;

beforeAll(async () => {
  postfix = isPostfixReady() ? await startPostfix() : undefined;
  tap = postfix && (await startTap(postfix.port));
  const simulator = await startContoso();
  const config = contosoConfig(simulator, {
    listeners: (['lenient', 'strict'] as const).map((lineEnds) => ({ protocol: 'smtp', port: 0, lineEnds })),
    accounts: couriers.flatMap((send) => [
      contosoAccount(send),
      contosoAccount(send, { username: `${send}-lf`, networks: [networks[send]], endOfData: 'lf' }),
    ]),
  });
  const { cloud } = config.connections.contoso as { cloud: object };
  if (tap) Object.assign(cloud, { smtp: { host: '127.0.0.1', port: tap.port, security: 'none' } });
  relay = await relayFrom(simulator, config);
});

afterAll(async () => {
  await relay?.close();
  await tap?.close();
  await postfix?.stop();
});

/** A client that may send a message with this subject now: its header and an empty line are on their way. */
async function atBody(courier: CourierName, lineEnds: keyof typeof listeners, subject: string, from?: string) {
  const client = await SmtpDialogue.open(relay.port(listeners[lineEnds]), '127.0.0.1', from);
  await client.say('EHLO client');
  if (from === undefined) {
    const login = Buffer.from(`\0${courier}\0${password}`).toString('base64');
    expect(await client.say(`AUTH PLAIN ${login}`)).toMatch(/^235 /);
  }
  await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`, 'DATA');
  client.send(header(subject));
  return client;
}

function header(subject: string): string {
  const date = 'Sun, 29 Nov 2026 10:00:00 +0000';
  return `From: ${reports}\r\nTo: ${alice}\r\nDate: ${date}\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@x>\r\n\r\n`;
}

/** What a courier has delivered with a subject, without the fields that the bridge added at the top. */
async function delivered(courier: CourierName, subject: string): Promise<string> {
  const mark = `Subject: ${subject}`;
  const message =
    courier === 'smtp' && postfix
      ? await until(mark, async () => (await postfix?.messages())?.find((text) => text.includes(`${mark}\n`)))
      : (await arrived(relay.simulator, alice, 'INBOX', `${mark}\r\n`)).toString('latin1');
  return message.slice(message.indexOf(`From: ${reports}`));
}

/** Everything sent over SMTP: message by message, as it was on the wire. */
function onTheWire(): string[] {
  return (tap?.sent() ?? []).flatMap((sent) =>
    [...sent.matchAll(/(?<=DATA\r\n).*?\r\n\.\r\n/gs)].map(([message]) => message),
  );
}

async function countedMessages(): Promise<number> {
  await postfix?.settled();
  const journal = relay.simulator.transport.journal.entries().length;
  return journal + ((await postfix?.messages())?.length ?? 0);
}

test('the Postfix of this test would be taken in', async (context) => {
  needPostfix(context);
  const client = await SmtpDialogue.open(postfix?.port ?? 0);
  await client.say('EHLO x');
  await client.say(`AUTH XOAUTH2 ${Buffer.from('user=x\x01auth=Bearer x\x01\x01').toString('base64')}`);
  await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`, 'DATA');
  client.send(`Subject: control\r\n\r\nbody\n.\n${smuggled.join('\r\n')}.\r\n`);
  for (let i = 0; i < 3; i++) expect(await client.reply()).toMatch(/^250 /);
  expect(await client.reply()).toMatch(/^354 /);
  expect(await client.reply()).toMatch(/^250 /);
});

describe.each(couriers)('by %s', (courier) => {
  test.for(variants)(
    'a message with %j in it is one message, with CRLF everywhere',
    async ([end, content], context) => {
      if (courier === 'smtp') needPostfix(context);
      const before = await countedMessages();
      const subject = `lenient-${courier}-${Buffer.from(end).toString('hex')}`;
      const client = await atBody(courier, 'lenient', subject);
      client.send(`body${end}${smuggled.join('\r\n')}.\r\n`);
      expect(await client.reply()).toMatch(/^250 2\.0\.0 Queued as /);
      expect(await client.say('NOOP')).toMatch(/^250 /);
      const expected = `${header(subject)}body${content}${smuggled.join('\r\n')}`;
      const got = await delivered(courier, subject);
      if (courier === 'graph') expect(got).toBe(expected);
      else {
        // Postfix keeps lines with LF.
        expect(got).toBe(expected.replaceAll('\r\n', '\n'));
        const sent = onTheWire().find((message) => message.includes(`Subject: ${subject}\r\n`));
        expect(sent?.slice(sent.indexOf('From: '))).toBe(`${expected.replaceAll('\r\n.', '\r\n..')}.\r\n`);
      }
      expect(await countedMessages()).toBe(before + 1);
    },
  );

  test.for(variants)('a message with %j in it is refused where lines have to end in CRLF', async ([end], context) => {
    if (courier === 'smtp') needPostfix(context);
    const subject = `strict-${courier}-${Buffer.from(end).toString('hex')}`;
    const client = await atBody(courier, 'strict', subject);
    client.send(`body${end}${smuggled.join('\r\n')}.\r\n`);
    const reply = await client.reply();
    if (strictlySound.has(end)) {
      expect(reply).toMatch(/^250 /);
      expect(await delivered(courier, subject)).toContain('evil');
    } else expect(reply).toMatch(/^554 5\.6\.11 /);
    expect(await client.say('NOOP')).toMatch(/^250 /);
  });

  test.for(withNul)('a message with %j in it is never two', async (end, context) => {
    if (courier === 'smtp') needPostfix(context);
    const before = await countedMessages();
    const subject = `nul-${courier}-${Buffer.from(end).toString('hex')}`;
    const client = await atBody(courier, 'lenient', subject);
    client.send(`body${end}${smuggled.join('\r\n')}.\r\n`);
    const reply = await client.reply();
    expect(reply).toMatch(/^(?:250 2\.0\.0 Queued|55\d )/);
    expect(await client.say('NOOP')).toMatch(/^250 /);
    if (reply.startsWith('250')) await delivered(courier, subject);
    expect(await countedMessages()).toBe(before + (reply.startsWith('250') ? 1 : 0));
  });

  test.for(['\n.\n', '\r\n.\n', '\n.\r\n'])('%j ends a message from a network where it may', async (end, context) => {
    needLoopbackAddresses(context);
    if (courier === 'smtp') needPostfix(context);
    const subject = `lf-${courier}-${Buffer.from(end).toString('hex')}`;
    const client = await atBody(courier, 'lenient', subject, networks[courier]);
    client.send(`one\n..two${end}QUIT\n`);
    expect(await client.reply()).toMatch(/^250 2\.0\.0 Queued/);
    expect(await client.reply()).toMatch(/^221 /);
    const got = await delivered(courier, subject);
    expect(got.replaceAll('\r\n', '\n')).toBe(`${header(subject)}one\r\n.two\r\n`.replaceAll('\r\n', '\n'));
  });
});

describe('a client that waits behind a wrong end is told so', () => {
  // Each of them waits as long as the bridge does.
  test('whatever the end, the courier, and the listener', async () => {
    const ends = variants.map(([end]) => end).filter((end) => /[\r\n]\.[\r\n]/.test(end) && end !== '\r\n.\r');
    const cases = couriers.flatMap((courier) =>
      (['lenient', 'strict'] as const).flatMap((lineEnds) => ends.map((end) => ({ courier, lineEnds, end }))),
    );
    const before = await countedMessages();
    await Promise.all(
      cases.map(async ({ courier, lineEnds, end }) => {
        const client = await atBody(courier, lineEnds, `waits-${Buffer.from(end).toString('hex')}`);
        client.send(`body${end}`);
        expect(await client.reply()).toMatch(/^554 5\.6\.11 Message ends with .* and was not accepted/);
        expect(await client.reply()).toBe('closed');
      }),
    );
    expect(await countedMessages()).toBe(before);
  });

  test('in a network where LF.LF ends a message: as another account, and on a strict listener', async (context) => {
    needLoopbackAddresses(context);
    const client = await SmtpDialogue.open(relay.port(), '127.0.0.1', networks.graph);
    await client.say('EHLO client');
    await client.say(`AUTH PLAIN ${Buffer.from(`\0graph\0${password}`).toString('base64')}`);
    await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`, 'DATA');
    client.send(`${header('other')}body\n.\n`);
    const strict = await atBody('graph', 'strict', 'strict', networks.graph);
    strict.send('body\n.\n');
    expect(await client.reply()).toMatch(/^554 5\.6\.11 Message ends with <LF>\.<LF>/);
    expect(await strict.reply()).toMatch(/^554 5\.6\.11 Message ends with <LF>\.<LF>/);
  });
});

test('nothing was smuggled: bob has no mail, and no octet has left that is half a line end', async (context) => {
  needPostfix(context);
  expect(relay.simulator.directory.messages(bob, 'INBOX')).toEqual([]);
  const received = (await postfix?.messages()) ?? [];
  expect(received.filter((text) => /^Subject: smuggled/m.test(text.slice(0, text.indexOf('\n\n'))))).toHaveLength(1);
  for (const sent of tap?.sent() ?? []) expect(sent).not.toMatch(/\r(?!\n)|(?<!\r)\n/);
});
