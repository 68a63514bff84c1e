import { type Duplex, duplexPair } from 'node:stream';
import { beforeAll, expect, it } from 'vitest';
import { MailboxDirectory } from '../../src/simulator/mailboxes/mailbox-directory.ts';
import { serveEngine } from '../support/imap-engine.ts';

const messages = 20_000;
const directory = new MailboxDirectory(['a@b.example']);

beforeAll(async () => {
  for (let number = 0; number < messages; number++) {
    const content = `From: p${number % 97}@example.com\r\nSubject: Re: topic ${number % 500}\r\n\r\nx\r\n`;
    directory.deliver('a@b.example', 'INBOX', Buffer.from(content));
  }
  const store = directory.openStore('a@b.example');
  for (let number = 0; number < 30; number++) await store.createFolder('a'.repeat(200) + number);
});

/** Sends a command and waits for its completion. */
async function run(stream: Duplex, tag: string, command: string): Promise<string> {
  let text = '';
  stream.write(`${tag} ${command}\r\n`);
  return await new Promise((resolve) => {
    const take = (chunk: Buffer) => {
      text = text.slice(-2_000) + chunk.toString('latin1');
      const end = new RegExp(`(?:^|\n)${tag} (.*)\r\n`).exec(text)?.[1];
      if (end === undefined) return;
      stream.off('data', take);
      resolve(end);
    };
    stream.on('data', take);
  });
}

async function session(): Promise<Duplex> {
  const [client, server] = duplexPair();
  void serveEngine(server, (name) => directory.openStore(name));
  await run(client, 'l', 'LOGIN a@b.example x');
  return client;
}

const times = (count: number, text: string) => Array(count).fill(text).join(' ');

it.each([
  ['SELECT', 'SELECT INBOX'],
  ['SEARCH', `SEARCH ${times(300, 'UNKEYWORD k')}`],
  ['SEARCH by headers', 'SEARCH SUBJECT nothing'],
  ['SEARCH by sets', `SEARCH (${times(300, '1:*')})`],
  ['FETCH', 'FETCH 1:* ENVELOPE'],
  ['SORT', 'SORT (SUBJECT) UTF-8 ALL'],
  ['THREAD', 'THREAD REFERENCES UTF-8 ALL'],
  ['STORE', 'STORE 1:* +FLAGS (\\Flagged)'],
  ['LIST', `LIST "" (${times(20, `${'*a'.repeat(300)}z`)})`],
])('%s over a large mailbox keeps nobody else waiting', async (_, command) => {
  const [busy, other] = [await session(), await session()];
  await run(busy, 's', 'SELECT INBOX');
  const ended: string[] = [];
  const heavy = run(busy, 'h', command).then((end) => ended.push(`heavy ${end.slice(0, 2)}`));
  await run(other, 'n', 'NOOP').then(() => ended.push('other'));
  await heavy;
  expect(ended).toEqual(['other', 'heavy OK']);
  for (const stream of [busy, other]) stream.destroy();
});

it('keys of SEARCH are counted in all depths', async () => {
  const stream = await session();
  await run(stream, 's', 'SELECT INBOX');
  expect(await run(stream, 'a', `SEARCH ((${times(3_000, 'SEEN')}))`)).toMatch(/^BAD SEARCH is given too many keys/);
  expect(await run(stream, 'b', `SEARCH ${times(1_001, 'NOT SEEN')}`)).toMatch(/^BAD SEARCH is given too many keys/);
  stream.destroy();
});
