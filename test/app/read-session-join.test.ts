import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { isAnswered } from '../../src/app/read-session-ending.ts';
import { type JoinWaits, join } from '../../src/app/read-session-join.ts';
import { openImapUpstream } from '../../src/exchange/imap-upstream.ts';
import { openPop3Upstream } from '../../src/exchange/pop3-upstream.ts';
import { alice, password, ReadBridge } from '../support/read-bridge.ts';

const mail = Buffer.from(`${'x'.repeat(78)}\r\n`.repeat(250_000));

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function startBridge(): Promise<ReadBridge> {
  const bridge = await ReadBridge.start();
  ends.push(() => bridge.close());
  bridge.directory.deliver(alice, 'INBOX', mail);
  return bridge;
}

/** The two ends of a connection. */
async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const { port } = server.address() as { port: number };
  const near = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [far] = await accepted;
  server.close();
  for (const socket of [near, far]) {
    socket.on('error', () => {});
    ends.push(() => socket.destroy());
  }
  return [near, far];
}

const patient: JoinWaits = { answeredMs: 60_000, unansweredMs: 60_000, stalledMs: 60_000, lingerMs: 60_000 };

/** A client and an upstream, each with its far end in the hands of the test. */
async function joined(waits: Partial<JoinWaits> = {}) {
  const [client, near] = await socketPair();
  const [upstream, there] = await socketPair();
  const unread = Buffer.alloc(0);
  const result = join(
    { socket: near, unread },
    { socket: upstream, unread },
    {
      idleTimeoutMs: 60_000,
      isAnswered,
      waits: { ...patient, ...waits },
    },
  );
  return { client, there, result };
}

/** The simulated Exchange, behind something that takes the end of the client's side for the end of all, as servers do. */
async function endingAtHalfClose(bridge: ReadBridge, protocol: 'imap' | 'pop3') {
  return async (signal: AbortSignal) => {
    const open = protocol === 'imap' ? openImapUpstream : openPop3Upstream;
    const upstream = await open({
      ...bridge.imap,
      port: bridge.port(protocol),
      ca: bridge.ca,
      mailbox: alice,
      getToken: async () => 'good',
      connectTimeoutMs: 10_000,
      signal,
    });
    const [near, far] = await socketPair();
    far.on('end', () => far.destroy());
    pipeline(far, upstream.socket, far).catch(() => {});
    return { ...upstream, socket: near };
  };
}

