import { expect, test } from 'vitest';
import { GraphWorld, reports } from '../../mailstores/graph/world.ts';
import { serveEngine } from '../../support/imap-engine.ts';
import { playAgainst } from '../../support/transcript.ts';

/*
 * What Thunderbird sends according to its protocol log (MOZ_LOG=IMAP:5), without COMPRESS, with which it begins if the
 * server offers it. The other side is a mailbox read through Graph.
 */

const login = `
  S: * OK ready
  C: 1 capability
  S: * CAPABILITY IMAP4rev1 IMAP4rev2 …
  S: 1 OK …
  C: 2 authenticate PLAIN AGFsaWNlAGI=
  S: 2 OK [CAPABILITY … MOVE SPECIAL-USE LIST-EXTENDED …] …
  C: 3 ID ("name" "Thunderbird" "version" "140.5.0")
  S: * ID ("name" "engine")
  S: 3 OK …
  C: 4 enable UTF8=ACCEPT
  S: * ENABLED UTF8=ACCEPT
  S: 4 OK …
  C: 5 namespace
  S: * NAMESPACE (("" "/")) NIL NIL
  S: 5 OK …`;

const listed = `
  S: * FLAGS …
  S: * OK [PERMANENTFLAGS (… \\*)] …
  S: * OK [UNSEEN 1] …
  S: * OK [UIDVALIDITY …
  S: * OK [UIDNEXT …
  S: * OK [HIGHESTMODSEQ …
  S: * OK [MAILBOXID …`;

const headerFields =
  'From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To';

async function session(world: GraphWorld, script: string): Promise<void> {
  await playAgainst((socket) => serveEngine(socket, () => world.store()), `${login}${script}`);
}

async function started(): Promise<GraphWorld> {
  const world = await GraphWorld.start();
  for (const subject of ['one', 'two', 'three']) world.deliver(subject);
  return world;
}

const subjectsAt = (world: GraphWorld, folder: string) =>
  world.m365.directory
    .messages(reports, folder)
    .map(({ content, flags }) => [/Subject: (.*)\r/.exec(String(content))?.[1], ...[...flags].sort()].join(' '));

test('Thunderbird looks for the folders and what each is for', async () => {
  const world = await started();
  await session(
    world,
    `
    C: 6 list (subscribed) "" "*" return (special-use)
    S: * LIST (\\HasNoChildren \\Subscribed) "/" INBOX
    S: * LIST (\\HasNoChildren \\Subscribed \\Archive) "/" Archive
    S: * LIST (\\HasNoChildren \\Subscribed \\Trash) "/" "Deleted Items"
    S: * LIST (\\HasNoChildren \\Subscribed \\Drafts) "/" Drafts
    S: * LIST (\\HasNoChildren \\Subscribed \\Junk) "/" "Junk Email"
    S: * LIST (\\HasNoChildren \\Subscribed \\Sent) "/" "Sent Items"
    S: 6 OK …`,
  );
});

test('Thunderbird opens INBOX, lists it, shows a message and marks it', async () => {
  const world = await started();
  await session(
    world,
    `
    C: 6 select "INBOX" (CONDSTORE)
    S: * 3 EXISTS
    S: * 3 RECENT${listed}
    S: 6 OK [READ-WRITE] …
    C: 7 UID fetch 1:* (FLAGS)
    S: * 1 FETCH (UID 1 FLAGS (\\Recent)…)
    S: * 2 FETCH (UID 2 FLAGS (\\Recent)…)
    S: * 3 FETCH (UID 3 FLAGS (\\Recent)…)
    S: 7 OK …
    C: 8 UID fetch 3 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (${headerFields})])
    S: * 3 FETCH (UID 3 RFC822.SIZE … FLAGS (\\Recent) BODY[HEADER.FIELDS (${headerFields})] {…}
    S: From: ann@example.com
    S: To: reports@contoso.example
    S: Subject: three
    S:
    S: )
    S: 8 OK …
    C: 9 UID fetch 3 (UID RFC822.SIZE BODY.PEEK[])
    S: * 3 FETCH (UID 3 RFC822.SIZE … BODY[] {…}
    S: From: ann@example.com
    S: To: reports@contoso.example
    S: Subject: three
    S:
    S: three
    S: )
    S: 9 OK …
    C: 10 uid store 3 +Flags (\\Seen)
    S: * 3 FETCH (UID 3 FLAGS (\\Seen \\Recent)…)
    S: 10 OK …
    C: 11 uid store 2:3 +Flags (NonJunk $label1)
    S: * FLAGS (… NonJunk …)
    S: * OK [PERMANENTFLAGS …
    S: * 2 FETCH (UID 2 FLAGS (NonJunk $label1 \\Recent)…)
    S: * 3 FETCH (UID 3 FLAGS (\\Seen NonJunk $label1 \\Recent)…)
    S: 11 OK …
    C: 12 IDLE
    S: + …
    C: DONE
    S: 12 OK …
    C: 13 close
    S: 13 OK …
    C: 14 logout
    S: * BYE …
    S: 14 OK …`,
  );
  expect(subjectsAt(world, 'INBOX')).toEqual(['one', 'two $label1 NonJunk', 'three $label1 NonJunk \\Seen']);
});

