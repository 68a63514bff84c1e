import { duplexPair } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import type { MailStore, OpenFolder } from '../../src/mailbox/mail-store.ts';
import { MailboxDirectory } from '../../src/simulator/mailboxes/mailbox-directory.ts';
import { serveEngine } from '../support/imap-engine.ts';
import { play, playAgainst } from '../support/transcript.ts';

const alice = 'alice@contoso.example';
let directory: MailboxDirectory;
/** The requests to the store, one line each. */
let asked: string[];
/** Replaces methods of the folder. */
let instead: Partial<OpenFolder>;
let notice: (text: string) => void;

function openStore(): MailStore {
  const store = directory.openStore(alice);
  const open: MailStore['open'] = async (name, options) => recorded(await store.open(name, options));
  return new Proxy(store, {
    get: (target, property) => {
      if (property === 'open') return open;
      if (property === 'onNotice') return (listener: typeof notice) => (notice = listener);
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function recorded(folder: OpenFolder): OpenFolder {
  return new Proxy(folder, {
    get: (target, property) => {
      const replaced: unknown = Reflect.get(instead, property);
      const value: unknown = replaced ?? Reflect.get(target, property);
      if (typeof value !== 'function') return value;
      return (...given: unknown[]) => {
        if (['headers', 'contents', 'content', 'setFlags', 'searchText', 'copy'].includes(String(property))) {
          asked.push(`${String(property)} ${JSON.stringify(given[0])}`);
        }
        return value.apply(target, given) as unknown;
      };
    },
  });
}

const selected = `
  S: * OK ready
  C: a LOGIN alice b
  S: a OK …
  C: s SELECT INBOX
  S: * 3 EXISTS
  S: * 3 RECENT
  S: * FLAGS …
  S: * OK [PERMANENTFLAGS …
  S: * OK [UNSEEN 1] …
  S: * OK [UIDVALIDITY …
  S: * OK [UIDNEXT …
  S: * OK [HIGHESTMODSEQ …
  S: * OK [MAILBOXID …
  S: s OK …`;

const session = (script: string): Promise<void> =>
  playAgainst((socket) => serveEngine(socket, openStore), `${selected}\n${script}`);

beforeEach(() => {
  directory = new MailboxDirectory([alice]);
  asked = [];
  instead = {};
  for (const text of [
    'From: a@b.c\nSubject: one\n\nfirst\n',
    'Subject: two\n\nsecond\n',
    'Subject: three\n\nthird\n',
  ]) {
    directory.deliver(alice, 'INBOX', Buffer.from(text.replaceAll('\n', '\r\n')));
  }
});

describe('a store far away', () => {
  it('tells flags that it hears of after SELECT behind what is asked for: curl takes the first FETCH for the answer', async () => {
    const news = Promise.withResolvers<void>();
    Object.defineProperty(instead, 'upToDate', { get: () => news.promise });
    const [client, server] = duplexPair();
    const served = serveEngine(server, openStore);
    await play(client, selected);
    directory.deliver(alice, 'INBOX', Buffer.from('Subject: four\r\n\r\nfourth\r\n'));
    directory.replaceFlags(alice, 'INBOX', 1, ['\\Flagged']);
    news.resolve();
    await play(
      client,
      `
      C: 1 FETCH 2 (BODY.PEEK[TEXT])
      S: * 4 EXISTS
      S: * 4 RECENT
      S: * 2 FETCH (BODY[TEXT] {8}
      S: second
      S: )
      S: * 1 FETCH (FLAGS …
      S: 1 OK …`,
    );
    client.destroy();
    server.destroy();
    await served;
  });

  it.each([
    ['FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ EMAILID)', []],
    ['FETCH 1:* (ENVELOPE BODY.PEEK[HEADER.FIELDS (SUBJECT)])', ['headers [1,2,3]']],
    ['FETCH 1:* (RFC822.HEADER)', ['headers [1,2,3]']],
    ['FETCH 1:* BODYSTRUCTURE', ['contents [1,2,3]']],
    ['FETCH 1:* (ENVELOPE BODY.PEEK[])', ['contents [1,2,3]']],
    ['FETCH 2:* BODY[]', ['setFlags [2,3]', 'contents [2,3]']],
    ['FETCH 2:* BODY.PEEK[]<0.5>', ['content 2', 'content 3']],
    ['SEARCH UNSEEN SINCE 1-Jan-2020', []],
    ['SEARCH SUBJECT one', ['headers [1,2,3]']],
    ['SEARCH 2:3 SUBJECT one', ['headers [2,3]']],
    ['SEARCH OR SEEN BODY first', ['contents [1,2,3]']],
    ['SEARCH SUBJECT one BODY first', ['headers [1,2,3]', 'contents [1]']],
    ['SEARCH SEEN BODY first', []],
    ['SORT (ARRIVAL) UTF-8 ALL', []],
    ['SORT (SUBJECT) UTF-8 ALL', ['headers [1,2,3]']],
    ['THREAD REFERENCES UTF-8 2:3', ['headers [2,3]']],
  ])('is asked once for many: %s', async (command, questions) => {
    const [client, server] = duplexPair();
    const served = serveEngine(server, openStore);
    await play(client, selected);
    const answered = new Promise<void>((resolve) => {
      let text = '';
      client.on('data', (chunk) => {
        text += chunk;
        if (/^1 OK .*\r\n/m.test(text)) resolve();
      });
    });
    client.write(`1 ${command}\r\n`);
    await answered;
    expect(asked).toEqual(questions);
    client.destroy();
    server.destroy();
    await served;
  });

  it('is left to search its texts where it can', async () => {
    instead = { searchText: async (where, text) => (text === 'whole' && where === 'body' ? new Set([2]) : undefined) };
    await session(`
      C: 1 SEARCH BODY whole
      S: * SEARCH 2
      S: 1 OK …
      C: 2 SEARCH NOT BODY whole
      S: * SEARCH 1 3
      S: 2 OK …
      C: 3 SEARCH TEXT third
      S: * SEARCH 3
      S: 3 OK …`);
    expect(asked).toEqual(['searchText "body"', 'searchText "body"', 'searchText "text"', 'contents [1,2,3]']);
  });

  it('may lose messages meanwhile, in any order and number', async () => {
    instead = {
      async *headers(uids) {
        for (const uid of [...uids].reverse()) if (uid !== 2) yield { uid, header: Buffer.from('Subject: x\r\n\r\n') };
      },
    };
    await session(`
      C: 1 FETCH 1:* BODY.PEEK[HEADER]
      S: * 3 FETCH (BODY[HEADER] {14}
      S: Subject: x
      S:
      S: )
      S: * 1 FETCH (BODY[HEADER] {14}
      S: Subject: x
      S:
      S: )
      S: 1 NO [EXPUNGEISSUED] …
      C: 2 SEARCH SUBJECT x
      S: * SEARCH 1 3
      S: 2 OK …
      C: 3 SORT (SUBJECT) UTF-8 ALL
      S: * SORT 1 3
      S: 3 OK …`);
  });

  it('may say what takes so long, between responses and only while a command runs', async () => {
    instead = {
      async *headers(uids) {
        notice('Microsoft 365 throttles.\r\nInjected');
        for (const uid of uids) yield { uid, header: Buffer.from('Subject: x\r\n\r\n') };
      },
    };
    const [client, server] = duplexPair();
    const served = serveEngine(server, openStore);
    await play(client, selected);
    notice('Nobody waits.');
    await play(
      client,
      `C: 1 FETCH 1 BODY.PEEK[HEADER]
       S: * OK Microsoft 365 throttles.…Injected
       S: * 1 FETCH (BODY[HEADER] {14}
       S: Subject: x
       S:
       S: )
       S: 1 OK …`,
    );
    client.destroy();
    server.destroy();
    await served;
  });
});

describe('messages that another session has removed', () => {
  it('are refused where all or nothing is due, and cost nobody a sequence number', async () => {
    const [client, server] = duplexPair();
    const served = serveEngine(server, openStore);
    await play(client, selected);
    const other = await directory.openStore(alice).open('INBOX', { readOnly: false });
    await other.remove([2]);
    await play(
      client,
      `C: 1 STORE 1:2 +FLAGS (\\Seen)
       S: * 1 FETCH (FLAGS (\\Seen \\Recent))
       S: 1 NO [EXPUNGEISSUED] …
       C: 2 STORE 1:2 +FLAGS.SILENT (\\Seen)
       S: 2 OK …
       C: 3 FETCH 2:3 (FLAGS UID)
       S: * 2 FETCH (FLAGS (\\Recent) UID 2)
       S: * 3 FETCH (FLAGS (\\Recent) UID 3)
       S: 3 OK …
       C: 4 SEARCH SUBJECT two
       S: * SEARCH
       S: 4 OK …
       C: 5 COPY 1:2 Drafts
       S: 5 NO [EXPUNGEISSUED] …
       C: 6 UID COPY 1:2 Drafts
       S: * 2 EXPUNGE
       S: 6 OK [COPYUID … 1 1] …
       C: 7 FETCH 2 UID
       S: * 2 FETCH (UID 3)
       S: 7 OK …`,
    );
    expect(directory.messages(alice, 'Drafts')).toHaveLength(1);
    await other.remove([3]);
    await play(client, 'C: 8 LOGOUT\nS: * BYE …\nS: 8 OK …\nS: <end>');
    server.destroy();
    await served;
  });
});
