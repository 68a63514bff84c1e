import { spawn } from 'node:child_process';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImapFlow } from 'imapflow';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MailboxDirectory } from '../../src/simulator/mailboxes/mailbox-directory.ts';
import { listenEngine } from '../support/imap-engine.ts';

let directory: MailboxDirectory;
let server: Awaited<ReturnType<typeof listenEngine>>;

beforeEach(async () => {
  directory = new MailboxDirectory(['alice']);
  server = await listenEngine(() => directory.openStore('alice'));
  for (const subject of ['Grüße', 'second', 'Re: Grüße']) {
    const text = `From: Bob <bob@contoso.example>\r\nSubject: ${subject}\r\n\r\nbody of ${subject}\r\n`;
    directory.deliver('alice', 'INBOX', Buffer.from(text));
  }
});

afterEach(() => server.close());

/** Runs a program to its end. @returns what it printed */
async function run(command: string, parameters: readonly string[], input = ''): Promise<string> {
  const child = spawn(command, parameters, { stdio: ['pipe', 'pipe', 'pipe'] });
  const said: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => said.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  child.stdin.end(input);
  const code = await new Promise((resolve) => child.once('close', resolve));
  const text = Buffer.concat(said).toString();
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${text}`);
  return text;
}

function flow(): ImapFlow {
  const auth = { user: 'alice', pass: 'x' };
  return new ImapFlow({ host: '127.0.0.1', port: server.port, secure: false, auth, logger: false, qresync: true });
}

describe('imapflow', () => {
  it('uses DEFLATE, mod-sequences, special uses, ids and extended searches', async () => {
    const client = flow();
    await client.connect();
    expect([...client.enabled]).toEqual(expect.arrayContaining(['CONDSTORE', 'QRESYNC', 'UTF8=ACCEPT']));
    const folders = await client.list({ statusQuery: { messages: true, unseen: true } });
    expect(folders.find(({ path }) => path === 'Sent Items')).toMatchObject({ specialUse: '\\Sent', subscribed: true });
    expect(folders.find(({ path }) => path === 'INBOX')?.status).toMatchObject({ messages: 3, unseen: 3 });
    const box = await client.mailboxOpen('INBOX');
    expect(box).toMatchObject({ exists: 3, uidNext: 4, highestModseq: 4n });
    expect(box.mailboxId).toMatch(/^f/);
    await client.messageFlagsAdd('2', ['\\Seen', 'seen-by-hand']);
    expect((await client.fetchOne('2', { flags: true })) || undefined).toMatchObject({ modseq: 5n });
    const changed: number[] = [];
    for await (const { seq } of client.fetch('1:*', { uid: true, flags: true }, { changedSince: 4n }))
      changed.push(seq);
    expect(changed).toEqual([2]);
    expect(await client.search({ modseq: 5n })).toEqual([2]);
    expect(await client.search({ subject: 'Grüße' }, { uid: true })).toEqual([1, 3]);
    expect(await client.mailboxCreate('Größe/unten')).toMatchObject({ created: true, mailboxId: expect.any(String) });
    expect(await client.messageCopy('1:2', 'Größe/unten')).toMatchObject({
      uidMap: new Map([
        [1, 1],
        [2, 2],
      ]),
    });
    await client.messageDelete('1:2');
    expect(directory.messages('alice', 'INBOX').map(({ uid }) => uid)).toEqual([3]);
    await client.logout();
  });

  it('hears with QRESYNC what another session removes', async () => {
    const [client, other] = [flow(), flow()];
    await client.connect();
    await other.connect();
    const { uidValidity, highestModseq } = await client.mailboxOpen('INBOX');
    expect({ uidValidity, highestModseq }).toMatchObject({ highestModseq: 4n });
    const heard: unknown[] = [];
    client.on('expunge', (event) => heard.push(event));
    await other.mailboxOpen('INBOX');
    await other.messageDelete('1:2', { uid: true });
    await client.noop();
    expect(heard).toMatchObject([
      { uid: 1, vanished: true },
      { uid: 2, vanished: true },
    ]);
    await Promise.all([client.logout(), other.logout()]);
  });
});

const python = `
import imaplib, sys
m = imaplib.IMAP4('127.0.0.1', int(sys.argv[1]))
m.login('alice', 'x')
print(m.enable('UTF8=ACCEPT')[0])
print(m.list('""', '*')[1][0])
print(m.select('INBOX')[1])
print(m.sort('(REVERSE SUBJECT)', 'UTF-8', 'ALL')[1])
print(m.thread('REFERENCES', 'UTF-8', 'ALL')[1])
print(m.uid('SEARCH', 'SUBJECT', 'second')[1])
print(m.fetch('1', '(BODY.PEEK[HEADER.FIELDS (SUBJECT)])')[1][0][1])
print(m.append('Drafts', '', None, 'Subject: \\u00fc\\r\\n\\r\\nx\\r\\n'.encode())[0])
print(m.store('1', '+FLAGS', '(\\\\Deleted)')[0], m.expunge()[1])
print(m.status('INBOX', '(MESSAGES SIZE DELETED)')[1])
print(m.logout()[0])
`;

it('Python’s imaplib sorts, threads and appends in UTF-8', async () => {
  const said = (await run('python3', ['-', String(server.port)], python)).trim().split('\n');
  expect(said).toEqual([
    'OK',
    expect.stringContaining('INBOX'),
    "[b'3']",
    "[b'2 1 3']",
    "[b'(1 3)(2)']",
    "[b'2']",
    expect.stringContaining('Gr\\xc3\\xbc\\xc3\\x9fe'),
    'OK',
    "OK [b'1']",
    expect.stringMatching(/MESSAGES 2 SIZE \d+ DELETED 0/),
    'BYE',
  ]);
  expect(directory.messages('alice', 'Drafts')[0]?.content.toString()).toContain('ü');
});

it('mbsync fetches a mailbox, and what is new in it', async () => {
  const home = join(tmpdir(), `mbsync-${process.pid}`);
  const configuration = [
    ...['IMAPAccount a', 'Host 127.0.0.1', `Port ${server.port}`, 'User alice', 'Pass x', 'SSLType None', ''],
    ...['IMAPStore far', 'Account a', '', 'MaildirStore near', `Path ${home}/`, `Inbox ${home}/inbox`, ''],
    ...['Channel all', 'Far :far:', 'Near :near:', 'Patterns INBOX', 'Create Near', 'SyncState *', ''],
  ];
  try {
    await mkdir(home, { recursive: true });
    await writeFile(join(home, 'rc'), configuration.join('\n'));
    await run('mbsync', ['-c', join(home, 'rc'), '-a']);
    directory.deliver('alice', 'INBOX', Buffer.from('Subject: fourth\r\n\r\n4\r\n'));
    directory.replaceFlags('alice', 'INBOX', 1, ['\\Flagged']);
    await run('mbsync', ['-c', join(home, 'rc'), '-a']);
    const files = (await Promise.all(['new', 'cur'].map(async (each) => readdir(join(home, 'inbox', each))))).flat();
    expect(files).toHaveLength(4);
    expect(files.filter((name) => name.endsWith(':2,F'))).toHaveLength(1);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
