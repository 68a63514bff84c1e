import { type Duplex, duplexPair, Readable } from 'node:stream';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { serveImap } from '../../src/imap/serve.ts';
import { MailboxDirectory } from '../../src/simulator/mailboxes/mailbox-directory.ts';
import { MemoryOpenFolder } from '../../src/simulator/mailboxes/memory-open-folder.ts';
import { play, playAgainst } from '../support/transcript.ts';

const limits = { loginTimeoutMs: 10_000, idleTimeoutMs: 10_000, maxCommandBytes: 10_000, maxFailedLogins: 3 };
const alice = 'alice@contoso.example';

let directory: MailboxDirectory;

function serve(socket: Duplex): Promise<void> {
  const session = {
    capabilities: () => ['IMAP4rev1'],
    mechanisms: () => ['PLAIN'] as const,
    identify: () => undefined,
    authenticate: async () => ({ kind: 'store', store: directory.openStore(alice) }) as const,
    closed: () => {},
  };
  return serveImap(socket, { greeting: 'ready', secure: false, session, limits, log: silentLog });
}

const login = `
  S: * OK ready
  C: a LOGIN a b
  S: a OK …`;

const selected = `${login}
  C: s SELECT inbox
  S: * … EXISTS
  S: * … RECENT
  S: * FLAGS …
  S: * OK [PERMANENTFLAGS …
  S: * OK [UNSEEN 1] …
  S: * OK [UIDVALIDITY …
  S: * OK [UIDNEXT …
  S: s OK [READ-WRITE] SELECT completed.`;

function session(script: string): Promise<void> {
  return playAgainst(serve, script);
}

const date = new Date('2026-11-20T09:08:07Z');

function deliver(text: string, flags: string[] = []): void {
  directory.deliver(alice, 'INBOX', Buffer.from(text.replaceAll('\n', '\r\n')), { flags, internalDate: date });
}

beforeEach(() => {
  directory = new MailboxDirectory([alice]);
  deliver('From: Bob <bob@contoso.example>\nSubject: one\nDate: Thu, 19 Nov 2026 10:00:00 +0100\n\nfirst body\n');
  deliver('From: carol@contoso.example\nSubject: =?utf-8?q?zwei_Gr=C3=BC=C3=9Fe?=\n\nsecond body\n', ['\\Flagged']);
  deliver('Subject: three\n\nthird\n');
});

it('nobody logs in twice, nor turns TLS on behind a login', async () => {
  await session(`${login}
    C: 1 LOGIN c d
    S: 1 BAD Command received in Invalid state.
    C: 2 AUTHENTICATE PLAIN AGMAZA==
    S: 2 BAD Command received in Invalid state.
    C: 3 STARTTLS
    S: 3 BAD Command received in Invalid state.
    C: 4 SELECT INBOX
    S: * … EXISTS
    S: * 3 RECENT
    S: * FLAGS …
    S: * OK [PERMANENTFLAGS …
    S: * OK [UNSEEN 1] …
    S: * OK [UIDVALIDITY …
    S: * OK [UIDNEXT …
    S: 4 OK …
    C: 5 LOGIN c d
    S: 5 BAD Command received in Invalid state.`);
});

