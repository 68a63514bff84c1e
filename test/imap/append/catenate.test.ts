import type { Duplex } from 'node:stream';
import { beforeEach, expect, it, test } from 'vitest';
import { parseMessageUrl } from '../../../src/imap/append/message-url.ts';
import { MailboxDirectory } from '../../../src/simulator/mailboxes/mailbox-directory.ts';
import { serveEngine } from '../../support/imap-engine.ts';
import { longestTurn, playAgainst } from '../../support/transcript.ts';

const alice = 'alice@contoso.example';
let directory: MailboxDirectory;

beforeEach(() => {
  directory = new MailboxDirectory([alice]);
  const message = 'From: a@contoso.com\r\nSubject: old\r\n\r\nthe old body\r\n';
  directory.deliver(alice, 'INBOX', Buffer.from(message));
  const parts = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfirst\r\n--b\r\n\r\nsecond\r\n--b--\r\n';
  directory.deliver(alice, 'INBOX', Buffer.from(parts));
});

const login = `
  S: * OK ready
  C: a LOGIN alice b
  S: a OK … CATENATE …`;

function serve(socket: Duplex): Promise<void> {
  return serveEngine(socket, () => directory.openStore(alice));
}

function session(script: string): Promise<void> {
  return playAgainst(serve, `${login}${script}`);
}

function drafts(): string[] {
  return directory
    .messages(alice, 'Drafts')
    .map(({ content, flags }) => [content.toString(), ...flags].join(' ').replaceAll('\r\n', '|'));
}

it('a message is put together from text and from what is stored', async () => {
  const { uidValidity } = await (await directory.openStore(alice)).status('INBOX');
  await session(`
    C: 1 APPEND Drafts (\\Draft) "01-Feb-2026 10:00:00 +0100" CATENATE (TEXT {14}
    S: + …
    C: Subject: new\\r\\n URL "/INBOX/;UID=1/;SECTION=HEADER.FIELDS%20(FROM)" TEXT {6+}
    C: more\\r\\n URL "/INBOX;UIDVALIDITY=${uidValidity}/;UID=2/;SECTION=2")
    S: 1 OK [APPENDUID … 1] APPEND completed.
    C: 2 APPEND Drafts CATENATE (URL "/INBOX/;UID=1")
    S: 2 OK [APPENDUID … 2] …
    C: 3 APPEND Drafts CATENATE (URL {29}
    S: + …
    C: /inbox/;uid=1/;section=header URL /INBOX/;UID=1/;SECTION=TEXT/;PARTIAL=4.3)
    S: 3 OK …`);
  expect(drafts()).toEqual([
    'Subject: new|From: a@contoso.com||more|second \\Draft',
    'From: a@contoso.com|Subject: old||the old body|',
    'From: a@contoso.com|Subject: old||old',
  ]);
  expect(directory.messages(alice, 'Drafts')[0]?.internalDate).toEqual(new Date('2026-02-01T09:00:00Z'));
});

it('one command stores several of them, and plain ones between', async () => {
  const script = `${login}
    C: 1 APPEND Drafts CATENATE (URL "/INBOX/;UID=1/;SECTION=HEADER" TEXT {3+}
    C: b\\r\\n) (\\Seen) CATENATE (URL "/INBOX/;UID=1") {3+}
    C: c\\r\\n CATENATE (TEXT ~{3+}
    C: d\\r\\n)
    C: 2 NOOP
    S: 1 OK [APPENDUID …] APPEND completed.
    S: 2 OK …`;
  const length = longestTurn(script);
  let times = 0;
  for (let cutAt = 1; cutAt < length; cutAt += 7, times++) await playAgainst(serve, script, { cutAt });
  const once = [
    'From: a@contoso.com|Subject: old||b|',
    'From: a@contoso.com|Subject: old||the old body| \\Seen',
    'c|',
    'd|',
  ];
  expect(drafts()).toEqual(Array.from({ length: times }, () => once).flat());
});

