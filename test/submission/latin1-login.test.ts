import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { hashPassword } from '../../src/accounts/passwords.ts';
import { contosoAccount, type Relay, startRelay } from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';
import { play } from '../support/transcript.ts';

/** Ends in à, whose last octet in UTF-8 is the non-breaking space of Latin-1. */
const password = 'Grüße à';
const usernames = ['jürgen', 'plàt'];

let relay: Relay;

beforeAll(async () => {
  const read = { read: 'imap' } as const;
  relay = await startRelay({
    listeners: (['smtp', 'imap', 'pop3'] as const).map((protocol) => ({ protocol, port: 0 })),
    accounts: [
      contosoAccount('graph', { ...read, username: 'jürgen', password }),
      contosoAccount('graph', { ...read, username: 'plàt', password: await hashPassword(password) }),
    ],
  });
});

afterAll(() => relay?.close());

const octets = (text: string, encoding: BufferEncoding) => Buffer.from(text, encoding);
const base64 = (text: string, encoding: BufferEncoding) => octets(text, encoding).toString('base64');

async function session(port: number, script: string): Promise<void> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await play(socket, script);
}

/** As a client's line in a transcript. */
function escaped(text: string, encoding: BufferEncoding): string {
  return [...octets(text, encoding)].map((octet) => `\\x${octet.toString(16).padStart(2, '0')}`).join('');
}

describe.each(usernames)('%s', (username) => {
  describe.each(['utf8', 'latin1'] as const)('with name and password in %s', (encoding) => {
    const name = escaped(username, encoding);
    const secret = escaped(password, encoding);
    const plain = base64(`\0${username}\0${password}`, encoding);
    const nameFirst = base64(username, encoding);
    const passwordNext = base64(password, encoding);

    test('is let in by SMTP', async () => {
      for (const lines of [
        [`AUTH PLAIN ${plain}`],
        ['AUTH PLAIN', plain],
        ['AUTH LOGIN', nameFirst, passwordNext],
        [`AUTH LOGIN ${nameFirst}`, passwordNext],
      ]) {
        const client = await SmtpDialogue.open(relay.port(0));
        await client.say('EHLO client.test');
        let reply = '';
        for (const line of lines) reply = await client.say(line);
        expect(reply).toMatch(/^235 /);
        client.destroy();
      }
    });

    test.each([
      ['LOGIN with quotes', `a LOGIN "${name}" "${secret}"`],
      [
        'LOGIN with literals',
        `a LOGIN {${octets(username, encoding).length}+}\\r\\n${name} {${octets(password, encoding).length}+}\\r\\n${secret}`,
      ],
      ['AUTHENTICATE PLAIN', `a AUTHENTICATE PLAIN ${plain}`],
      ['AUTHENTICATE LOGIN', `a AUTHENTICATE LOGIN ${nameFirst}\\r\\n${passwordNext}`],
    ])('is let in by IMAP, %s', async (way, line) => {
      const asked = way === 'AUTHENTICATE LOGIN' ? 'S: + …\n' : '';
      await session(relay.port(1), `S: * OK …\nC: ${line}\n${asked}S: a OK …`);
    });

    test.each([
      ['USER and PASS', `USER ${name}\\r\\nPASS ${secret}`, 'S: +OK\n'],
      ['AUTH PLAIN', `AUTH PLAIN ${plain}`, ''],
    ])('is let in by POP3, %s', async (_, line, first) => {
      await session(
        relay.port(2),
        `S: +OK …\nC: ${line}\n${first}S: +OK User successfully authenticated.\nC: QUIT\nS: +OK …`,
      );
    });

    test('is not let in with another letter', async () => {
      const client = await SmtpDialogue.open(relay.port(0));
      await client.say('EHLO client.test');
      const wrong = base64(`\0${username}\0${password.replace('à', 'á')}`, encoding);
      expect(await client.say(`AUTH PLAIN ${wrong}`)).toMatch(/^535 /);
    });
  });
});
