import { LRUCache } from 'lru-cache';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MailStoreError } from '../../../src/mailbox/mail-store.ts';
import { openExchangeStore, uidSets } from '../../../src/mailstores/exchange/store.ts';
import { alice, ReadBridge } from '../../support/read-bridge.ts';

let bridge: ReadBridge;
let sizes: LRUCache<string, number>;
let closing: (() => Promise<void>)[];

beforeEach(async () => {
  bridge = await ReadBridge.start();
  sizes = new LRUCache({ max: 1000 });
  closing = [];
});

afterEach(async () => {
  for (const close of closing) await close();
  await bridge.close();
});

async function inbox() {
  const store = await openExchangeStore({
    ...bridge.imap,
    ca: bridge.ca,
    mailbox: alice,
    accessToken: 'good',
    connectTimeoutMs: 10_000,
    sizes,
  });
  closing.push(() => store.close());
  return store.open('INBOX', { readOnly: false });
}

type Inbox = Awaited<ReturnType<typeof inbox>>;

async function listed(folder: Inbox): Promise<{ uid: number; size: number }[]> {
  const all: { uid: number; size: number }[] = [];
  for await (const { uid, size } of folder.list()) all.push({ uid, size });
  return all;
}

async function octets(folder: Inbox, uid: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of (await folder.content(uid)).stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const deliver = (content: string | Buffer) => bridge.directory.deliver(alice, 'INBOX', Buffer.from(content));

describe('an Exchange mailbox read over IMAP', () => {
  it('has sizes that are estimates, until a message has been read whole', async () => {
    bridge.directory.sizes.estimated = true;
    const content = `Subject: one\r\n\r\n${'x'.repeat(1000)}\r\n`;
    deliver(content);
    deliver('Subject: two\r\n\r\n');
    const first = await inbox();
    const [one, two] = await listed(first);
    expect(one?.size).not.toBe(content.length);
    expect((await first.content(1)).size).toBeUndefined();
    const part = await first.content(1, { offset: 0, length: 100 });
    for await (const _ of part.stream);
    expect((await listed(first))[0]).toEqual(one);
    expect((await octets(first, 1)).toString()).toBe(content);
    const second = await inbox();
    expect(await listed(second)).toEqual([{ uid: 1, size: content.length }, two]);
    expect((await second.content(1)).size).toBe(content.length);
  });

  it.each([0, 1, 1024 * 1024 - 1, 1024 * 1024, 1024 * 1024 + 1, 3 * 1024 * 1024])(
    'gives a message of %i octets whole',
    async (size) => {
      deliver(Buffer.alloc(size, 'x'));
      const folder = await inbox();
      expect((await octets(folder, 1)).length).toBe(size);
      expect(sizes.get(`${alice} ${folder.uidValidity} 1`)).toBe(size);
    },
  );

  it('removes exactly what it is told to, and leaves what others have marked', async () => {
    for (let count = 0; count < 600; count++) deliver(`Subject: ${count}\r\n\r\n`);
    const other = await bridge.directory.openStore(alice).open('INBOX', { readOnly: false });
    await other.setFlags([2], 'add', ['\\Deleted']);
    const odd = Array.from({ length: 300 }, (_, index) => 2 * index + 1);
    const folder = await inbox();
    expect(await folder.remove(odd)).toEqual(odd);
    expect(bridge.directory.messages(alice, 'INBOX').map(({ uid }) => uid)).toEqual(odd.map((uid) => uid + 1));
  });

  it('says that the connection is gone, not that there is nothing', async () => {
    deliver('Subject: one\r\n\r\n');
    const folder = await inbox();
    bridge.cutExchange();
    const gone: Partial<MailStoreError> = { name: 'MailStoreError', code: 'unavailable' };
    await expect(folder.content(1)).rejects.toMatchObject(gone);
    await expect(listed(folder)).rejects.toMatchObject(gone);
    await expect(folder.remove([1])).rejects.toMatchObject(gone);
  });

  it('has no message that is not there', async () => {
    deliver('Subject: one\r\n\r\n');
    await expect((await inbox()).content(7)).rejects.toMatchObject({ code: 'no-such-message' });
  });
});

describe('sets of UIDs', () => {
  const sets = (uids: number[], max: number) => [...uidSets(uids, max)];

  it('are short where UIDs follow one another, and never too long', () => {
    expect(sets([], 2)).toEqual([]);
    expect(sets([7], 2)).toEqual([{ set: '7', members: [7] }]);
    expect(sets([1, 2, 3, 5, 7, 8], 2)).toEqual([
      { set: '1:3,5', members: [1, 2, 3, 5] },
      { set: '7:8', members: [7, 8] },
    ]);
  });
});
