import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { ImapFlow } from 'imapflow';
import { describe, expect, it, onTestFinished } from 'vitest';
import { assertUsable, fetchMessage, loginByImap } from '../../../src/exchange/reading/imap-client.ts';

/** Answers a command with the lines of a server; TAG is replaced by its tag. */
type Answers = (command: string) => readonly string[];

const login: Answers = (command) => {
  if (command.startsWith('CAPABILITY')) return ['* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR', 'TAG OK done'];
  if (command.startsWith('AUTHENTICATE')) return ['TAG OK [CAPABILITY IMAP4rev1] logged in'];
  if (command.startsWith('SELECT') || command.startsWith('EXAMINE')) {
    return ['* 2 EXISTS', '* OK [UIDVALIDITY 1] here', '* OK [UIDNEXT 9] here', 'TAG OK [READ-ONLY] done'];
  }
  return ['TAG OK done'];
};

/** A server on this machine, and its accepted sockets. */
async function server(answers: Answers): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const listener = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {}).write('* OK ready\r\n');
    let rest = '';
    socket.on('data', (chunk) => {
      const lines = (rest + chunk).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const [tag = '', ...words] = line.split(' ');
        for (const answer of answers(words.join(' '))) socket.write(`${answer.replace('TAG', tag)}\r\n`);
      }
    });
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  return { port: (listener.address() as AddressInfo).port, sockets };
}

function open(port: number, signal?: AbortSignal): Promise<ImapFlow> {
  return loginByImap({
    endpoint: { host: '127.0.0.1', port, security: 'none' },
    mailbox: 'a@b.c',
    accessToken: 'token',
    connectTimeoutMs: 5000,
    silenceTimeoutMs: 5000,
    signal,
  });
}

/** Logged in, with a folder open, to a server that answers FETCH in its own way. */
async function opened(fetch: readonly string[]): Promise<ImapFlow> {
  const { port } = await server((command) => (command.startsWith('UID FETCH') ? fetch : login(command)));
  const client = await open(port);
  onTestFinished(() => client.close());
  await client.mailboxOpen('INBOX', { readOnly: true });
  return client;
}

const headers = (client: ImapFlow) => fetchMessage(client, 7, 'headers', { headers: ['X-Test'] });
const field = 'BODY[HEADER.FIELDS (X-TEST)] "X-Test: yes"';

describe('a login that nobody waits for any more', () => {
  it('fails, and leaves the server', async () => {
    const { port, sockets } = await server(login);
    const gone = new AbortController();
    const attempt = open(port, gone.signal);
    gone.abort(new Error('the client has gone'));
    await expect(attempt).rejects.toThrow('the client has gone');
    for (const socket of sockets) if (!socket.closed) await once(socket, 'close');
  });

  it('is not begun where that is known', async () => {
    const { port, sockets } = await server(login);
    await expect(open(port, AbortSignal.abort(new Error('the client has gone')))).rejects.toThrow('has gone');
    expect(sockets).toEqual([]);
  });
});

describe('one message', () => {
  it('is the answer that has what was asked for, whatever is told beside', async () => {
    const client = await opened(['* 1 FETCH (FLAGS (\\Seen))', `* 2 FETCH (UID 7 ${field})`, 'TAG OK done']);
    expect((await headers(client))?.headers?.toString()).toContain('X-Test: yes');
  });

  it('is not there where another session has removed it', async () => {
    const client = await opened(['TAG NO [EXPUNGEISSUED] Some messages were expunged']);
    expect(await headers(client)).toBeUndefined();
  });

  it('is not taken for removed where the server refuses for another reason', async () => {
    const client = await opened(['TAG NO [UNAVAILABLE] Try again later']);
    await expect(headers(client)).rejects.toMatchObject({ responseStatus: 'NO' });
  });

  it('is not taken for removed where the connection has ended', async () => {
    const client = await opened([]);
    client.close();
    expect(() => assertUsable(client)).toThrow(Error);
    await expect(headers(client)).rejects.toThrow(Error);
  });
});
