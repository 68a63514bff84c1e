import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { ConfigInput } from '../../src/config/schema.ts';
import { password, type Relay, startRelay, until } from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

export const protocols = ['smtp', 'imap', 'pop3'] as const;
export type Protocol = (typeof protocols)[number];

const account = { password, connection: 'contoso', send: 'graph', read: 'imap' } as const;

/** One of each kind: with its own mailboxes, with separators in its name, and for everybody at a domain. */
const accounts: ConfigInput['accounts'] = [
  {
    ...account,
    username: 'scanner',
    mailbox: 'reports@contoso.com',
    mailboxes: ['sales@contoso.com', '*@shared.example'],
  },
  { ...account, username: 'floor/2', mailbox: 'bob@contoso.com' },
  { ...account, username: 'CONTOSO\\legacy', mailbox: 'dora@contoso.com' },
  { ...account, username: '*@people.example', mailboxes: ['help@contoso.com'] },
];

const mailboxes = [
  'reports@contoso.com',
  'sales@contoso.com',
  'info@shared.example',
  'bob@contoso.com',
  'dora@contoso.com',
  'help@contoso.com',
  'alice@people.example',
  'bob@people.example',
];

/** A bridge with its three listeners; each mailbox contains a message that names its owner. */
export async function startLoginWorld(limits: ConfigInput['limits'] = {}): Promise<Relay> {
  const changes: Partial<ConfigInput> = {
    accounts,
    limits,
    listeners: protocols.map((protocol) => ({ protocol, port: 0, security: 'starttls' as const })),
  };
  const relay = await startRelay(changes, { mailboxes });
  for (const mailbox of mailboxes) {
    relay.simulator.directory.deliver(mailbox, 'INBOX', Buffer.from(`Subject: box of ${mailbox}\r\n\r\nx\r\n`));
  }
  return relay;
}

let clients = 0;

/** A client address not used before: it has no recorded failures. */
function freshAddress(): string {
  clients++;
  return `127.77.${Math.floor(clients / 250)}.${1 + (clients % 250)}`;
}

/** A client that reads lines. */
class LineClient {
  readonly #socket: Socket;
  #received = '';
  #closed = false;
  #waiting: (() => void) | undefined;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', localAddress: freshAddress() });
    onTestFinished(() => void this.#socket.destroy());
    this.#socket.on('data', (chunk) => {
      this.#received += chunk.toString('latin1');
      this.#waiting?.();
    });
    this.#socket.on('close', () => {
      this.#closed = true;
      this.#waiting?.();
    });
    this.#socket.on('error', () => {});
  }

  say(line: string): void {
    this.#socket.write(`${line}\r\n`);
  }

  /** Everything up to a line that matches. */
  async until(last: RegExp): Promise<string> {
    for (;;) {
      const found = last.exec(this.#received);
      if (found || this.#closed) {
        const end = found ? found.index + found[0].length : this.#received.length;
        const text = this.#received.slice(0, end);
        this.#received = this.#received.slice(end);
        return text;
      }
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }
}

/** The result of a login: the mailbox that it opened or sent as, or the refusal as sent to the client. */
export type Attempt = { readonly mailbox: string } | { readonly refusal: string };

export async function tryLogin(relay: Relay, protocol: Protocol, username: string, given = password): Promise<Attempt> {
  const port = relay.port(protocols.indexOf(protocol));
  return await { smtp: trySmtp, imap: tryImap, pop3: tryPop3 }[protocol](relay, port, username, given);
}

async function tryImap(_: Relay, port: number, username: string, given: string): Promise<Attempt> {
  const client = new LineClient(port);
  await client.until(/^\* OK .*\r\n/m);
  const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
  client.say(`a LOGIN ${quoted(username)} ${quoted(given)}`);
  const reply = await client.until(/^(?:a |\* BYE).*\r\n/m);
  if (!/^a OK/m.test(reply)) return { refusal: reply };
  client.say('b SELECT INBOX');
  await client.until(/^b .*\r\n/m);
  client.say('c FETCH 1 (BODY.PEEK[HEADER])');
  return { mailbox: boxOf(await client.until(/^c .*\r\n/m)) };
}

async function tryPop3(_: Relay, port: number, username: string, given: string): Promise<Attempt> {
  const client = new LineClient(port);
  await client.until(/^\+OK .*\r\n/m);
  client.say(`USER ${username}`);
  const user = await client.until(/^(?:\+OK|-ERR).*\r\n/m);
  if (user.startsWith('-ERR')) return { refusal: user };
  client.say(`PASS ${given}`);
  const reply = await client.until(/^(?:\+OK|-ERR).*\r\n/m);
  if (reply.startsWith('-ERR')) return { refusal: reply };
  client.say('TOP 1 0');
  const top = await client.until(/^\.\r\n/m);
  client.say('QUIT');
  await client.until(/^\+OK.*\r\n/m);
  return { mailbox: boxOf(top) };
}

async function trySmtp(relay: Relay, port: number, username: string, given: string): Promise<Attempt> {
  const client = await SmtpDialogue.open(port, '127.0.0.1', freshAddress());
  await client.say('EHLO client.test');
  const reply = await client.say(`AUTH PLAIN ${Buffer.from(`\0${username}\0${given}`).toString('base64')}`);
  if (!reply.startsWith('235 ')) return { refusal: reply };
  const id = `<login-${clients}@client.test>`;
  await client.pipeline('MAIL FROM:<>', 'RCPT TO:<bob@contoso.com>');
  await client.message(`Subject: x\r\nMessage-ID: ${id}\r\n\r\nx\r\n`);
  const sent = await until(`the message ${id}`, () =>
    relay.simulator.transport.journal.entries().find(({ messageId }) => messageId === id),
  );
  return { mailbox: sent.mailbox };
}

function boxOf(text: string): string {
  return /^Subject: box of (\S+)/m.exec(text)?.[1] ?? text;
}
