import { expect, test } from 'vitest';
import { GraphWorld, reports } from '../../mailstores/graph/world.ts';
import { serveEngine } from '../../support/imap-engine.ts';
import { playAgainst } from '../../support/transcript.ts';

/*
 * What classic Outlook for Windows sends to an IMAP server, according to published protocol logs. The other side is a
 * mailbox read through Graph.
 */

const login = `
  S: * OK ready
  C: k1o9 CAPABILITY
  S: * CAPABILITY IMAP4rev1 IMAP4rev2 …
  S: k1o9 OK …
  C: m0a1 LOGIN "alice" "b"
  S: m0a1 OK [CAPABILITY …] …
  C: 7gtw ID ("name" "Microsoft Outlook" "version" "16.0")
  S: * ID ("name" "engine")
  S: 7gtw OK …
  C: n2xs LIST "" ""
  S: * LIST (\\Noselect) "/" ""
  S: n2xs OK …`;

const inbox = `
  C: z8u1 SELECT "INBOX"
  S: * 3 EXISTS
  S: * 3 RECENT
  S: * FLAGS …
  S: * OK [PERMANENTFLAGS (… \\*)] …
  S: * OK [UNSEEN 1] …
  S: * OK [UIDVALIDITY …
  S: * OK [UIDNEXT …
  S: * OK [HIGHESTMODSEQ …
  S: * OK [MAILBOXID …
  S: z8u1 OK [READ-WRITE] …`;

const listedFields =
  'References X-Ref X-Priority X-MSMail-Priority X-MSOESRec Newsgroups Message-ID In-Reply-To Content-Class';

async function session(world: GraphWorld, script: string): Promise<void> {
  await playAgainst((socket) => serveEngine(socket, () => world.store()), `${login}${script}`);
}

async function started(imports = false): Promise<GraphWorld> {
  const world = await GraphWorld.start({}, imports);
  for (const subject of ['one', 'two', 'three']) world.deliver(subject);
  return world;
}

const subjectsAt = (world: GraphWorld, folder: string) =>
  world.m365.directory
    .messages(reports, folder)
    .map(({ content, flags }) => [/Subject: (.*)\r/.exec(String(content))?.[1], ...[...flags].sort()].join(' '));

test('Outlook lists all folders, then the subscribed ones, and asks for their counters', async () => {
  await session(
    await started(),
    `
    C: 4hu0 LIST "" "*"
    S: * LIST (\\HasNoChildren) "/" INBOX
    S: * LIST (\\HasNoChildren \\Archive) "/" Archive
    S: * LIST (\\HasNoChildren \\Trash) "/" "Deleted Items"
    S: * LIST (\\HasNoChildren \\Drafts) "/" Drafts
    S: * LIST (\\HasNoChildren \\Junk) "/" "Junk Email"
    S: * LIST (\\HasNoChildren \\Sent) "/" "Sent Items"
    S: 4hu0 OK …
    C: bs2d LSUB "" "*"
    S: * LSUB (\\HasNoChildren) "/" INBOX
    S: * LSUB (\\HasNoChildren) "/" Archive
    S: * LSUB (\\HasNoChildren) "/" "Deleted Items"
    S: * LSUB (\\HasNoChildren) "/" Drafts
    S: * LSUB (\\HasNoChildren) "/" "Junk Email"
    S: * LSUB (\\HasNoChildren) "/" "Sent Items"
    S: bs2d OK …
    C: 0qe6 STATUS "INBOX" (UNSEEN MESSAGES UIDVALIDITY UIDNEXT)
    S: * STATUS INBOX (UNSEEN 3 MESSAGES 3 UIDVALIDITY … UIDNEXT 4)
    S: 0qe6 OK …
    C: y77p CREATE "Deleted Items"
    S: y77p NO [ALREADYEXISTS] …`,
  );
});

