import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { openImapUpstream } from '../../src/exchange/reading/imap.ts';
import { openPop3Upstream } from '../../src/exchange/reading/pop3.ts';
import { duesOf } from '../../src/reading/dues.ts';
import { type JoinWaits, join } from '../../src/reading/join.ts';
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

/** A client and an upstream; the test holds the far end of each. */
async function joined(waits: Partial<JoinWaits> = {}, protocol: 'imap' | 'pop3' = 'imap') {
  const [client, near] = await socketPair();
  const [upstream, there] = await socketPair();
  const unread = Buffer.alloc(0);
  const result = join(
    { socket: near, unread },
    { socket: upstream, unread },
    {
      idleTimeoutMs: 60_000,
      dues: duesOf(protocol),
      waits: { ...patient, ...waits },
    },
  );
  return { client, there, result };
}

/**
 * The simulated Exchange, behind a server that, as many do, closes the whole connection when the client closes its
 * side.
 */
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

/** Reads until `what` matches. */
async function sees(from: Duplex, what: RegExp): Promise<void> {
  let seen = '';
  while (!what.test(seen)) seen += String((await once(from, 'data'))[0]);
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
  const message = `* 1 FETCH (BODY[] {700}\r\n${'x'.repeat(698)}\r\n)\r\nc OK [X] Fetch completed.\r\n`;

  it.each([
    ['imap', 'having asked for nothing', []],
    ['imap', 'its last command being answered', ['a NOOP\r\nb NOOP\r\n', '* 1 EXISTS\r\na OK done\r\nb NO no\r\n']],
    ['imap', 'a command being answered that came in pieces', ['c NO', '', 'OP\r', '', '\n', 'c O', '', 'K done\r\n']],
    ['imap', 'having read a message', ['c FETCH 1 BODY[]\r\n', message]],
    ['imap', 'having asked in a long line', [`c SEARCH ${'x'.repeat(500)}\r\n`, '* SEARCH\r\nc OK\r\n']],
    ['imap', 'having appended', ['c APPEND a {4}\r\n', '+ go\r\n', 'a b\n\r\n', 'c OK done\r\n']],
    ['imap', 'while it idles', ['c IDLE\r\n', '+ idling\r\n']],
    ['imap', 'while it idles and has been told news', ['c IDLE\r\n', '+ idling\r\n', '', '* 5 EXISTS\r\n']],
    ['imap', 'having idled', ['c IDLE\r\n', '+ idling\r\n', 'DONE\r\n', 'c OK Idle completed.\r\n']],
    ['pop3', 'having asked for nothing', []],
    ['pop3', 'having asked how much there is', ['STAT\r\n', '+OK 2 320\r\n']],
    [
      'pop3',
      'having read the list and a message',
      ['LIST\r\n', '+OK\r\n1 9\r\n.\r\n', 'RETR 1\r\n', '+OK\r\na\r\n', '', '.\r\n'],
    ],
    ['pop3', 'having asked for a message that is not there', ['RETR 9\r\n', '-ERR no\r\n']],
    ['pop3', 'having deleted', ['DELE ', '', '1\r\n', '+OK\r\n', 'DELE 2\r\n', '+OK\r\n']],
  ] as const)('ends the upstream at once (%s, %s)', async (protocol, _, turns) => {
    const { client, there, result } = await joined({ lingerMs: 300 }, protocol);
    for (const [at, said] of turns.entries()) {
      const [from, to] = at % 2 === 0 ? [client, there] : [there, client];
      if (said === '') continue;
      const arrived = once(to, 'data');
      from.write(said);
      await arrived;
    }
    client.end();
    there.resume();
    await once(there, 'end');
    there.end();
    expect(await result).toMatchObject({ endedBy: 'client' });
  });

  it('and whose answer comes later ends the upstream then', async () => {
    const { client, there, result } = await joined();
    client.end('c NOOP\r\n');
    await once(there, 'data');
    there.write('c OK\r\n');
    await once(there, 'end');
    there.end();
    expect((await all(client)).toString()).toBe('c OK\r\n');
    expect(await result).toMatchObject({ endedBy: 'client' });
  });

  it.each([
    ['imap', ['a NOOP\r\nb FETCH\r\n'], 'a OK done\r\n'],
    ['imap', ['b FETCH\r\n'], '* 1 FETCH (BODY[] {7}\r\n'],
    ['imap', ['b FETCH\r\n'], 'b OK do'],
    ['imap', ['ETCH\r\n'], 'a OK done\r\n'],
    ['imap', ['b NOOP\r\n', 'c APPEND a {5+}\r\nhello\r\n'], 'b OK done\r\n'],
    ['imap', ['b NOO'], 'b OK done\r\n'],
    ['imap', ['DONE\r\n'], '* 1 EXISTS\r\n'],
    ['pop3', ['DELE 1\r\nDELE 2\r\n'], '+OK\r\n'],
    ['pop3', ['DELE 1\r\n', 'DELE 2\r\n'], '+OK\r\n'],
    ['pop3', ['RETR 1\r\n'], '+OK\r\n'],
    ['pop3', ['RETR 1\r\n'], '+OK\r\n-ERR in a message\r\n'],
    ['pop3', ['XTND\r\n'], '+OK\r\n'],
    ['pop3', ['RETR 1\r\n'], '+OK\r\na\r\n.'],
  ] as const)('is not taken for answered (%s) after %j and %j', (protocol, asked, said) => {
    const dues = duesOf(protocol);
    for (const line of asked) dues.asked(Buffer.from(line));
    dues.said(Buffer.from(said));
    expect(dues.areSettled()).toBe(false);
  });

  it.each(['imap', 'pop3'] as const)('frees its place upstream at once (%s)', async (protocol) => {
    const bridge = await startBridge();
    const [near, far] = await socketPair();
    const { port } = await bridge.listen(protocol, {
      security: 'none',
      openUpstream: async () => ({ socket: near, greeting: '', capabilities: undefined, unread: Buffer.alloc(0) }),
      maxConnectionsPerAccount: 1,
    });
    far.once('end', () => far.end()).on('data', () => far.write({ imap: 'b OK\r\n', pop3: '+OK 1 9\r\n' }[protocol]));
    const client = connect(port, '127.0.0.1');
    const login = {
      imap: `a LOGIN scanner "${password.replace(/["\\]/g, '\\$&')}"\r\n`,
      pop3: `USER scanner\r\nPASS ${password}\r\n`,
    };
    client.write(login[protocol]);
    await sees(client, { imap: /^a OK/m, pop3: /(?:^\+OK.*\r\n){3}/m }[protocol]);
    client.write({ imap: 'b NOOP\r\n', pop3: 'STAT\r\n' }[protocol]);
    await sees(client, /^(?:b OK|\+OK 1 9)\r$/m);
    const left = once(far, 'end', { signal: AbortSignal.timeout(8_000) });
    client.destroy();
    // Without knowing that nothing is due, 10 s.
    await left;
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
