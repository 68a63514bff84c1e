import { type Duplex, duplexPair } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import type { MailStore } from '../../src/mailbox/mail-store.ts';
import { MailboxDirectory } from '../../src/simulator/mailboxes/mailbox-directory.ts';
import { serveEngine } from '../support/imap-engine.ts';
import { play, playAgainst } from '../support/transcript.ts';

const alice = 'alice@contoso.example';
let directory: MailboxDirectory;
let openStore: () => MailStore;

const serve = (socket: Duplex): Promise<void> => serveEngine(socket, () => openStore());

const login = `
  S: * OK ready
  C: a LOGIN alice b
  S: a OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ … IDLE … CREATE-SPECIAL-USE APPENDLIMIT=157286400] LOGIN completed.`;

const described = `
  S: * … EXISTS
  S: * … RECENT
  S: * FLAGS …
  S: * OK [PERMANENTFLAGS …
  S: * OK [UNSEEN 1] …
  S: * OK [UIDVALIDITY …
  S: * OK [UIDNEXT …
  S: * OK [HIGHESTMODSEQ …
  S: * OK [MAILBOXID (f…)] …`;

const selected = `${login}
  C: s SELECT INBOX${described}
  S: s OK [READ-WRITE] SELECT completed.`;

function session(script: string): Promise<void> {
  return playAgainst(serve, script);
}

function deliver(text: string, flags: string[] = [], internalDate = new Date('2026-11-20T09:08:07Z')): void {
  directory.deliver(alice, 'INBOX', Buffer.from(text.replaceAll('\n', '\r\n')), { flags, internalDate });
}

beforeEach(() => {
  directory = new MailboxDirectory([alice]);
  openStore = () => directory.openStore(alice);
  deliver('From: Bob B <bob@contoso.example>\nTo: Team: ann@x.example;\nSubject: Re: one\n\nfirst body\n');
  deliver('From: carol@contoso.example (Carol)\nSubject: zwei\n\nsecond body\n', ['\\Flagged']);
  deliver('Subject: one\n\nthird\n');
});

/** A connection that stays open while the test does something else. */
async function connection(script: string): Promise<{ play(script: string): Promise<void>; end(): Promise<void> }> {
  const [client, server] = duplexPair();
  client.on('error', () => {});
  const served = serve(server);
  await play(client, script);
  return {
    play: (more) => play(client, more),
    end: async () => {
      client.destroy();
      server.destroy();
      await served;
    },
  };
}