async function all(from: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of from) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('a client that ends its side after its last command', () => {
  const imap = `a LOGIN scanner "${password.replace(/["\\]/g, '\\$&')}"\r\nb SELECT INBOX\r\nc FETCH 1 BODY.PEEK[]\r\nd LOGOUT\r\n`;
  const pop3 = `USER scanner\r\nPASS ${password}\r\nRETR 1\r\nQUIT\r\n`;

  it.each([
    ['imap', 'none', imap, 'd OK'],
    ['imap', 'tls', imap, 'd OK'],
    ['pop3', 'none', pop3, '.\r\n+OK'],
    ['pop3', 'tls', pop3, '.\r\n+OK'],
  ] as const)('gets 20 MB and the answer to its last command (%s, TLS: %s)', async (protocol, security, said, last) => {
    const bridge = await startBridge();
    const exchange = await endingAtHalfClose(bridge, protocol);
    const { port } = await bridge.listen(protocol, { security, allowInsecureAuth: true, openUpstream: exchange });
    const where = { port, host: 'localhost', allowHalfOpen: true };
    const client = security === 'tls' ? connectTls({ ...where, ca: bridge.ca }) : connect(where);
    client.end(said);
    const answers = await all(client);
    expect(answers.includes(mail)).toBe(true);
    expect(answers.subarray(-100).includes(last)).toBe(true);
  });

  it('gets everything however slowly it reads', async () => {
    const { client, there, result } = await joined({ answeredMs: 500 });
    client.end('c FETCH\r\n');
    await once(there, 'data');
    there.write(mail);
    let received = 0;
    for await (const chunk of client) {
      received += (chunk as Buffer).length;
      if (received > mail.length / 2 && received - (chunk as Buffer).length <= mail.length / 2) {
        await new Promise((resolve) => setTimeout(resolve, 2_000));
      }
      if (received === mail.length) there.end();
    }
    expect(received).toBe(mail.length);
    expect(await result).toMatchObject({ toClientBytes: mail.length });
  });

  it('is waited for while the upstream has not begun to answer', async () => {
    const { client, there } = await joined({ answeredMs: 300 });
    let ended = false;
    there.on('end', () => {
      ended = true;
    });
    client.end('c SEARCH\r\n');
    await once(there, 'data');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(ended).toBe(false);
    there.end('* SEARCH\r\nc OK\r\n');
    expect((await all(client)).toString()).toBe('* SEARCH\r\nc OK\r\n');
  });

  it('and stays: the upstream is told once it has been silent, and the connection ends', async () => {
    const { client, there, result } = await joined({ answeredMs: 300, lingerMs: 300 });
    client.end('c NOOP\r\n');
    await once(there, 'data');
    there.write('c OK\r\n');
    await once(there, 'end');
    expect(await result).toMatchObject({ endedBy: 'client', toClientBytes: 6 });
    await all(client);
  });

  it('and whom the upstream does not answer: the connection ends all the same', async () => {
    const { client, there, result } = await joined({ unansweredMs: 300, lingerMs: 300 });
    client.end('c NOOP\r\n');
    there.resume();
    expect(await result).toMatchObject({ endedBy: 'client', toClientBytes: 0 });
  });

  it('and takes no answers any more: the connection ends', async () => {
    const { client, there, result } = await joined({ stalledMs: 300, lingerMs: 300 });
    client.pause();
    client.end('c FETCH\r\n');
    there.resume().write(Buffer.alloc(50_000_000));
    expect(await result).toMatchObject({ endedBy: 'client' });
  });
});

describe('a client that leaves without a word', () => {
  it.each([
    ['having asked for nothing', '', ''],
    ['its last command being answered', 'a SELECT INBOX\r\nb NOOP\r\n', '* 1 EXISTS\r\na OK done\r\nb NO not now\r\n'],
    ['while it idles', 'c IDLE\r\n', '+ idling\r\n'],
  ])('ends the upstream at once, %s', async (_, asked, said) => {
    const { client, there, result } = await joined({ lingerMs: 300 });
    if (asked !== '') {
      client.write(asked);
      await once(there, 'data');
      there.write(said);
      await once(client, 'data');
    }
    client.end();
    there.resume();
    await once(there, 'end');
    there.end();
    expect(await result).toMatchObject({ endedBy: 'client' });
  });

  it.each([
    ['a NOOP\r\nb FETCH\r\n', 'a OK done\r\n'],
    ['b FETCH\r\n', '* 1 FETCH (BODY[] {7}\r\n'],
    ['b FETCH\r\n', 'b OK do'],
    ['ETCH\r\n', 'a OK done\r\n'],
    ['DONE\r\n', '* 1 EXISTS\r\n'],
    ['QUIT\r\n', '+OK\r\n'],
    ['RETR 1\r\n', '.\r\n'],
  ])('is not taken for answered after %j and %j', (asked, said) => {
    expect(isAnswered(asked, Buffer.from(said))).toBe(false);
  });
});

describe('an upstream that ends', () => {
  it('has its last words taken however slowly', async () => {
    const { client, there, result } = await joined({ lingerMs: 300 });
    there.end(mail);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await all(client)).equals(mail)).toBe(true);
    client.end();
    expect(await result).toMatchObject({ endedBy: 'upstream' });
  });

  it('does not leave a client connected that takes everything and stays', async () => {
    const { client, there, result } = await joined({ lingerMs: 300 });
    there.end('* BYE\r\n');
    client.resume();
    expect(await result).toMatchObject({ endedBy: 'upstream', toClientBytes: 7 });
  });
});
