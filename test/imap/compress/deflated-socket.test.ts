import { randomBytes } from 'node:crypto';
import { duplexPair } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { constants, createDeflateRaw, createInflateRaw, deflateRawSync } from 'node:zlib';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { DeflatedSocket } from '../../../src/imap/compress/deflated-socket.ts';
import { MailboxDirectory } from '../../../src/simulator/mailboxes/mailbox-directory.ts';
import { serveEngine } from '../../support/imap-engine.ts';
import { play } from '../../support/transcript.ts';

let directory: MailboxDirectory;

beforeEach(() => {
  directory = new MailboxDirectory(['a']);
});

/** A client that has logged in and turned on DEFLATE, and its own end of it. */
async function compressed() {
  const [client, server] = duplexPair();
  client.on('error', () => {});
  const served = serveEngine(server, () => directory.openStore('a'));
  await play(
    client,
    `S: * OK ready
     C: a LOGIN a b
     S: a OK [CAPABILITY … COMPRESS=DEFLATE …] …
     C: b COMPRESS LZW
     S: b BAD …
     C: c COMPRESS DEFLATE
     S: c OK …`,
  );
  const inside = new DeflatedSocket(client, Buffer.alloc(0));
  inside.on('error', () => {});
  return { client, inside, served, server };
}

describe('a connection in DEFLATE', () => {
  it('goes on as before, in both directions', async () => {
    const { inside, served } = await compressed();
    const large = 'x'.repeat(300_000);
    await play(
      inside,
      `C: 1 CAPABILITY
       S: * CAPABILITY IMAP4rev1 … BINARY UTF8=ACCEPT CREATE-SPECIAL-USE …
       S: 1 OK …
       C: 2 COMPRESS DEFLATE
       S: 2 NO [COMPRESSIONACTIVE] …
       C: 3 APPEND INBOX {300014+}
       C: Subject: x\\r\\n\\r\\n${large}
       S: 3 OK [APPENDUID …] …
       C: 4 EXAMINE INBOX
       S: * 1 EXISTS
       S: * 1 RECENT
       S: * FLAGS …
       S: * OK [PERMANENTFLAGS …
       S: * OK [UNSEEN 1] …
       S: * OK [UIDVALIDITY …
       S: * OK [UIDNEXT …
       S: * OK [HIGHESTMODSEQ …
       S: * OK [MAILBOXID …
       S: 4 OK …
       C: 5 FETCH 1 BODY[TEXT]
       S: * 1 FETCH (BODY[TEXT] {300000}
       S: xxx…xxx)
       S: 5 OK …
       C: 6 LOGOUT
       S: * BYE …
       S: 6 OK …
       S: <end>`,
    );
    expect(directory.messages('a', 'INBOX')[0]?.content).toHaveLength(300_014);
    inside.destroy();
    await served;
  });

  it('ends where what comes is no DEFLATE', async () => {
    const { client, inside, served, server } = await compressed();
    client.write(Buffer.alloc(100, 0xff));
    await served;
    inside.destroy();
    server.destroy();
  });

  it('does not swell: a line of 64 MiB is refused, and little of it is ever inflated', async () => {
    const { client, inside, served } = await compressed();
    const bomb = deflateRawSync(Buffer.alloc(64 * 1024 * 1024, 0x61));
    const before = process.memoryUsage().arrayBuffers;
    const said: Buffer[] = [];
    inside.on('data', (chunk: Buffer) => said.push(chunk));
    const ended = new Promise((resolve) => inside.once('end', resolve));
    client.write(bomb);
    await Promise.all([served, ended]);
    expect(Buffer.concat(said).toString()).toContain('The command line is too long.');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
    inside.destroy();
  });

  it('makes who writes wait for who does not read', async () => {
    const [near, far] = duplexPair();
    const socket = new DeflatedSocket(near, Buffer.alloc(0));
    let taken = 0;
    const random = randomBytes(64 * 1024);
    for (let count = 0; count < 64; count++) socket.write(random, () => taken++);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(taken).toBeLessThan(64);
    far.resume();
    await new Promise<void>((resolve) => socket.end(resolve));
    expect(taken).toBe(64);
    far.destroy();
    near.destroy();
  });

  it('takes what was sent before the switch, and what other programs deflate', async () => {
    const [near, far] = duplexPair();
    const deflate = createDeflateRaw({ flush: constants.Z_SYNC_FLUSH });
    const inflate = createInflateRaw();
    const first = new Promise<Buffer>((resolve) => deflate.once('data', resolve));
    deflate.write('hello ');
    const socket = new DeflatedSocket(near, await first);
    deflate.pipe(far).pipe(inflate);
    deflate.write('world');
    let text = '';
    for await (const chunk of socket) {
      text += chunk;
      if (text.length === 11) break;
    }
    expect(text).toBe('hello world');
    far.destroy();
    near.destroy();
  });
});

it('inflates no more than is read', async () => {
  const [client, server] = duplexPair();
  const inflated = new DeflatedSocket(server, Buffer.alloc(0));
  client.write(deflateRawSync(Buffer.alloc(50_000_000)));
  inflated.once('readable', () => inflated.read(10));
  await pause(500);
  expect(inflated.readableLength).toBeLessThan(200_000);
  let length = 10;
  inflated.on('data', (chunk: Buffer) => {
    length += chunk.length;
  });
  await vi.waitFor(() => expect(length).toBe(50_000_000), 10_000);
  inflated.destroy();
});