describe('folders', () => {
  it('are listed with what they are for, and with their status', async () => {
    await session(`${login}
      C: 1 LIST "" "Sent-Items"
      S: 1 OK …
      C: 2 LIST "" D% RETURN (SPECIAL-USE SUBSCRIBED STATUS (MESSAGES UIDNEXT DELETED SIZE))
      S: * LIST (\\HasNoChildren \\Subscribed \\Drafts) "/" Drafts
      S: * STATUS Drafts (MESSAGES 0 UIDNEXT 1 DELETED 0 SIZE 0)
      S: * LIST (\\HasNoChildren \\Subscribed \\Trash) "/" "Deleted Items"
      S: * STATUS "Deleted Items" (MESSAGES 0 UIDNEXT 1 DELETED 0 SIZE 0)
      S: 2 OK …
      C: 3 LIST (SPECIAL-USE) "" (J* S*)
      S: * LIST (\\HasNoChildren \\Sent) "/" "Sent Items"
      S: * LIST (\\HasNoChildren \\Junk) "/" "Junk Email"
      S: 3 OK …
      C: 4 LIST "" J*
      S: * LIST (\\HasNoChildren \\Junk) "/" "Junk Email"
      S: 4 OK …
      C: 5 LIST (RECURSIVEMATCH) "" *
      S: 5 BAD …
      C: 6 LIST "" * RETURN (FROGS)
      S: 6 BAD …
      C: 7 STATUS inbox (HIGHESTMODSEQ MAILBOXID APPENDLIMIT RECENT)
      S: * STATUS INBOX (HIGHESTMODSEQ 4 MAILBOXID (f…) APPENDLIMIT 157286400 RECENT 3)
      S: 7 OK …`);
  });

  it('show through their parents that they are subscribed', async () => {
    await session(`${login}
      C: 1 CREATE a/b/c/
      S: 1 OK [MAILBOXID (f…)] …
      C: 2 SUBSCRIBE a/b/c
      S: 2 OK …
      C: 3 LIST (SUBSCRIBED RECURSIVEMATCH) "" a/%
      S: * LIST (\\HasChildren) "/" a/b ("CHILDINFO" ("SUBSCRIBED"))
      S: 3 OK …
      C: 4 LSUB "" a%
      S: * LSUB (\\Noselect) "/" a
      S: 4 OK …
      C: 5 LSUB "" a*
      S: * LSUB (\\HasNoChildren) "/" a/b/c
      S: 5 OK …
      C: 6 UNSUBSCRIBE nowhere
      S: 6 OK …`);
  });

  it('are made for a use, under good names, and INBOX is INBOX in any case', async () => {
    await session(`${login}
      C: 1 CREATE Archive (USE (\\Archive))
      S: 1 OK [MAILBOXID (f…)] …
      C: 2 LIST "" Arch*
      S: * LIST (\\HasNoChildren \\Archive) "/" Archive
      S: 2 OK …
      C: 3 CREATE All (USE (\\All))
      S: 3 NO [USEATTR] …
      C: 4 CREATE a//b
      S: 4 NO [CANNOT] …
      C: 5 CREATE ""
      S: 5 NO [CANNOT] …
      C: 6 CREATE inbox/sub
      S: 6 OK …
      C: 7 LIST "" INBOX/%
      S: * LIST (\\HasNoChildren) "/" INBOX/sub
      S: 7 OK …
      C: 8 RENAME Archive Archive/below
      S: 8 NO [CANNOT] …
      C: 11 DELETE INBOX
      S: 11 NO [NOPERM] …
      C: 12 CREATE x/y
      S: 12 OK …
      C: 13 DELETE x
      S: 13 NO [HASCHILDREN] …
      C: 9 DELETE inbox
      S: 9 NO [NOPERM] …
      C: 10 DELETE {9+}
      C: inbox/sub
      S: 10 OK …`);
  });

  it('are renamed, of which the inbox gives its messages alone', async () => {
    await session(`${selected}
      C: 1 RENAME INBOX Old/inbox
      S: * 3 EXPUNGE
      S: * 2 EXPUNGE
      S: * 1 EXPUNGE
      S: 1 OK …
      C: 2 STATUS Old/inbox (MESSAGES UNSEEN)
      S: * STATUS Old/inbox (MESSAGES 3 UNSEEN 3)
      S: 2 OK …
      C: 3 STATUS INBOX (MESSAGES)
      S: * STATUS INBOX (MESSAGES 0)
      S: 3 OK …`);
  });

  it('that are deleted end the sessions in them: at once, in IDLE, behind a command; one’s own goes on', async () => {
    const [waiting, idling] = [await connection(`${login}\nC: 1 CREATE x\nS: 1 OK …`), await connection(login)];
    const into = `C: 2 SELECT x${described.replace(/.*UNSEEN 1.*\n/, '')}\nS: 2 OK …`;
    await waiting.play(into);
    await idling.play(`${into}\nC: 3 IDLE\nS: + …`);
    const own = await connection(`${login}\n${into}`);
    await Promise.all([
      waiting.play('S: * BYE x was deleted.\nS: <end>'),
      idling.play('S: * BYE x was deleted.\nS: <end>'),
      own.play('C: 4 DELETE x\nS: * OK [CLOSED] …\nS: 4 OK …\nC: 5 NOOP\nS: 5 OK …'),
    ]);
    await Promise.all([waiting.end(), idling.end(), own.end()]);
  });
});

describe('messages too large', () => {
  it('are refused before they are sent, or end the connection', async () => {
    await session(`${login}
      C: 1 APPEND INBOX {157286401}
      S: 1 NO [TOOBIG] …
      C: 2 APPEND INBOX {157286401+}
      C: abc
      S: 2 NO [TOOBIG] …
      S: * BYE …
      S: <end>`);
  });
});

