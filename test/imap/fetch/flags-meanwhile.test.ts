import { type Duplex, Readable } from 'node:stream';
import { beforeEach, expect, it } from 'vitest';
import type { MailStore, MessageContent, OpenFolder } from '../../../src/mailbox/mail-store.ts';
import { MailboxDirectory } from '../../../src/simulator/mailboxes/mailbox-directory.ts';
import { serveEngine } from '../../support/imap-engine.ts';
import { playAgainst } from '../../support/transcript.ts';

const alice = 'alice@contoso.example';
let directory: MailboxDirectory;

beforeEach(() => {
  directory = new MailboxDirectory([alice]);
  directory.deliver(alice, 'INBOX', Buffer.from('Subject: a\r\n\r\nbody\r\n'), { flags: ['$Old'] });
});

/** A mailbox in which another session changes flags each time a message is read. */
function changingStore(): MailStore {
  const store = directory.openStore(alice);
  const change = async () => {
    const other = await directory.openStore(alice).open('INBOX', { readOnly: false });
    await other.setFlags([1], 'replace', ['$New']);
    await other.close();
  };
  const whileRead = ({ size, stream }: MessageContent): MessageContent => ({
    size,
    stream: Readable.from(
      (async function* () {
        await change();
        yield* stream;
      })(),
      { objectMode: false },
    ),
  });
  const open = async (...how: Parameters<MailStore['open']>): Promise<OpenFolder> => {
    const folder = await store.open(...how);
    const contents: OpenFolder['contents'] = async function* (...asked) {
      for await (const { uid, content } of folder.contents(...asked)) yield { uid, content: whileRead(content) };
    };
    const content: OpenFolder['content'] = async (...asked) => whileRead(await folder.content(...asked));
    return proxied(folder, { contents, content });
  };
  return proxied(store, { open });
}

function proxied<T extends object>(whole: T, changes: Partial<T>): T {
  return new Proxy(whole, {
    get(target, name) {
      const value: unknown = Reflect.get(name in changes ? changes : target, name);
      return typeof value === 'function' && !(name in changes) ? value.bind(target) : value;
    },
  });
}

it('a keyword that comes while a message is read is announced before it is used', async () => {
  const serve = (socket: Duplex) => serveEngine(socket, () => changingStore());
  await playAgainst(
    serve,
    `
    S: * OK ready
    C: a LOGIN alice b
    S: a OK …
    C: 1 SELECT INBOX
    S: * 1 EXISTS
    S: * 1 RECENT
    S: * FLAGS (… $Old)
    S: * OK [PERMANENTFLAGS …
    S: * OK [UNSEEN 1] …
    S: * OK [UIDVALIDITY …
    S: * OK [UIDNEXT 2] …
    S: * OK [HIGHESTMODSEQ …
    S: * OK [MAILBOXID …
    S: 1 OK …
    C: 2 FETCH 1 (FLAGS BODY MODSEQ)
    S: * OK [HIGHESTMODSEQ 2] …
    S: * FLAGS (… $Old $New)
    S: * OK [PERMANENTFLAGS (… $Old $New \\*)] …
    S: * 1 FETCH (FLAGS ($New \\Recent) BODY (…) MODSEQ (3))
    S: * 1 FETCH (FLAGS ($New \\Recent) MODSEQ (3))
    S: 2 OK …`,
  );
  expect(directory.messages(alice, 'INBOX')[0]?.flags).toEqual(['$New']);
});