test('Thunderbird puts a copy into Sent, a draft into Drafts, and replaces the draft', async () => {
  const world = await started();
  await session(
    world,
    `
    C: 6 append "Sent Items" (\\Seen) {43+}
    C: Subject: sent\\r\\nFrom: a@example.com\\r\\n\\r\\ntext
    S: 6 OK [APPENDUID … 1] …
    C: 7 append "Drafts" (\\Draft \\Seen) {44+}
    C: Subject: draft\\r\\nFrom: a@example.com\\r\\n\\r\\ntext
    S: 7 OK [APPENDUID … 1] …
    C: 8 select "Drafts"
    S: * 1 EXISTS
    S: * 1 RECENT
    S: * FLAGS …
    S: * OK [PERMANENTFLAGS …
    S: * OK [UIDVALIDITY …
    S: * OK [UIDNEXT 2] …
    S: * OK [HIGHESTMODSEQ …
    S: * OK [MAILBOXID …
    S: 8 OK [READ-WRITE] …
    C: 9 append "Drafts" (\\Draft \\Seen) {48+}
    C: Subject: draft two\\r\\nFrom: a@example.com\\r\\n\\r\\ntext
    S: * 2 EXISTS
    S: * 2 RECENT
    S: 9 OK [APPENDUID … 2] …
    C: 10 uid store 1 +Flags (\\Deleted \\Seen)
    S: * 1 FETCH (UID 1 FLAGS (\\Seen \\Draft \\Deleted \\Recent)…)
    S: 10 OK …
    C: 11 uid expunge 1
    S: * 1 EXPUNGE
    S: 11 OK …
    C: 12 logout
    S: * BYE …
    S: 12 OK …`,
  );
  expect([subjectsAt(world, 'Sent Items'), subjectsAt(world, 'Drafts')]).toEqual([
    ['sent \\Seen'],
    ['draft two \\Draft \\Seen'],
  ]);
});

test('Thunderbird moves a message to Trash, makes a folder, and asks for the counters of others', async () => {
  const world = await started();
  await session(
    world,
    `
    C: 6 select "INBOX"
    S: * 3 EXISTS
    S: * 3 RECENT${listed}
    S: 6 OK …
    C: 7 uid move 2 "Deleted Items"
    S: * OK [COPYUID … 2 1] …
    S: * 2 EXPUNGE
    S: 7 OK …
    C: 8 create "Archives/2026"
    S: 8 OK …
    C: 9 subscribe "Archives/2026"
    S: 9 OK …
    C: 10 uid move 1 "Archives/2026"
    S: * OK [COPYUID … 1 1] …
    S: * 1 EXPUNGE
    S: 10 OK …
    C: 11 STATUS "Deleted Items" (UIDNEXT MESSAGES UNSEEN RECENT)
    S: * STATUS "Deleted Items" (UIDNEXT 2 MESSAGES 1 UNSEEN 1 RECENT …)
    S: 11 OK …
    C: 12 noop
    S: 12 OK …
    C: 13 logout
    S: * BYE …
    S: 13 OK …`,
  );
  expect(subjectsAt(world, 'Deleted Items')).toEqual(['two']);
  expect(subjectsAt(world, 'Archives/2026')).toEqual(['one']);
});

test('Thunderbird comes back and asks for what has changed since', async () => {
  const world = await started();
  const seen = await world.store().open('INBOX', { readOnly: false });
  const { highestModseq } = seen;
  await seen.setFlags([1], 'add', ['\\Flagged']);
  await seen.close();
  world.deliver('four');
  await world.poll();
  await session(
    world,
    `
    C: 6 select "INBOX" (CONDSTORE)
    S: * 4 EXISTS
    S: * 1 RECENT${listed}
    S: 6 OK …
    C: 7 UID fetch 1:* (FLAGS) (CHANGEDSINCE ${highestModseq})
    S: * 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (…))
    S: * 4 FETCH (UID 4 FLAGS (\\Recent) MODSEQ (…))
    S: 7 OK …`,
  );
});
