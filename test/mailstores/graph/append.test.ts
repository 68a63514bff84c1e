import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { AppendedMessage } from '../../../src/mailbox/mail-store.ts';
import type { Fault } from '../../../src/simulator/faults.ts';
import { GraphWorld, listing, message, reports } from './world.ts';

function fail(world: GraphWorld, at: NonNullable<Fault['at']>, fault: Partial<Fault> = {}, count = 1): void {
  world.m365.faults.add({ target: 'graph', kind: 'cut-after', at, ...fault }, count);
}

const subjectsAt = (world: GraphWorld, folder: string) =>
  world.m365.directory
    .messages(reports, folder)
    .map(({ content, flags }) => [/Subject: (.*)\r/.exec(String(content))?.[1], ...[...flags].sort()].join(' '));

const refusal = { kind: 'status', status: 400, code: 'ErrorBad' } as const;
const signed = ['Content-Type: multipart/signed; boundary=b; protocol="application/pgp-signature"'];

test('several messages are stored in their order, each with its flags', async () => {
  const world = await GraphWorld.start();
  const store = world.store();
  const inbox = await store.open('INBOX', { readOnly: true });
  const { uids } = await store.append('INBOX', [
    message('a', ['\\Seen', '\\Answered', 'work']),
    { ...message('b', ['$Forwarded']), internalDate: new Date('2020-01-01') },
    message('c', ['\\Draft', '\\Flagged']),
  ]);
  expect(uids).toEqual([1, 2, 3]);
  expect(await listing(inbox)).toEqual({
    1: 'a \\Answered \\Seen work',
    2: 'b $Forwarded',
    3: 'c \\Draft \\Flagged',
  });
  expect(await readdir(world.mailbox.spoolFolder)).toEqual([]);
});

test('flags are set by the request that stores the message', async () => {
  const world = await GraphWorld.start();
  await world.store().append('INBOX', [message('a', ['\\Seen', '\\Flagged', '\\Answered', '\\Deleted', 'work'])]);
  expect(world.m365.graphRequests.count({ operation: 'updateMessage' })).toBe(0);
  expect(subjectsAt(world, 'INBOX')).toEqual(['a \\Answered \\Deleted \\Flagged \\Seen work']);
});

test('none stays where one is refused', async () => {
  const world = await GraphWorld.start();
  const append = world.store().append('INBOX', [message('a'), message('b', ['\\Draft']), message('c', [], signed)]);
  await expect(append).rejects.toMatchObject({ code: 'not-permitted' });
  expect([subjectsAt(world, 'INBOX'), subjectsAt(world, 'Drafts')]).toEqual([[], []]);
});

test('none stays where the client breaks off', async () => {
  const world = await GraphWorld.start();
  const messages = async function* (): AsyncGenerator<AppendedMessage> {
    yield message('a');
    throw new Error('gone');
  };
  await expect(world.store().append('INBOX', messages())).rejects.toThrow('gone');
  expect(subjectsAt(world, 'INBOX')).toEqual([]);
  expect(await readdir(world.mailbox.spoolFolder)).toEqual([]);
});

const cuts = ['cut-before', 'cut-after', 'cut-answering'] as const;

test.each(cuts)('a message is stored once where the answer is lost: %s', async (kind) => {
  const world = await GraphWorld.start();
  fail(world, 'createMessage', { kind });
  expect((await world.store().append('INBOX', [message('a', ['\\Flagged'])])).uids).toEqual([1]);
  expect(subjectsAt(world, 'INBOX')).toEqual(['a \\Flagged']);
});

test.each(cuts)('a draft is stored once where the answer is lost: %s', async (kind) => {
  const world = await GraphWorld.start();
  const store = world.store();
  // Another one with the same Message-ID, as mail programs save a draft repeatedly.
  world.m365.directory.deliver(reports, 'Drafts', Buffer.from('Message-ID: <a@example.com>\r\nSubject: old\r\n\r\n'), {
    flags: ['\\Draft'],
  });
  const earlier = world.m365.directory.messages(reports, 'Drafts')[0];
  Object.assign(earlier ?? {}, { createdAt: new Date(Date.now() - 60_000) });
  fail(world, 'createMessage', { kind });
  await store.append('Drafts', [message('a', ['\\Draft', '\\Flagged'])]);
  expect(subjectsAt(world, 'Drafts').sort()).toEqual(['a \\Draft \\Flagged', 'old \\Draft']);
});

