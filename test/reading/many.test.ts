import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryOpenFolder } from '../../src/simulator/mailboxes/memory-open-folder.ts';
import { alice, password, ReadBridge } from '../support/read-bridge.ts';
import { play } from '../support/transcript.ts';

/** The fuller run asks for more: see .ci/run. */
const idleSessions = Number(process.env.IDLE_SESSIONS ?? 300);
const logins = Number(process.env.LOGINS ?? 500);
const maildropMessages = Number(process.env.MAILDROP_MESSAGES ?? 3000);
const patienceMs = 300_000;

let bridge: ReadBridge;

beforeEach(async () => {
  bridge = await ReadBridge.start();
});

afterEach(() => bridge.close());

const quoted = `"${password.replace(/["\\]/g, '\\$&')}"`;
const imapLogin = `S: * OK …\nC: a LOGIN scanner ${quoted}\nS: a OK …`;
const pop3Login = `S: +OK …\nC: USER scanner\nC: PASS ${password}\nS: +OK\nS: +OK …`;

async function client(port: number, script: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' }).on('error', () => {});
  await play(socket, script);
  return socket;
}

async function inGroups<T>(count: number, atOnce: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  while (made.length < count) {
    const start = made.length;
    made.push(...(await Promise.all(Array.from({ length: atOnce }, (_, index) => make(start + index)))));
  }
  return made;
}

/** The open sockets of this process: clients', the bridge's and Exchange's. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap' || name === 'TLSWrap').length;
}

describe('many sessions', () => {
  it(
    `${idleSessions} that idle are all ended when Exchange goes away, and nothing stays open`,
    async () => {
      const before = openSockets();
      const { port } = await bridge.listen('imap', { maxConnectionsPerAccount: idleSessions });
      const sockets = await inGroups(idleSessions, 25, () =>
        client(port, `${imapLogin}\nC: b SELECT INBOX\nC: c IDLE\nS: * …`),
      );
      expect(openSockets() - before).toBeGreaterThanOrEqual(idleSessions * 4);
      const ended = Promise.all(sockets.map((socket) => once(socket.resume(), 'close')));
      bridge.cutExchange();
      await ended;
      await expect.poll(openSockets).toBe(before);
      await client(port, imapLogin).then((socket) => socket.destroy());
    },
    patienceMs,
  );

  it(
    `${logins} logins, ended in every way, leave no socket open and give every place back`,
    async () => {
      const before = openSockets();
      const { port } = await bridge.listen('imap', { maxConnectionsPerAccount: 40 });
      const endings = [
        async (socket: Socket) => play(socket, 'C: z LOGOUT\nS: * BYE …\nS: z OK …\nS: <end>'),
        async (socket: Socket) => void socket.end(),
        async (socket: Socket) => void socket.destroy(),
        async (socket: Socket) => void socket.resetAndDestroy(),
      ];
      await inGroups(logins, 20, async (index) => {
        const socket = await client(port, imapLogin);
        await endings[index % endings.length]?.(socket.resume());
        if (!socket.closed) await once(socket, 'close');
      });
      await expect.poll(openSockets).toBe(before);
    },
    patienceMs,
  );
});

describe('news from Exchange', () => {
  it('reach a client that idles', async () => {
    bridge.directory.deliver(alice, 'INBOX', Buffer.from('Subject: one\r\n\r\n'));
    const { port } = await bridge.listen('imap');
    const socket = await client(
      port,
      `${imapLogin}
       C: b EXAMINE INBOX
       S: * 1 EXISTS
       S: * … RECENT
       S: * FLAGS …
       S: * OK …
       S: * OK …
       S: * OK …
       S: * OK …
       S: b OK …
       C: c IDLE
       S: + IDLE accepted, awaiting DONE command.`,
    );
    bridge.directory.deliver(alice, 'INBOX', Buffer.from('Subject: two\r\n\r\n'));
    await play(socket, 'S: * 2 EXISTS');
    const other = await client(
      port,
      `${imapLogin}
       C: b SELECT INBOX
       C: c STORE 1 +FLAGS.SILENT (\\Flagged \\Deleted)
       C: d EXPUNGE
       S: * 2 EXISTS`,
    );
    await play(
      socket,
      'S: * 1 FETCH (FLAGS (\\Flagged \\Deleted \\Recent))\nS: * 1 EXPUNGE\nC: DONE\nS: c OK IDLE completed.',
    );
    socket.destroy();
    other.destroy();
  });
});

describe('POP3 translated over IMAP', () => {
  it(
    `lists ${maildropMessages} messages and keeps their names`,
    async () => {
      for (let count = 1; count <= maildropMessages; count++) {
        bridge.directory.deliver(alice, 'INBOX', Buffer.from(`Subject: ${count}\r\n\r\n`));
      }
      const { port } = await bridge.listen('pop3', { read: 'imap' });
      const octets = bridge.directory.messages(alice, 'INBOX').reduce((sum, { content }) => sum + content.length, 0);
      const socket = await client(port, `${pop3Login}\nC: STAT\nS: +OK ${maildropMessages} ${octets}`);
      const uidl = Array.from({ length: maildropMessages }, (_, index) => `S: ${index + 1} ….${index + 1}`).join('\n');
      await play(socket, `C: UIDL\nS: +OK\n${uidl}\nS: .\nC: QUIT\nS: +OK …\nS: <end>`);
      socket.destroy();
    },
    patienceMs,
  );

  it('has a message stream by', async () => {
    const size = 60_000_000;
    bridge.directory.deliver(alice, 'INBOX', Buffer.alloc(size, `${'x'.repeat(76)}\r\n`));
    const { port } = await bridge.listen('pop3', { read: 'imap' });
    const socket = await client(port, pop3Login);
    const pieces = vi.spyOn(MemoryOpenFolder.prototype, 'content');
    socket.pause();
    socket.write('RETR 1\r\n');
    let asked = -1;
    while (asked < pieces.mock.calls.length) {
      asked = pieces.mock.calls.length;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    // The client reads nothing: the data in transit fits into the buffers of its connection.
    expect(asked).toBeLessThan(30);
    pieces.mockRestore();
    let received = 0;
    for await (const chunk of socket) {
      received += (chunk as Buffer).length;
      if ((chunk as Buffer).subarray(-5).toString() === '\r\n.\r\n') break;
    }
    expect(received).toBeGreaterThan(size);
  });

  it('says what it cannot do, and what size a message has once it knows', async () => {
    bridge.directory.sizes.estimated = true;
    const content = `Subject: one\r\n\r\n${'x'.repeat(500)}\r\n`;
    bridge.directory.deliver(alice, 'INBOX', Buffer.from(content));
    const { port } = await bridge.listen('pop3', { read: 'imap' });
    const greeting = 'S: +OK …\nC: UTF8\nS: -ERR UTF8 is not supported. Messages are sent as they were received.';
    const login = pop3Login.slice(pop3Login.indexOf('\n') + 1);
    const message = content
      .split('\r\n')
      .map((line) => `S: ${line}`.trimEnd())
      .slice(0, -1)
      .join('\n');
    const first = await client(
      port,
      `${greeting}\n${login}\nC: STAT\nS: +OK 1 529\nC: RETR 1\nS: +OK\n${message}\nS: .\nC: QUIT\nS: +OK …\nS: <end>`,
    );
    first.destroy();
    const second = await client(
      port,
      `${pop3Login}\nC: STAT\nS: +OK 1 ${content.length}\nC: RETR 1\nS: +OK ${content.length} octets\n${message}\nS: .`,
    );
    second.destroy();
  });
});