describe('folders', () => {
  it('are listed by pattern', async () => {
    await session(`${login}
      C: 1 LIST "" ""
      S: * LIST (\\Noselect) "/" ""
      S: 1 OK …
      C: 2 CREATE Reports/2026
      S: 2 OK …
      C: 3 LIST "" %
      S: * LIST (\\HasNoChildren) "/" INBOX
      S: * LIST (\\HasNoChildren) "/" Drafts
      S: * LIST (\\HasNoChildren) "/" "Sent Items"
      S: * LIST (\\HasNoChildren) "/" "Deleted Items"
      S: * LIST (\\HasNoChildren) "/" "Junk Email"
      S: * LIST (\\HasChildren) "/" Reports
      S: 3 OK …
      C: 4 LIST "Reports/" *
      S: * LIST (\\HasNoChildren) "/" Reports/2026
      S: 4 OK …
      C: 5 LIST "" inbox
      S: * LIST (\\HasNoChildren) "/" INBOX
      S: 5 OK …
      C: 6 UNSUBSCRIBE Drafts
      S: 6 OK …
      C: 7 LSUB "" D*
      S: * LSUB (\\HasNoChildren) "/" "Deleted Items"
      S: 7 OK …
      C: 8 NAMESPACE
      S: * NAMESPACE (("" "/")) NIL NIL
      S: 8 OK …`);
  });

  it('are made, renamed and removed, in any script', async () => {
    await session(`${login}
      C: 1 CREATE "Entw&APw-rfe"
      S: 1 OK …
      C: 2 LIST "" E*
      S: * LIST (\\HasNoChildren) "/" Entw&APw-rfe
      S: 2 OK …
      C: 3 RENAME Entw&APw-rfe "A & B"
      S: 3 OK …
      C: 4 LIST "" A*
      S: * LIST (\\HasNoChildren) "/" "A &- B"
      S: 4 OK …
      C: 5 CREATE Drafts
      S: 5 NO [ALREADYEXISTS] …
      C: 6 DELETE "A &- B"
      S: 6 OK …
      C: 7 DELETE "A &- B"
      S: 7 NO [NONEXISTENT] …
      C: 8 DELETE INBOX
      S: 8 NO [NOPERM] …`);
  });

  it('are counted without being selected', async () => {
    await session(`${login}
      C: 1 STATUS INBOX (MESSAGES UNSEEN UIDNEXT RECENT)
      S: * STATUS INBOX (MESSAGES 3 UNSEEN 3 UIDNEXT 4 RECENT 3)
      S: 1 OK …
      C: 2 STATUS Nowhere (MESSAGES)
      S: 2 NO [NONEXISTENT] …
      C: 3 STATUS INBOX (FROGS)
      S: 3 BAD …`);
  });

  it('opened by EXAMINE stay as they are', async () => {
    await session(`${login}
      C: 1 EXAMINE INBOX
      S: * 3 EXISTS
      S: * 3 RECENT
      S: * FLAGS …
      S: * OK [PERMANENTFLAGS ()] …
      S: * OK [UNSEEN 1] …
      S: * OK [UIDVALIDITY …
      S: * OK [UIDNEXT 4] …
      S: 1 OK [READ-ONLY] EXAMINE completed.
      C: 2 STORE 1 +FLAGS (\\Seen)
      S: 2 NO [READ-ONLY] …
      C: 3 FETCH 3 BODY[TEXT]
      S: * 3 FETCH (BODY[TEXT] {7}
      S: third
      S: )
      S: 3 OK …
      C: 4 SELECT Nowhere
      S: 4 NO [NONEXISTENT] …
      C: 5 FETCH 1 FLAGS
      S: 5 BAD Command received in Invalid state.`);
  });
});

