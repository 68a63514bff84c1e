import type { Duplex } from 'node:stream';
import { beforeEach, expect, it } from 'vitest';
import { MailStoreError } from '../../../src/mailbox/mail-store.ts';
import { MailboxDirectory } from '../../../src/simulator/mailboxes/mailbox-directory.ts';
import { serveEngine } from '../../support/imap-engine.ts';
import { longestTurn, playAgainst } from '../../support/transcript.ts';

const alice = 'alice@contoso.example';
let directory: MailboxDirectory;

beforeEach(() => {
  directory = new MailboxDirectory([alice]);
});

const login = `
  S: * OK ready
  C: a LOGIN alice b
  S: a OK … MULTIAPPEND …`;

function serve(socket: Duplex): Promise<void> {
  return serveEngine(socket, () => directory.openStore(alice));
}

function session(script: string, options = {}): Promise<void> {
  return playAgainst(serve, `${login}${script}`, options);
}

function stored(folder = 'Drafts'): string[] {
  return directory
    .messages(alice, folder)
    .map(({ content, flags }) => [content.toString(), ...flags].join(' ').replaceAll('\r\n', '|'));
}

it('several messages are stored by one command, each with its flags and date', async () => {
  await session(`
    C: 1 APPEND Drafts (\\Seen) "01-Feb-2026 10:00:00 +0100" {12}
    S: + …
    C: Subject: a\\r\\n (\\Flagged $Work) {12}
    S: + …
    C: Subject: b\\r\\n {12}
    S: + …
    C: Subject: c\\r\\n "02-Feb-2026 10:00:00 +0100" {12}
    S: + …
    C: Subject: d\\r\\n
    S: 1 OK [APPENDUID … 1:4] APPEND completed.
    C: 2 STATUS Drafts (MESSAGES)
    S: * STATUS Drafts (MESSAGES 4)
    S: 2 OK …`);
  expect(stored()).toEqual(['Subject: a| \\Seen', 'Subject: b| \\Flagged $Work', 'Subject: c|', 'Subject: d|']);
  expect(directory.messages(alice, 'Drafts').at(-1)?.internalDate).toEqual(new Date('2026-02-02T09:00:00Z'));
});

it('a client that does not wait sends them in one go, wherever that is cut', async () => {
  const script = `${login}
    C: 1 APPEND Drafts (\\Seen) {12+}
    C: Subject: a\\r\\n UTF8 (~{13+}
    C: Subject: \\xc3\\xbc\\r\\n) (\\Draft) {12+}
    C: Subject: c\\r\\n
    C: 2 NOOP
    S: 1 OK [APPENDUID …] APPEND completed.
    S: 2 OK …`;
  const length = longestTurn(script);
  for (let cutAt = 1; cutAt < length; cutAt += 3) await playAgainst(serve, script, { cutAt });
  const times = Math.ceil((length - 1) / 3);
  expect(stored()).toEqual(
    Array.from({ length: times }, () => ['Subject: a| \\Seen', 'Subject: ü|', 'Subject: c| \\Draft']).flat(),
  );
});

it('sessions that have the folder open hear of all of them', async () => {
  await session(`
    C: 1 SELECT Drafts
    S: * 0 EXISTS
    S: * 0 RECENT
    S: * FLAGS …
    S: * OK [PERMANENTFLAGS …
    S: * OK [UIDVALIDITY …
    S: * OK [UIDNEXT 1] …
    S: * OK [HIGHESTMODSEQ …
    S: * OK [MAILBOXID …
    S: 1 OK …
    C: 2 APPEND Drafts {2+}
    C: ab {2+}
    C: cd
    S: * 2 EXISTS
    S: * 2 RECENT
    S: 2 OK [APPENDUID … 1:2] …`);
});

it('none is stored where the command is wrong behind one of them', async () => {
  await session(`
    C: 1 APPEND Drafts {2+}
    C: ab "yesterday" {2+}
    C: cd {2+}
    C: ef
    S: 1 BAD The date is malformed.
    C: 2 APPEND Drafts {2+}
    C: ab (\\Seen) {2}
    S: + …
    C: cd nonsense
    S: 2 BAD Unexpected text after the message.
    C: 3 APPEND Drafts {2+}
    C: ab(\\Seen) {2+}
    C: cd
    S: 3 BAD A space is missing.
    C: 4 APPEND Drafts UTF8 (~{2+}
    C: ab {2+}
    C: cd
    S: 4 BAD ")" is missing after the message.
    C: 5 APPEND Nowhere {2+}
    C: ab {2+}
    C: cd
    S: 5 NO [TRYCREATE] …
    C: 6 NOOP
    S: 6 OK …`);
  expect(stored()).toEqual([]);
});

it('an empty message takes the whole command back', async () => {
  await session(`
    C: 1 APPEND Drafts {2}
    S: + …
    C: ab {0}
    S: 1 NO The APPEND is cancelled by an empty message.
    C: 2 APPEND Drafts {2+}
    C: ab {0+}
    C:  {2+}
    C: cd
    S: 2 NO The APPEND is cancelled by an empty message.
    C: 3 NOOP
    S: 3 OK …`);
  expect(stored()).toEqual([]);
});

it('one that is too large is refused before it is sent, or ends the connection; none is stored', async () => {
  await session(`
    C: 1 APPEND Drafts {2+}
    C: ab {157286401}
    S: 1 NO [TOOBIG] …
    C: 2 APPEND Drafts {2+}
    C: ab {157286401+}
    C: abc
    S: 2 NO [TOOBIG] …
    S: * BYE …
    S: <end>`);
  expect(stored()).toEqual([]);
});

it('a thousand are taken, and no more', async () => {
  const more = (count: number) => 'C: ab {2+}\n'.repeat(count - 1);
  await session(`
    C: 1 APPEND Drafts {2+}
    ${more(1_000)}C: ab
    S: 1 OK [APPENDUID … 1:1000] …
    C: 2 APPEND Drafts {2+}
    ${more(1_000)}C: ab {2}
    S: 2 NO [LIMIT] …
    C: 3 NOOP
    S: 3 OK …`);
  expect(stored()).toHaveLength(1_000);
});

it('none is stored where the folder goes while they come', async () => {
  const store = directory.openStore(alice);
  await store.createFolder('Old');
  const messages = async function* () {
    yield { content: [Buffer.from('ab')], size: 2, flags: [] };
    await store.deleteFolder('Old');
  };
  await expect(store.append('Old', messages() as never)).rejects.toThrow(MailStoreError);
});