test('Outlook selects INBOX, asks for UIDs and flags, then for the headers of what is new', async () => {
  await session(
    await started(),
    `${inbox}
    C: e5t2 UID FETCH 1:* (UID FLAGS)
    S: * 1 FETCH (UID 1 FLAGS (\\Recent))
    S: * 2 FETCH (UID 2 FLAGS (\\Recent))
    S: * 3 FETCH (UID 3 FLAGS (\\Recent))
    S: e5t2 OK …
    C: r1l8 UID FETCH 3 (BODY.PEEK[HEADER.FIELDS (${listedFields})] ENVELOPE BODYSTRUCTURE RFC822.SIZE UID FLAGS INTERNALDATE)
    S: * 3 FETCH (BODY[HEADER.FIELDS (${listedFields})] {2}
    S:
    S:  ENVELOPE (NIL "three" ((NIL NIL "ann" "example.com")) … BODYSTRUCTURE ("TEXT" "PLAIN" … RFC822.SIZE … UID 3 FLAGS (\\Recent) INTERNALDATE " 1-Jun-2026 00:00:03 +0000")
    S: r1l8 OK …
    C: w3x0 UID FETCH 3 (UID BODY.PEEK[])
    S: * 3 FETCH (UID 3 BODY[] {…}
    S: From: ann@example.com
    S: To: reports@contoso.example
    S: Subject: three
    S:
    S: three
    S: )
    S: w3x0 OK …
    C: h6dd UID SEARCH 1:* NOT DELETED
    S: * SEARCH 1 2 3
    S: h6dd OK …
    C: q0p1 UID FETCH 4:* (UID FLAGS)
    S: * 3 FETCH (UID 3 FLAGS (\\Recent))
    S: q0p1 OK …
    C: v9b4 IDLE
    S: + …
    C: DONE
    S: v9b4 OK …`,
  );
});

test('Outlook marks messages, and marks what it deletes until somebody purges the folder', async () => {
  const world = await started();
  await session(
    world,
    `${inbox}
    C: a3c7 UID STORE 1 +FLAGS.SILENT (\\Seen)
    S: a3c7 OK …
    C: f4g5 UID STORE 1:2 +FLAGS (\\Flagged)
    S: * 1 FETCH (UID 1 FLAGS (\\Seen \\Flagged \\Recent))
    S: * 2 FETCH (UID 2 FLAGS (\\Flagged \\Recent))
    S: f4g5 OK …
    C: i2k9 UID STORE 2 -FLAGS (\\Flagged)
    S: * 2 FETCH (UID 2 FLAGS (\\Recent))
    S: i2k9 OK …
    C: j7s0 UID STORE 2 +FLAGS.SILENT (\\Deleted \\Seen)
    S: j7s0 OK …
    C: 1u2n EXPUNGE
    S: * 2 EXPUNGE
    S: 1u2n OK …
    C: 3o4m LOGOUT
    S: * BYE …
    S: 3o4m OK …`,
  );
  expect(subjectsAt(world, 'INBOX')).toEqual(['one \\Flagged \\Seen', 'three']);
});

test('Outlook copies a message to Deleted Items and removes it where it was', async () => {
  const world = await started();
  await session(
    world,
    `${inbox}
    C: c5v6 UID COPY 2 "Deleted Items"
    S: c5v6 OK [COPYUID … 2 1] …
    C: n8m9 UID STORE 2 +FLAGS.SILENT (\\Deleted)
    S: n8m9 OK …
    C: l0k1 UID EXPUNGE 2
    S: * 2 EXPUNGE
    S: l0k1 OK …`,
  );
  expect([subjectsAt(world, 'INBOX'), subjectsAt(world, 'Deleted Items')]).toEqual([['one', 'three'], ['two']]);
});

test.each([false, true])(
  'Outlook puts a copy into Sent Items and a draft into Drafts, by import: %s',
  async (imports) => {
    const world = await started(imports);
    await session(
      world,
      `
    C: t1r2 APPEND "Sent Items" (\\Seen) "30-Nov-2026 10:00:00 +0100" {43}
    S: + …
    C: Subject: sent\\r\\nFrom: a@example.com\\r\\n\\r\\ntext
    S: t1r2 OK [APPENDUID … 1] …
    C: p5o6 APPEND "Drafts" (\\Seen \\Draft) {44}
    S: + …
    C: Subject: draft\\r\\nFrom: a@example.com\\r\\n\\r\\ntext
    S: p5o6 OK [APPENDUID … 1] …`,
    );
    expect([subjectsAt(world, 'Sent Items'), subjectsAt(world, 'Drafts')]).toEqual([
      ['sent \\Seen'],
      ['draft \\Draft \\Seen'],
    ]);
    const [sent] = world.m365.directory.messages(reports, 'Sent Items');
    expect(sent?.internalDate).toEqual(new Date('2026-11-30T09:00:00Z'));
  },
);