describe('messages', () => {
  it('are fetched by number and by UID, in whole and in part', async () => {
    await session(`${selected}
      C: 1 FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE)
      S: * 1 FETCH (UID 1 FLAGS (\\Recent) RFC822.SIZE 100 INTERNALDATE "20-Nov-2026 09:08:07 +0000")
      S: * 2 FETCH (UID 2 FLAGS (\\Flagged \\Recent) RFC822.SIZE 87 INTERNALDATE …)
      S: * 3 FETCH (UID 3 FLAGS (\\Recent) RFC822.SIZE 25 INTERNALDATE …)
      S: 1 OK …
      C: 2 UID FETCH 3:9 BODY.PEEK[]<2.6>
      S: * 3 FETCH (UID 3 BODY[]<2> {6}
      S: bject:)
      S: 2 OK …
      C: 3 FETCH 3 (BODY.PEEK[HEADER] BODY.PEEK[TEXT]<100.5> BODY.PEEK[7])
      S: * 3 FETCH (BODY[HEADER] {18}
      S: Subject: three
      S:
      S:  BODY[TEXT]<100> {0}
      S:  BODY[7] NIL)
      S: 3 OK …
      C: 4 FETCH 1 (BODY.PEEK[HEADER.FIELDS (subject X-None)])
      S: * 1 FETCH (BODY[HEADER.FIELDS (subject X-None)] {16}
      S: Subject: one
      S:
      S: )
      S: 4 OK …
      C: 5 FETCH 4 FLAGS
      S: 5 BAD The specified message set is invalid.
      C: 6 UID FETCH 40:50 FLAGS
      S: 6 OK …
      C: 7 FETCH 2 FAST
      S: * 2 FETCH (FLAGS (\\Flagged \\Recent) INTERNALDATE … RFC822.SIZE 87)
      S: 7 OK …`);
  });

  it('become seen by being read, unless peeked at', async () => {
    await session(`${selected}
      C: 1 FETCH 3 BODY.PEEK[TEXT]
      S: * 3 FETCH (BODY[TEXT] {7}
      S: third
      S: )
      S: 1 OK …
      C: 2 FETCH 3 RFC822
      S: * 3 FETCH (RFC822 {25}
      S: Subject: three
      S:
      S: third
      S:  FLAGS (\\Seen \\Recent))
      S: 2 OK …
      C: 3 SEARCH SEEN
      S: * SEARCH 3
      S: 3 OK …`);
  });

  it('are searched', async () => {
    await session(`${selected}
      C: 1 SEARCH ALL
      S: * SEARCH 1 2 3
      S: 1 OK …
      C: 2 UID SEARCH FROM bob SUBJECT ONE
      S: * SEARCH 1
      S: 2 OK …
      C: 3 SEARCH CHARSET UTF-8 SUBJECT {7+}
      C: Grüße
      S: * SEARCH 2
      S: 3 OK …
      C: 4 SEARCH OR (FLAGGED NOT SEEN) BODY third
      S: * SEARCH 2 3
      S: 4 OK …
      C: 5 SEARCH SINCE 20-Nov-2026 SENTBEFORE 20-Nov-2026
      S: * SEARCH 1
      S: 5 OK …
      C: 6 SEARCH UID 2:3 2:*
      S: * SEARCH 2 3
      S: 6 OK …
      C: 7 SEARCH SMALLER 50 UNKEYWORD x HEADER subject ""
      S: * SEARCH 3
      S: 7 OK …
      C: 8 SEARCH CHARSET KOI8-R ALL
      S: 8 NO [BADCHARSET …
      C: 9 SEARCH FROG
      S: 9 BAD …
      C: 10 SEARCH BEFORE 19-Nov-2026
      S: * SEARCH
      S: 10 OK …`);
  });

  it('are flagged, copied, moved and removed', async () => {
    await session(`${selected}
      C: 1 STORE 1,3 +FLAGS (\\Seen custom)
      S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft custom)
      S: * OK [PERMANENTFLAGS (… custom \\*)] …
      S: * 1 FETCH (FLAGS (\\Seen custom \\Recent))
      S: * 3 FETCH (FLAGS (\\Seen custom \\Recent))
      S: 1 OK …
      C: 2 UID STORE 3 -FLAGS custom
      S: * 3 FETCH (UID 3 FLAGS (\\Seen \\Recent))
      S: 2 OK …
      C: 3 STORE 1 FLAGS.SILENT (\\Deleted)
      S: 3 OK …
      C: 4 UID COPY 2:3 "Sent Items"
      S: 4 OK [COPYUID … 2:3 1:2] COPY completed.
      C: 5 COPY 2 Nowhere
      S: 5 NO [TRYCREATE] …
      C: 6 UID EXPUNGE 2:3
      S: 6 OK …
      C: 7 EXPUNGE
      S: * 1 EXPUNGE
      S: 7 OK …
      C: 8 MOVE 2 Drafts
      S: * OK [COPYUID … 3 1] Moved.
      S: * 2 EXPUNGE
      S: 8 OK …
      C: 9 STORE 1 +FLAGS.SILENT (\\Deleted)
      S: 9 OK …
      C: 10 UNSELECT
      S: 10 OK …`);
    expect(directory.messages(alice, 'INBOX').map(({ uid }) => uid)).toEqual([2]);
    expect(directory.messages(alice, 'Drafts').map(({ flags }) => flags)).toEqual([['\\Seen']]);
    await session(`${selected}
      C: 1 CLOSE
      S: 1 OK …`);
    expect(directory.messages(alice, 'INBOX')).toEqual([]);
  });

  it('are appended', async () => {
    await session(`${login}
      C: 1 APPEND Nowhere {10}
      S: 1 NO [TRYCREATE] …
      C: 2 APPEND Nowhere {2+}
      C: ab
      S: 2 NO [TRYCREATE] …`);
    await session(`${login}
      C: 1 APPEND "Drafts" (\\Seen) "01-Feb-2026 10:00:00 +0100" {14}
      S: + …
      C: Subject: x\\r\\n\\r\\n
      S: 1 OK [APPENDUID … …] APPEND completed.
      C: 2 APPEND {6+}
      C: Drafts {14+}
      C: Subject: y\\r\\n\\r\\n
      S: 2 OK [APPENDUID … …] APPEND completed.
      C: 3 APPEND Drafts "yesterday" {4+}
      C: abcd
      S: 3 BAD The date is malformed.
      C: 4 APPEND Drafts
      S: 4 BAD …
      C: 5 APPEND Drafts {4+}
      C: abcd {4+}
      C: efgh
      S: 5 BAD Only one message can be appended at a time.
      C: 6 APPEND Drafts {4+}
      C: abcd x
      S: 6 BAD Unexpected text after the message.`);
    const last = directory.messages(alice, 'Drafts').slice(0, 2);
    expect(last.map(({ content }) => content.toString())).toEqual(['Subject: x\r\n\r\n', 'Subject: y\r\n\r\n']);
    expect(last[0]).toMatchObject({ flags: ['\\Seen'], internalDate: new Date('2026-02-01T09:00:00Z') });
  });
});

