import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Reader } from '../../src/reading/maildrops.ts';
import { FakeImap } from '../support/fake-imap.ts';
import { password, ReadBridge, translatedMaildrops } from '../support/read-bridge.ts';
import { play } from '../support/transcript.ts';

const mebibyte = 1024 * 1024;
const line = `${'x'.repeat(62)}\r\n`;

let bridge: ReadBridge;
let exchange: FakeImap;
let port: number;
let clients: Socket[];

beforeEach(async () => {
  bridge = await ReadBridge.start();
  exchange = await FakeImap.start();
  clients = [];
  const maildrops = translatedMaildrops();
  const openMaildrops = (mailbox: string, reader: Reader) =>
    maildrops.open(
      { endpoints: { imap: exchange.endpoint }, ca: undefined, getToken: async () => 'good' },
      mailbox,
      reader,
    );
  port = (await bridge.listen('pop3', { security: 'none', read: 'imap', openMaildrops })).port;
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  await bridge.close();
  await exchange.close();
});

function put(...contents: string[]): void {
  for (const content of contents) exchange.messages.set(exchange.messages.size + 1, content);
}

const login = `
  S: +OK …
  C: USER scanner
  C: PASS ${password.replace('\\', '\\x5c')}
  S: +OK
  S: +OK …`;

async function logIn(): Promise<Socket> {
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {});
  clients.push(client);
  await play(client, login);
  return client;
}

