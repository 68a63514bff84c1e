import type { Duplex } from 'node:stream';
import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { servePop3 } from '../../src/pop3/serve.ts';
import { dotStuffed } from '../../src/pop3/wire/dot-stuffing.ts';
import { MailboxDirectory } from '../../src/simulator/mailboxes/mailbox-directory.ts';
import { playAgainst } from '../support/transcript.ts';

const limits = { loginTimeoutMs: 10_000, idleTimeoutMs: 10_000, maxLineBytes: 2_000, maxFailedLogins: 3 };
const alice = 'alice@contoso.example';

let directory: MailboxDirectory;

function serve(socket: Duplex): Promise<void> {
  const session = {
    capabilities: () => ['UIDL'],
    mechanisms: () => ['PLAIN'] as const,
    takesInitialResponse: () => true,
    authenticate: async () => ({ kind: 'store', store: directory.openStore(alice) }) as const,
    closed: () => {},
  };
  return servePop3(socket, { greeting: 'ready', secure: false, session, limits, log: silentLog });
}

const login = `
  S: +OK ready
  C: AUTH PLAIN AGEAYg==
  S: +OK …`;

async function session(script: string): Promise<void> {
  await playAgainst(serve, login + script);
}

beforeEach(() => {
  directory = new MailboxDirectory([alice]);
  directory.deliver(alice, 'INBOX', Buffer.from('Subject: one\r\n\r\nfirst\r\n.hidden\r\n.\r\nlast\r\n'));
  directory.deliver(alice, 'INBOX', Buffer.from('Subject: two\r\n\r\nno line end'));
});

it('nobody logs in twice, nor turns TLS on behind a login', async () => {
  await session(`
    C: USER c
    S: -ERR Command is not valid in this state.
    C: PASS d
    S: -ERR Command is not valid in this state.
    C: AUTH PLAIN AGMAZA==
    S: -ERR Command is not valid in this state.
    C: STLS
    S: -ERR Command is not valid in this state.
    C: STAT
    S: +OK 2 68`);
});

describe('a mailbox read by POP3', () => {
  it('lists and identifies its messages', async () => {
    const uidl = directory.openStore(alice);
    const { uidValidity } = await uidl.status('INBOX');
    await session(`
      C: STAT
      S: +OK 2 68
      C: LIST
      S: +OK 2 68
      S: 1 41
      S: 2 27
      S: .
      C: LIST 2
      S: +OK 2 27
      C: UIDL
      S: +OK
      S: 1 ${uidValidity}.1
      S: 2 ${uidValidity}.2
      S: .
      C: UIDL 2
      S: +OK 2 ${uidValidity}.2
      C: LIST 3
      S: -ERR There is no such message.
      C: LIST x
      S: -ERR A message number is needed.`);
  });

  it('gives messages with their dots stuffed and their last line ended', async () => {
    await session(`
      C: RETR 1
      S: +OK 41 octets
      S: Subject: one
      S:
      S: first
      S: ..hidden
      S: ..
      S: last
      S: .
      C: RETR 2
      S: +OK 27 octets
      S: Subject: two
      S:
      S: no line end
      S: .`);
  });

  it('gives the top of a message', async () => {
    await session(`
      C: TOP 1 2
      S: +OK
      S: Subject: one
      S:
      S: first
      S: ..hidden
      S: .
      C: TOP 1 0
      S: +OK
      S: Subject: one
      S:
      S: .
      C: TOP 1 100
      S: +OK
      S: Subject: one
      S:
      S: first
      S: ..hidden
      S: ..
      S: last
      S: .
      C: TOP 1
      S: -ERR …`);
  });

  it('deletes at QUIT alone', async () => {
    await session(`
      C: DELE 1
      S: +OK
      C: DELE 1
      S: -ERR The message is deleted.
      C: RETR 1
      S: -ERR The message is deleted.
      C: STAT
      S: +OK 1 27
      C: NOOP
      S: +OK`);
    expect(directory.messages(alice, 'INBOX')).toHaveLength(2);
    await session(`
      C: DELE 1
      S: +OK
      C: RSET
      S: +OK
      C: DELE 2
      S: +OK
      C: QUIT
      S: +OK …
      S: <end>`);
    expect(directory.messages(alice, 'INBOX').map(({ uid }) => uid)).toEqual([1]);
  });

  it('says so when a deletion did not happen', async () => {
    const [client, server] = (await import('node:stream')).duplexPair();
    const served = serve(server);
    const { play } = await import('../support/transcript.ts');
    await play(client, `${login}\nC: DELE 1\nS: +OK`);
    const folder = await directory.openStore(alice).open('INBOX', { readOnly: false });
    await folder.remove([1]);
    await play(client, 'C: QUIT\nS: -ERR [SYS/TEMP] 1 of 1 deleted messages could not be removed.\nS: <end>');
    client.destroy();
    await served;
  });
});

describe('dot stuffing', () => {
  async function stuffed(...chunks: string[]): Promise<string> {
    const parts: Buffer[] = [];
    for await (const part of dotStuffed(Readable.from(chunks.map((chunk) => Buffer.from(chunk))))) parts.push(part);
    return Buffer.concat(parts).toString();
  }

  it('is the same however the message is cut', async () => {
    const message = '.a\r\n..b\nc\r\n.\r\n\n.\r\nd.\r\n';
    const whole = await stuffed(message);
    expect(whole).toBe('..a\r\n...b\r\nc\r\n..\r\n\r\n..\r\nd.\r\n.\r\n');
    for (let at = 1; at < message.length; at++) {
      expect(await stuffed(message.slice(0, at), message.slice(at))).toBe(whole);
    }
    expect(await stuffed(...message)).toBe(whole);
  });

  it('ends a message that has no end of its own', async () => {
    expect(await stuffed('')).toBe('.\r\n');
    expect(await stuffed('a')).toBe('a\r\n.\r\n');
    expect(await stuffed('a\r')).toBe('a\r\n.\r\n');
  });
});