test.each(cuts)('a draft goes to its folder once where the answer is lost: %s', async (kind) => {
  const world = await GraphWorld.start();
  fail(world, 'moveMessage', { kind });
  await world.store().append('INBOX', [message('a', ['\\Draft'])]);
  expect([subjectsAt(world, 'INBOX'), subjectsAt(world, 'Drafts')]).toEqual([['a \\Draft'], []]);
});

test.each(['createMessage', 'exportItems', 'importItem', 'updateMessage'] as const)(
  'a message is imported once where the answer is lost: %s',
  async (at) => {
    const world = await GraphWorld.start({}, true);
    for (const kind of cuts) {
      fail(world, at, { kind });
      await world.store().append('INBOX', [message(`a ${kind}`, ['\\Flagged', 'work'], signed)]);
    }
    expect(subjectsAt(world, 'INBOX')).toEqual(cuts.map((kind) => `a ${kind} \\Flagged work`));
    expect(subjectsAt(world, 'Drafts')).toEqual([]);
  },
);

test('a draft whose flags cannot be set is not left', async () => {
  const world = await GraphWorld.start();
  fail(world, 'updateMessage', refusal);
  const append = world.store().append('INBOX', [message('a', ['\\Draft', '\\Flagged'])]);
  await expect(append).rejects.toMatchObject({ code: 'unavailable' });
  expect([subjectsAt(world, 'INBOX'), subjectsAt(world, 'Drafts')]).toEqual([[], []]);
});

test('what is stored is told as stored, though Graph goes away before it is described', async () => {
  const world = await GraphWorld.start();
  await world.store().folders();
  fail(world, 'batch', refusal);
  expect((await world.store().append('INBOX', [message('a')])).uids).toBeUndefined();
  expect(subjectsAt(world, 'INBOX')).toEqual(['a']);
});

test.each([false, true])('a client’s second try finds what the first has stored, by import: %s', async (imports) => {
  const world = await GraphWorld.start({}, imports);
  // The answer is lost, and the message cannot be looked for.
  fail(world, imports ? 'importItem' : 'createMessage', {}, 1);
  fail(world, 'listMessages', refusal);
  const store = () => world.store().append('INBOX', [message('a', ['\\Seen'])]);
  await expect(store()).rejects.toMatchObject({ code: 'unavailable' });
  expect(subjectsAt(world, 'INBOX')).toEqual(['a \\Seen']);
  world.restart();
  expect((await store()).uids).toEqual([1]);
  expect(subjectsAt(world, 'INBOX')).toEqual(['a \\Seen']);
  // Once it is settled, the same APPEND is no longer a retry.
  expect((await store()).uids).toEqual([2]);
  expect(subjectsAt(world, 'INBOX')).toEqual(['a \\Seen', 'a \\Seen']);
});

test('the same message from two sessions at once is stored twice', async () => {
  const world = await GraphWorld.start();
  await Promise.all([1, 2].map(() => world.store().append('INBOX', [message('a')])));
  expect(subjectsAt(world, 'INBOX')).toEqual(['a', 'a']);
});

test('what a failed command could not take away again is found when it is sent again', async () => {
  const world = await GraphWorld.start();
  const messages = () => [message('a'), message('b')];
  fail(world, 'createMessage', { kind: 'delay', delayMs: 1 });
  fail(world, 'createMessage', refusal);
  fail(world, 'permanentDelete', refusal);
  await expect(world.store().append('INBOX', messages())).rejects.toMatchObject({ code: 'unavailable' });
  expect(subjectsAt(world, 'INBOX')).toEqual(['a']);
  expect((await world.store().append('INBOX', messages())).uids).toHaveLength(2);
  expect(subjectsAt(world, 'INBOX')).toEqual(['a', 'b']);
});

test('messages for a folder that another program has deleted are told to belong nowhere', async () => {
  const world = await GraphWorld.start();
  const store = world.store();
  await store.createFolder('Old');
  await world.m365.directory.openStore(reports).deleteFolder('Old');
  await expect(store.append('Old', [message('a')])).rejects.toMatchObject({ code: 'no-such-folder' });
});