describe('searches', () => {
  it('tell as much as is asked for, and are remembered', async () => {
    await session(`${selected}
      C: 1 SEARCH RETURN (MIN MAX COUNT ALL) ALL
      S: * ESEARCH (TAG "1") MIN 1 MAX 3 ALL 1:3 COUNT 3
      S: 1 OK …
      C: 2 UID SEARCH RETURN () NOT FLAGGED
      S: * ESEARCH (TAG "2") UID ALL 1,3
      S: 2 OK …
      C: 3 SEARCH RETURN (MIN) KEYWORD none
      S: * ESEARCH (TAG "3")
      S: 3 OK …
      C: 4 SEARCH RETURN (SAVE) FLAGGED
      S: 4 OK …
      C: 5 FETCH $ UID
      S: * 2 FETCH (UID 2)
      S: 5 OK …
      C: 6 SEARCH RETURN (SAVE MIN COUNT) NOT $
      S: * ESEARCH (TAG "6") MIN 1 COUNT 2
      S: 6 OK …
      C: 7 UID STORE $ +FLAGS.SILENT (\\Deleted)
      S: 7 OK …
      C: 8 UID EXPUNGE $
      S: * 3 EXPUNGE
      S: * 1 EXPUNGE
      S: 8 OK …
      C: 9 UID SEARCH $
      S: * SEARCH
      S: 9 OK …
      C: 10 SEARCH RETURN (FROGS) ALL
      S: 10 BAD …
      C: 11 SEARCH RETURN (SAVE) ALL
      S: 11 OK …
      C: 12 SEARCH RETURN (SAVE) CHARSET KOI8-R ALL
      S: 12 NO [BADCHARSET …
      C: 13 FETCH $ UID
      S: 13 OK …`);
  });

  it('find addresses as ENVELOPE tells them, new and old messages, ids', async () => {
    deliver('From: (a comment) <dave (x)@ (y) contoso.example>\n\n.\n', ['\\Seen'], new Date(Date.now() - 5_000));
    await session(`${selected}
      C: 1 SEARCH FROM dave@contoso.example
      S: * SEARCH 4
      S: 1 OK …
      C: 2 SEARCH OR TO team TO nobody
      S: * SEARCH 1
      S: 2 OK …
      C: 3 SEARCH YOUNGER 3600
      S: * SEARCH 4
      S: 3 OK …
      C: 4 SEARCH OLDER 3600
      S: * SEARCH 1 2 3
      S: 4 OK …
      C: 5 SEARCH NEW
      S: * SEARCH 1 2 3
      S: 5 OK …
      C: 6 SEARCH OLD
      S: * SEARCH
      S: 6 OK …
      C: 7 SEARCH EMAILID nothing-like-it
      S: * SEARCH
      S: 7 OK …
      C: 8 SEARCH TEXT carol@contoso.example BODY second
      S: * SEARCH 2
      S: 8 OK …
      C: 9 FETCH 1 (EMAILID THREADID)
      S: * 1 FETCH (EMAILID (…) THREADID NIL)
      S: 9 OK …`);
  });

  it('are sorted and threaded', async () => {
    await session(`${selected}
      C: 1 SORT (SUBJECT REVERSE SIZE) UTF-8 ALL
      S: * SORT 1 3 2
      S: 1 OK …
      C: 2 UID SORT RETURN (ALL COUNT) (REVERSE DISPLAYFROM) US-ASCII NOT BODY third
      S: * ESEARCH (TAG "2") UID ALL 2,1 COUNT 2
      S: 2 OK …
      C: 3 THREAD REFERENCES UTF-8 ALL
      S: * THREAD (2)(3 1)
      S: 3 OK …
      C: 4 UID THREAD ORDEREDSUBJECT UTF-8 ALL
      S: * THREAD (1 3)(2)
      S: 4 OK …
      C: 5 THREAD REFERENCES UTF-8 KEYWORD none
      S: * THREAD
      S: 5 OK …
      C: 6 SORT (FROGS) UTF-8 ALL
      S: 6 BAD …
      C: 7 SORT (DATE) KOI8-R ALL
      S: 7 NO [BADCHARSET …`);
  });
});