describe('what others do', () => {
  // Without UID: isync 1.4 takes a FETCH with one in the middle of a listing for an additional message.
  it('is told in IDLE as it happens', async () => {
    const [client, server] = duplexPair();
    const served = serve(server);
    await play(client, `${selected}\nC: 1 IDLE\nS: + …`);
    deliver('Subject: new\n\n');
    await play(client, 'S: * 4 EXISTS\nS: * 4 RECENT');
    const other = await directory.openStore(alice).open('INBOX', { readOnly: false });
    await other.setFlags([2], 'replace', ['\\Seen']);
    await play(client, 'S: * 2 FETCH (FLAGS (\\Seen \\Recent))');
    await other.remove([1, 4]);
    await play(client, 'S: * 4 EXPUNGE\nS: * 1 EXPUNGE\nC: done\nS: 1 OK IDLE completed.');
    client.destroy();
    server.destroy();
    await served;
  });

  it('changes no sequence number while a command uses them', async () => {
    const [client, server] = duplexPair();
    const served = serve(server);
    await play(client, selected);
    const other = await directory.openStore(alice).open('INBOX', { readOnly: false });
    await other.remove([1]);
    await play(
      client,
      `C: 1 FETCH 2 UID
       S: * 2 FETCH (UID 2)
       S: 1 OK …
       C: 2 FETCH 1 BODY[]
       S: 2 NO [EXPUNGEISSUED] …
       C: 3 UID FETCH 3 UID
       S: * 3 FETCH (UID 3)
       S: * 1 EXPUNGE
       S: 3 OK …
       C: 4 NOOP
       S: 4 OK …`,
    );
    client.destroy();
    server.destroy();
    await served;
  });
});

describe('a client that leaves in the middle of a command', () => {
  it.each(['SEARCH BODY x', 'FETCH 1:* (ENVELOPE)', 'FETCH 1:* BODY.PEEK[]', 'SORT (SUBJECT) UTF-8 ALL'])(
    'is not worked for any more: %s',
    async (command) => {
      for (let count = 0; count < 200; count++) deliver('Subject: more\n\nx\n');
      const [client, server] = duplexPair();
      let read = 0;
      const reading = async () => {
        if (++read === 2) client.destroy();
        await new Promise((resolve) => setTimeout(resolve, 5));
      };
      const content = vi.spyOn(MemoryOpenFolder.prototype, 'content').mockImplementation(async () => {
        await reading();
        return { size: 3, stream: Readable.from([Buffer.from('x\r\n')]) };
      });
      const headers = vi.spyOn(MemoryOpenFolder.prototype, 'headers').mockImplementation(async function* (uids) {
        for (const uid of uids) {
          await reading();
          yield { uid, header: Buffer.from('Subject: x\r\n\r\n') };
        }
      });
      client.on('close', () => server.destroy());
      const served = serve(server);
      await play(client, selected);
      client.write(`1 ${command}\r\n`);
      await served;
      expect(read).toBeGreaterThan(1);
      expect(read).toBeLessThan(5);
      content.mockRestore();
      headers.mockRestore();
    },
  );
});