it('a URL may lead to the selected folder', async () => {
  await session(`
    C: 1 EXAMINE INBOX
    S: * 2 EXISTS
    S: * 2 RECENT
    S: * FLAGS …
    S: * OK [PERMANENTFLAGS …
    S: * OK [UNSEEN 1] …
    S: * OK [UIDVALIDITY …
    S: * OK [UIDNEXT 3] …
    S: * OK [HIGHESTMODSEQ …
    S: * OK [MAILBOXID …
    S: 1 OK …
    C: 2 APPEND Drafts CATENATE (URL ";UID=1/;SECTION=HEADER")
    S: 2 OK …
    C: 3 CLOSE
    S: 3 OK …
    C: 4 APPEND Drafts CATENATE (URL ";UID=1/;SECTION=HEADER")
    S: 4 NO [BADURL ";UID=1/;SECTION=HEADER"] …`);
  expect(drafts()).toEqual(['From: a@contoso.com|Subject: old||']);
});

it('nothing is stored where a URL leads nowhere, and what follows is read past', async () => {
  await session(`
    C: 1 APPEND Drafts CATENATE (URL "/INBOX;UIDVALIDITY=77/;UID=1" TEXT {2+}
    C: ab)
    S: 1 NO [BADURL "/INBOX;UIDVALIDITY=77/;UID=1"] …
    C: 2 APPEND Drafts {2+}
    C: ab CATENATE (URL "/INBOX/;UID=9")
    S: 2 NO [BADURL "/INBOX/;UID=9"] …
    C: 3 APPEND Drafts CATENATE (TEXT {2+}
    C: ab URL "/Nowhere/;UID=1" TEXT {3+}
    C: cd))
    S: 3 NO [BADURL "/Nowhere/;UID=1"] …
    C: 4 APPEND Drafts CATENATE (URL "imap://other.example/INBOX/;UID=1")
    S: 4 NO [BADURL "imap://other.example/INBOX/;UID=1"] …
    C: 5 APPEND Drafts CATENATE (URL "/INBOX/;UID=2/;SECTION=7")
    S: 5 NO [BADURL …
    C: 6 APPEND Nowhere CATENATE (URL "/INBOX/;UID=1" TEXT {2+}
    C: ab)
    S: 6 NO [TRYCREATE] …
    C: 7 APPEND Drafts CATENATE (TEXT {0+}
    C: )
    S: 7 NO The message that was put together is empty.
    C: 8 NOOP
    S: 8 OK …`);
  expect(drafts()).toEqual([]);
});

it('what breaks the grammar is BAD, and stores nothing', async () => {
  await session(`
    C: 1 APPEND Drafts CATENATE ()
    S: 1 BAD …
    C: 2 APPEND Drafts CATENATE (TEXT "quoted")
    S: 2 BAD The message is missing; it is sent as a literal.
    C: 3 APPEND Drafts CATENATE (TEXT {2+}
    C: ab
    S: 3 BAD …
    C: 4 APPEND Drafts CATENATE (FILE "/etc/passwd")
    S: 4 BAD A piece of a message is TEXT or URL.
    C: 5 APPEND Drafts CATENATE (URL "/INBOX/;UID=1") nonsense
    S: 5 BAD Unexpected text after the message.
    C: 6 NOOP
    S: 6 OK …`);
  expect(drafts()).toEqual([]);
});

it('what would be too large is refused before it is sent', async () => {
  await session(`
    C: 1 APPEND Drafts CATENATE (URL "/INBOX/;UID=1" TEXT {33554432}
    S: 1 NO [TOOBIG] …
    C: 2 NOOP
    S: 2 OK …`);
  expect(drafts()).toEqual([]);
});

test.each([
  ['/INBOX/;UID=20', { folder: 'INBOX', uid: 20, uidValidity: undefined, range: undefined }],
  ['/a/b%20%C3%BC;UIDVALIDITY=7/;UID=20/;SECTION=1.2.MIME', { folder: 'a/b ü', uidValidity: 7 }],
  ['/Sent;uid=1;section=TEXT;partial=3', { range: { offset: 3, length: Number.POSITIVE_INFINITY } }],
  [';UID=1/;PARTIAL=3.4/', { folder: undefined, range: { offset: 3, length: 4 } }],
])('%s is a URL of a message', (url, parsed) => {
  expect(parseMessageUrl(url)).toMatchObject(parsed);
});

test.each(['', '/INBOX', '/INBOX/;UID=', '/INBOX/;UID=1/;SECTION=NONSENSE', '/%zz/;UID=1', '/INBOX/;UID=1;URLAUTH=x'])(
  '%s is none',
  (url) => {
    expect(() => parseMessageUrl(url)).toThrow(/names no message/);
  },
);