describe('mod-sequences', () => {
  it('are told from the first command on that asks for them', async () => {
    await session(`${selected}
      C: 1 STORE 1 +FLAGS (\\Seen)
      S: * 1 FETCH (FLAGS (\\Seen \\Recent))
      S: 1 OK …
      C: 2 FETCH 1:2 (MODSEQ)
      S: * OK [HIGHESTMODSEQ 5] …
      S: * 1 FETCH (MODSEQ (5))
      S: * 2 FETCH (MODSEQ (3))
      S: 2 OK …
      C: 3 STORE 2 +FLAGS.SILENT (\\Seen)
      S: * 2 FETCH (MODSEQ (6))
      S: 3 OK …
      C: 4 STORE 1:3 (UNCHANGEDSINCE 5) +FLAGS (\\Answered)
      S: * 1 FETCH (FLAGS (\\Seen \\Answered \\Recent) MODSEQ (7))
      S: * 3 FETCH (FLAGS (\\Answered \\Recent) MODSEQ (8))
      S: 4 OK [MODIFIED 2] …
      C: 5 FETCH 1:* (FLAGS) (CHANGEDSINCE 7)
      S: * 3 FETCH (FLAGS (\\Answered \\Recent) MODSEQ (8))
      S: 5 OK …
      C: 6 SEARCH MODSEQ "/flags/\\\\seen" all 7
      S: * SEARCH 1 3 (MODSEQ 8)
      S: 6 OK …
      C: 7 SEARCH RETURN (MIN) MODSEQ 7
      S: * ESEARCH (TAG "7") MIN 1 MODSEQ 7
      S: 7 OK …
      C: 8 FETCH 1 BODY[TEXT]<0.5>
      S: * 1 FETCH (BODY[TEXT]<0> {5}
      S: first)
      S: 8 OK …
      C: 9 FETCH 3 BODY[TEXT]<0.5>
      S: * 3 FETCH (BODY[TEXT]<0> {5}
      S: third FLAGS (\\Answered \\Seen \\Recent) MODSEQ (9))
      S: 9 OK …
      C: 10 UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)
      S: 10 BAD …
      C: 11 STORE 1 (UNCHANGEDSINCE 99999999999999999999) FLAGS ()
      S: 11 BAD …`);
  });

  it('that a client may remember leave out what it has not been told', async () => {
    const client = await connection(selected);
    const other = await directory.openStore(alice).open('INBOX', { readOnly: false });
    await other.remove([1]);
    await other.setFlags([2], 'add', ['x']);
    await client.play('C: 1 FETCH 3 MODSEQ\nS: * OK [HIGHESTMODSEQ 4] …\nS: * 3 FETCH (MODSEQ (4))\nS: * FLAGS …');
    await client.end();
  });

  it('bring a client up to date at once', async () => {
    const before = await directory.openStore(alice).status('INBOX');
    const other = await directory.openStore(alice).open('INBOX', { readOnly: false });
    await other.remove([2]);
    await other.setFlags([3], 'add', ['later']);
    await other.close();
    const known = `${before.uidValidity} ${before.highestModseq}`;
    const there = described.replace('S: * FLAGS …', 'S: * FLAGS (… later)');
    await session(`${login}
      C: 0 SELECT INBOX (QRESYNC (${known}))
      S: 0 BAD …
      C: 1 ENABLE QRESYNC FROGS
      S: * ENABLED QRESYNC
      S: 1 OK …
      C: 2 SELECT INBOX (QRESYNC (${known}))${there}
      S: * VANISHED (EARLIER) 2
      S: * 2 FETCH (UID 3 FLAGS (later) MODSEQ (6))
      S: 2 OK …
      C: 3 SELECT INBOX (QRESYNC (${known} 1,3 (1 1)))
      S: * OK [CLOSED] …${there}
      S: * 2 FETCH (UID 3 FLAGS (later) MODSEQ (6))
      S: 3 OK …
      C: 4 EXAMINE INBOX (QRESYNC (1 1))
      S: * OK [CLOSED] …${there}
      S: 4 OK …
      C: 5 UID FETCH 1:9 (FLAGS) (CHANGEDSINCE ${before.highestModseq} VANISHED)
      S: * VANISHED (EARLIER) 2
      S: * 2 FETCH (UID 3 FLAGS (later) MODSEQ (6))
      S: 5 OK …
      C: 6 SELECT INBOX (CONDSTORE)
      S: * OK [CLOSED] …${there}
      S: 6 OK …
      C: 7 STORE 1:2 +FLAGS.SILENT (\\Deleted)
      S: * 1 FETCH (UID 1 MODSEQ (7))
      S: * 2 FETCH (UID 3 MODSEQ (8))
      S: 7 OK …
      C: 8 EXPUNGE
      S: * VANISHED 1,3
      S: 8 OK [HIGHESTMODSEQ 9] …`);
  });
});

