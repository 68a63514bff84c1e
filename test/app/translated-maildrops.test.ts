import Pop3Command from 'node-pop3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { corpus } from '../support/corpus.ts';
import { needProgram, runProgram } from '../support/external.ts';
import { alice, bob, contosoAccount, password, type Relay, reports, startRelay } from '../support/relay.ts';

let relay: Relay;

const reader = (username: string, mailbox: string) => {
  const { send: _, ...account } = contosoAccount('graph', { username, mailbox });
  return { ...account, read: 'imap' as const };
};

beforeAll(async () => {
  relay = await startRelay({
    listeners: [{ protocol: 'pop3', port: 0, security: 'starttls' }],
    accounts: [reader('alice', alice), reader('bob', bob), reader('reports', reports)],
  });
});

afterAll(() => relay.close());

async function logIn(user: string, given = password) {
  const client = new Pop3Command({ user, password: given, host: '127.0.0.1', port: relay.port() });
  try {
    await client.STAT();
    return client;
  } catch (error) {
    // A refused client stays connected, and would be told of the end of the server.
    client._socket?.destroy();
    throw error;
  }
}

const put = (mailbox: string, content: string | Buffer) => {
  relay.simulator.directory.deliver(mailbox, 'INBOX', Buffer.from(content));
};
const inbox = (mailbox: string) => relay.simulator.directory.messages(mailbox, 'INBOX');

describe('POP3 translated over IMAP', () => {
  test('an empty mailbox is an empty maildrop', async () => {
    const client = await logIn('bob');
    expect(await client.STAT()).toBe('0 0');
    expect(await client.UIDL()).toEqual([]);
    await client.QUIT();
  });

  test('Python reads every message of the corpus octet for octet, over TLS', async (context) => {
    needProgram(context, 'python3');
    const messages = corpus();
    for (const { content } of messages) put(reports, content);
    const script = `
import base64, poplib, ssl, sys
poplib._MAXLINE = 10_000_000
context = ssl.create_default_context(cafile=sys.argv[2])
client = poplib.POP3('127.0.0.1', int(sys.argv[1]))
client.stls(context)
client.user('reports')
client.pass_(sys.argv[3])
for number in range(1, len(client.list()[1]) + 1):
    response, lines, octets = client.retr(number)
    print(base64.b64encode(b''.join(line + b'\\r\\n' for line in lines)).decode())
client.quit()
`;
    const authority = relay.bridge.authorityFile ?? '';
    const { code, output } = await runProgram('python3', ['-c', script, `${relay.port()}`, authority, password]);
    expect(code, output.slice(-500)).toBe(0);
    const read = output.trim().split('\n');
    expect(read).toHaveLength(messages.length);
    for (const [index, { name, content }] of messages.entries()) {
      const whole = content.toString('latin1').replace(/(?:\r\n)?$/, '\r\n');
      expect(Buffer.from(read[index] ?? '', 'base64').toString('latin1') === whole, name).toBe(true);
    }
  });

  test('a message of many pieces is read whole', async () => {
    const line = `${'x'.repeat(70)}\r\n`;
    put(bob, `Subject: long\r\n\r\n${line.repeat(60_000)}`);
    const client = await logIn('bob');
    expect((await client.RETR(1)).trimEnd().length).toBe(`Subject: long\r\n\r\n${line.repeat(60_000)}`.length - 2);
    await client.QUIT();
  });

  test('names stay the same from session to session, and TOP gives the header and some lines', async () => {
    put(alice, 'Subject: one\r\n\r\nfirst\r\nsecond\r\n');
    put(alice, 'Subject: two\r\n\r\nx\r\n');
    const first = await logIn('alice');
    const names = await first.UIDL();
    expect(await first.LIST()).toEqual([
      ['1', '31'],
      ['2', '19'],
    ]);
    expect((await first.TOP(1, 1)).trimEnd()).toBe('Subject: one\r\n\r\nfirst');
    await first.QUIT();
    const second = await logIn('alice');
    expect(await second.UIDL()).toEqual(names);
    await second.QUIT();
  });

  test('one session at a time, and the lock goes with the connection', async () => {
    const first = await logIn('alice');
    await expect(logIn('alice')).rejects.toThrow('The mailbox is open in another POP3 session');
    first._socket?.destroy();
    await expect
      .poll(() =>
        logIn('alice')
          .then((client) => client.QUIT())
          .then(
            () => 'open',
            () => 'locked',
          ),
      )
      .toBe('open');
  });

  test('what is deleted goes at QUIT, and stays if the connection ends before', async () => {
    const cut = await logIn('alice');
    await cut.command('DELE', 1);
    cut._socket?.destroy();
    const whenFree = async () => {
      for (;;) {
        const client = await logIn('alice').catch(() => undefined);
        if (client) return client;
      }
    };
    const next = await whenFree();
    expect(inbox(alice)).toHaveLength(2);
    await next.command('DELE', 1);
    await next.QUIT();
    await expect
      .poll(() => inbox(alice).map(({ content }) => content.toString()))
      .toEqual(['Subject: two\r\n\r\nx\r\n']);
  });

  test('a wrong password is refused', async () => {
    await expect(logIn('alice', 'wrong')).rejects.toThrow('Username or password is wrong');
  });
});