/** Everything that the client receives until its session ends. */
async function sayAndRead(client: Socket, ...commands: string[]): Promise<string> {
  client.write(commands.map((command) => `${command}\r\n`).join(''));
  const chunks: Buffer[] = [];
  for await (const chunk of client) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

describe('a message that another program has removed meanwhile', () => {
  it('is refused, and the session goes on', async () => {
    put('Subject: one\r\n\r\n', 'Subject: two\r\n\r\nx\r\n');
    const client = await logIn();
    exchange.vanished.add(1);
    await play(
      client,
      `C: RETR 1
       S: -ERR The message no longer exists.
       C: TOP 1 0
       S: -ERR The message no longer exists.
       C: RETR 2
       S: +OK
       S: Subject: two
       S:
       S: x
       S: .
       C: QUIT
       S: +OK …
       S: <end>`,
    );
    expect(exchange.bodyFetches.length).toBeLessThan(8);
  });

  it('is refused where the server says nothing of it, or only that it is gone', async () => {
    put('Subject: one\r\n\r\n');
    const client = await logIn();
    exchange.stage = ({ text }) => (text.startsWith('UID FETCH') ? { untagged: '' } : undefined);
    await play(client, 'C: RETR 1\nS: -ERR The message no longer exists.');
    const tagged = 'NO [EXPUNGEISSUED] It has gone.';
    exchange.stage = ({ text }) => (text.startsWith('UID FETCH') ? { untagged: '', tagged } : undefined);
    await play(client, 'C: RETR 1\nS: -ERR The message no longer exists.');
    exchange.stage = () => undefined;
    await play(client, 'C: RETR 1\nS: +OK\nS: Subject: one\nS:\nS: .');
  });

  it('never arrives as half of it: the connection ends without the final dot', async () => {
    put(`Subject: one\r\n\r\n${line.repeat((3 * mebibyte) / 64)}`);
    const client = await logIn();
    exchange.stage = ({ text }) => {
      if (text.includes('BODY.PEEK[]<1048576.')) exchange.vanished.add(1);
      return undefined;
    };
    const said = await sayAndRead(client, 'RETR 1', 'NOOP', 'QUIT');
    expect(said.length).toBeGreaterThan(mebibyte);
    expect(said.endsWith(line) || said.endsWith('x')).toBe(true);
    expect(said).not.toContain('\r\n.\r\n');
  });
});

describe.each([
  ['NIL', 'NIL'],
  ['an empty string', '""'],
])('a server that says %s behind the end of a message', (_, behindTheEnd) => {
  it.each([1, 2])('has a message of exactly %i MiB arrive once and whole', async (size) => {
    exchange.behindTheEnd = behindTheEnd;
    const content = line.repeat((size * mebibyte) / line.length);
    put(content);
    const said = await sayAndRead(await logIn(), 'RETR 1', 'QUIT');
    expect(said === `+OK\r\n${content}.\r\n+OK The server is signing off.\r\n`).toBe(true);
  });

  it('has a message of exactly one part arrive by TOP', async () => {
    exchange.behindTheEnd = behindTheEnd;
    const content = `S: x\r\n\r\n${'x'.repeat(16 * 1024 - 10)}\r\n`;
    put(content);
    const said = await sayAndRead(await logIn(), 'TOP 1 2147483647', 'QUIT');
    expect(said === `+OK\r\n${content}.\r\n+OK The server is signing off.\r\n`).toBe(true);
  });

  it('has an empty message', async () => {
    exchange.behindTheEnd = behindTheEnd;
    put('');
    await play(await logIn(), 'C: RETR 1\nS: +OK\nS: .');
  });
});

describe('what a server tells unasked', () => {
  it('is taken neither for the message nor for a message of the list', async () => {
    const content = `Subject: one\r\n\r\n${line.repeat((2 * mebibyte) / 64)}`;
    put(content, 'Subject: two\r\n\r\n');
    exchange.unasked =
      '* 2 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (FLAGS (\\Seen) UID 2)\r\n* 1 FETCH (UID 1 FLAGS ())\r\n';
    const client = await logIn();
    await play(client, `C: LIST\nS: +OK …\nS: 1 ${content.length}\nS: 2 16\nS: .`);
    const said = await sayAndRead(client, 'RETR 1', 'QUIT');
    expect(said.includes(content)).toBe(true);
    expect(said.length).toBeLessThan(content.length + 100);
  });

  it('does not make a server loop that ignores which part is wanted', async () => {
    put('x');
    const client = await logIn();
    const whole = `BODY[] {${2 * mebibyte}}\r\n${'x'.repeat(2 * mebibyte)}`;
    exchange.stage = ({ text }) =>
      text.includes('BODY.PEEK[]') ? { untagged: `* 1 FETCH (UID 1 ${whole})\r\n` } : undefined;
    await play(client, 'C: RETR 1\nS: -ERR [SYS/TEMP] …\nC: NOOP\nS: +OK');
  });

  it.each([
    ['UIDVALIDITY', '* 1 EXISTS\r\n'],
    ['EXISTS', '* OK [UIDVALIDITY 7] valid\r\n'],
  ])('lacks %s: the login is refused, as no message would have a name that lasts', async (_, untagged) => {
    exchange.stage = ({ text }) => (text.startsWith('SELECT') ? { untagged } : undefined);
    const client = connect({ port, host: '127.0.0.1' });
    clients.push(client);
    await play(client, login.replace(/S: \+OK …$/, 'S: -ERR [SYS/TEMP] …'));
  });
});

describe('TOP', () => {
  const octetsFetched = () =>
    exchange.bodyFetches.reduce((sum, text) => sum + Number(/<\d+\.(\d+)>/.exec(text)?.[1]), 0);

  it('reads the header of a large message and hardly more', async () => {
    put(`Subject: one\r\n\r\n${line.repeat((5 * mebibyte) / 64)}`);
    const client = await logIn();
    await play(client, 'C: TOP 1 0\nS: +OK\nS: Subject: one\nS:\nS: .');
    expect(octetsFetched()).toBeLessThanOrEqual(32 * 1024);
  });

  it('reads as much more as its lines need', async () => {
    const top = `Subject: one\r\n\r\n${line.repeat(3_000)}`;
    put(`${top}${line.repeat((5 * mebibyte) / 64)}`);
    const said = await sayAndRead(await logIn(), 'TOP 1 3000', 'QUIT');
    expect(said === `+OK\r\n${top}.\r\n+OK The server is signing off.\r\n`).toBe(true);
    expect(octetsFetched()).toBeLessThan(3 * top.length);
  });

  it('takes any number of lines', async () => {
    put('Subject: one\r\n\r\nx\r\n');
    const whole = 'S: +OK\nS: Subject: one\nS:\nS: x\nS: .\n';
    const client = await logIn();
    for (const lines of ['2147483647', '9'.repeat(25), '0'.repeat(30) + 1, '9'.repeat(400)]) {
      await play(client, `C: TOP 1 ${lines}\n${whole}`);
    }
    await play(client, `C: RETR ${'9'.repeat(25)}\nS: -ERR There is no such message.\nC: TOP 1 -1\nS: -ERR …`);
  });
});

describe('QUIT at a server without UIDPLUS', () => {
  it('removes nothing, as an EXPUNGE would take along what other programs have marked', async () => {
    exchange.capabilities = 'IMAP4rev1 SASL-IR AUTH=XOAUTH2';
    put('Subject: ours\r\n\r\n', 'Subject: marked by somebody else\r\n\r\n');
    exchange.deleted.add(2);
    const client = await logIn();
    await play(
      client,
      `C: DELE 1
       S: +OK
       C: QUIT
       S: -ERR [SYS/TEMP] The deleted messages could not all be removed.
       S: <end>`,
    );
    expect([...exchange.messages.keys()]).toEqual([1, 2]);
    expect(exchange.received.filter((text) => /EXPUNGE|STORE|CLOSE/.test(text))).toEqual([]);
  });

  it('removes what was deleted, and nothing else, where there is UIDPLUS', async () => {
    put('Subject: ours\r\n\r\n', 'Subject: marked by somebody else\r\n\r\n');
    exchange.deleted.add(2);
    await play(await logIn(), 'C: DELE 1\nC: QUIT\nS: +OK\nS: +OK …\nS: <end>');
    expect([...exchange.messages.keys()]).toEqual([2]);
  });
});

describe('a client that leaves while the server is silent', () => {
  const silentAt = (command: string) => {
    exchange.stage = ({ text }) => (text.startsWith(command) ? 'silence' : undefined);
  };
  const nothingLeft = () => expect.poll(() => exchange.sockets.size, { timeout: 10_000 }).toBe(0);

  it.each([
    ['a message', 'RETR 1', 'UID FETCH'],
    ['a header', 'TOP 1 0', 'UID FETCH'],
  ])('waiting for %s: nothing is asked any more, and the mailbox is free', async (_, command, at) => {
    put('Subject: one\r\n\r\n');
    const client = await logIn();
    silentAt(at);
    client.write(`${command}\r\n`);
    await expect.poll(() => exchange.bodyFetches.length).toBe(1);
    client.resetAndDestroy();
    await nothingLeft();
    exchange.stage = () => undefined;
    await play(await logIn(), 'C: STAT\nS: +OK 1 16');
  });

  it.each(['SELECT', 'FETCH', 'AUTHENTICATE'])('waiting for the login, at %s', async (at) => {
    put('Subject: one\r\n\r\n');
    silentAt(at);
    const client = connect({ port, host: '127.0.0.1' }).on('error', () => {});
    clients.push(client);
    await play(client, login.replace(/\n[^\n]*$/, ''));
    await expect.poll(() => exchange.received.some((text) => text.startsWith(at))).toBe(true);
    client.resetAndDestroy();
    await nothingLeft();
    exchange.stage = () => undefined;
    await logIn();
  });

  it('and has only ended its side: the next one who logs in gets the mailbox at once', async () => {
    put('Subject: one\r\n\r\n');
    const client = await logIn();
    silentAt('UID FETCH');
    client.end('RETR 1\r\n');
    await expect.poll(() => exchange.bodyFetches.length).toBe(1);
    exchange.stage = () => undefined;
    await play(await logIn(), 'C: STAT\nS: +OK 1 16\nC: QUIT\nS: +OK …\nS: <end>');
    await nothingLeft();
  });

  it('is answered if it has only ended its side and the server speaks again', async () => {
    put('Subject: one\r\n\r\n');
    const client = await logIn();
    let answer = (): void => {};
    exchange.stage = ({ text, socket }) => {
      if (!text.startsWith('UID FETCH') || !text.includes('BODY')) return undefined;
      const tag = exchange.lastTag;
      answer = () => socket.write(`* 1 FETCH (UID 1 BODY[]<0> "X: y")\r\n${tag} OK done\r\n`);
      return 'silence';
    };
    const said = sayAndRead(client, 'DELE 1', 'RSET', 'RETR 1', 'QUIT');
    client.end();
    await expect.poll(() => exchange.bodyFetches.length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    answer();
    expect(await said).toBe('+OK\r\n+OK\r\n+OK\r\nX: y\r\n.\r\n+OK The server is signing off.\r\n');
  });

  it('after QUIT: what it has deleted is removed all the same', async () => {
    put('Subject: one\r\n\r\n', 'Subject: two\r\n\r\n');
    const client = await logIn();
    let goOn = (): void => {};
    exchange.stage = ({ text, socket }) => {
      if (!text.includes('STORE')) return undefined;
      exchange.deleted.add(1);
      const tag = exchange.lastTag;
      goOn = () => socket.write(`${tag} OK done\r\n`);
      return 'silence';
    };
    client.write('DELE 1\r\nQUIT\r\n');
    await expect.poll(() => exchange.deleted.size).toBe(1);
    client.resetAndDestroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    goOn();
    await expect.poll(() => [...exchange.messages.keys()]).toEqual([2]);
    await nothingLeft();
  });
});