describe('IMAP4rev2 and UTF-8', () => {
  it('are spoken once they are turned on', async () => {
    await session(`${login}
      C: 1 ENABLE IMAP4rev2
      S: * ENABLED IMAP4rev2
      S: 1 OK …
      C: 2 CREATE "Entwürfe & mehr"
      S: 2 OK …
      C: 3 LIST "" "Entwü*"
      S: * LIST (\\HasNoChildren) "/" "Entwürfe & mehr"
      S: 3 OK …
      C: 4 SELECT INBOX
      S: * 3 EXISTS
      S: * FLAGS …
      S: * OK [PERMANENTFLAGS …
      S: * OK [UNSEEN 1] …
      S: * OK [UIDVALIDITY …
      S: * OK [UIDNEXT …
      S: * OK [HIGHESTMODSEQ …
      S: * OK [MAILBOXID …
      S: * LIST () "/" INBOX
      S: 4 OK …
      C: 5 FETCH 1 FLAGS
      S: * 1 FETCH (FLAGS ())
      S: 5 OK …
      C: 6 SEARCH ALL
      S: * ESEARCH (TAG "6") ALL 1:3
      S: 6 OK …`);
    await session(`${login}
      C: 1 LIST "" Entw*
      S: * LIST (\\HasNoChildren) "/" "Entw&APw-rfe &- mehr"
      S: 1 OK …
      C: 2 ENABLE UTF8=ACCEPT
      S: * ENABLED UTF8=ACCEPT
      S: 2 OK …
      C: 3 APPEND "Entwürfe & mehr" (\\Seen) UTF8 (~{13+}
      C: Subject: \\xc3\\xbc\\r\\n)
      S: 3 OK [APPENDUID … 1] …`);
    expect(directory.messages(alice, 'Entwürfe & mehr')[0]?.content.toString()).toBe('Subject: ü\r\n');
  });
});

describe('binary', () => {
  it('parts are fetched decoded, messages appended with NUL in them', async () => {
    deliver(
      'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n\nAGFiYw==\n--b\n' +
        'Content-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=\n=C3=9Fe\n--b\nContent-Transfer-Encoding: x-odd\n\n?\n--b--\n',
    );
    await session(`${selected}
      C: 1 FETCH 4 (BINARY.SIZE[1] BINARY.PEEK[1]<0.2> BINARY.PEEK[2] BINARY.PEEK[9])
      S: * 4 FETCH (BINARY.SIZE[1] 4 BINARY[1]<0> ~{2}
      S: \0a BINARY[2] {7}
      S: Grüße BINARY[9] NIL)
      S: 1 OK …
      C: 2 FETCH 3:4 BINARY.PEEK[3]
      S: * 3 FETCH (BINARY[3] NIL)
      S: 2 NO [UNKNOWN-CTE] …
      C: 3 APPEND Drafts ~{52+}
      C: Content-Transfer-Encoding: binary\\r\\n\\r\\n\\0\\x80\\r\\n...........
      S: 3 OK [APPENDUID …] …
      C: 4 FETCH 4 (FLAGS BINARY[2])
      S: * 4 FETCH (FLAGS (\\Seen \\Recent) BINARY[2] {7}
      S: Grüße)
      S: 4 OK …`);
    expect(directory.messages(alice, 'Drafts')[0]?.content.toString()).toMatch(
      /^Content-Transfer-Encoding: base64\r\n/,
    );
  });
});
