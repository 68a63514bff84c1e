import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { messageFacts } from '../../../src/mailstores/graph/remote/facts.ts';
import type { Fault } from '../../../src/simulator/faults.ts';
import { GraphWorld, heard, listing, reports } from './world.ts';

const bodyOf = async (stream: Readable) => Buffer.concat(await stream.toArray()).toString();

function fail(world: GraphWorld, at: NonNullable<Fault['at']>, fault: Partial<Fault> = {}, count = 1): void {
  world.m365.faults.add({ target: 'graph', kind: 'status', status: 400, code: 'ErrorBad', at, ...fault }, count);
}

async function inboxOf(world: GraphWorld, subjects: readonly string[]) {
  for (const subject of subjects) world.deliver(subject);
  return await world.store().open('INBOX', { readOnly: false });
}

const subjectsAt = (world: GraphWorld, folder: string) =>
  world.m365.directory.messages(reports, folder).map(({ content }) => /Subject: (.*)\r/.exec(String(content))?.[1]);

test('what was moved before a move failed is told to who moved it', async () => {
  const world = await GraphWorld.start();
  const inbox = await inboxOf(world, ['a', 'b', 'c']);
  const told = heard(inbox);
  fail(world, 'moveMessage');
  await expect(inbox.move([1, 2, 3], 'Drafts')).rejects.toMatchObject({ code: 'unavailable' });
  // Graph processes the requests of a batch in its own order.
  const left = Object.keys(await listing(inbox));
  expect(left).toHaveLength(1);
  expect(told).toEqual([`removed ${['1', '2', '3'].filter((uid) => !left.includes(uid)).join(' ')}`]);
});

test('what was moved before Graph went away is told to who moved it', async () => {
  const world = await GraphWorld.start();
  const subjects = Array.from({ length: 45 }, (_, number) => `number ${number}`);
  const inbox = await inboxOf(world, subjects);
  const told = heard(inbox);
  // The second of three batches.
  fail(world, 'batch', { kind: 'delay', delayMs: 1 });
  fail(world, 'batch', { kind: 'cut-after' });
  const uids = subjects.map((_, at) => at + 1);
  await expect(inbox.move(uids, 'Drafts')).rejects.toMatchObject({ code: 'unavailable' });
  expect(told).toEqual([`removed ${uids.slice(0, 20).join(' ')}`]);
  await world.poll();
  expect(Object.keys(await listing(inbox))).toHaveLength(5);
  expect(subjectsAt(world, 'Drafts')).toHaveLength(40);
});

test('flags that were set before one failed are told to who set them', async () => {
  const world = await GraphWorld.start();
  const inbox = await inboxOf(world, ['a', 'b']);
  const told = heard(inbox);
  fail(world, 'updateMessage');
  await expect(inbox.setFlags([1, 2], 'add', ['\\Seen'])).rejects.toMatchObject({ code: 'unavailable' });
  expect(told).toEqual([expect.stringMatching(/^flags [12] \\Seen$/)]);
});

test('what was removed before one failed is told to who removed it', async () => {
  const world = await GraphWorld.start();
  const inbox = await inboxOf(world, ['a', 'b']);
  const told = heard(inbox);
  fail(world, 'permanentDelete', { status: 403, code: 'ErrorAccessDenied' });
  await expect(inbox.remove([1, 2])).rejects.toMatchObject({ code: 'not-permitted' });
  expect(told).toEqual([expect.stringMatching(/^removed [12]$/)]);
});

test.each(['cut-before', 'cut-after', 'cut-answering'] as const)('no copy is made twice: %s', async (kind) => {
  const world = await GraphWorld.start();
  const inbox = await inboxOf(world, ['a', 'b', 'c']);
  fail(world, 'batch', { kind });
  const copied = await inbox.copy([1, 2, 3], 'Drafts').then(
    () => true,
    () => false,
  );
  expect(subjectsAt(world, 'Drafts').length).toBe(copied || kind !== 'cut-before' ? 3 : 0);
});

test.each(['cut-before', 'cut-after', 'cut-answering'] as const)('no message is lost in a move: %s', async (kind) => {
  const world = await GraphWorld.start();
  const store = world.store();
  const inbox = await inboxOf(world, ['a', 'b', 'c']);
  fail(world, 'batch', { kind });
  await inbox.move([1, 2, 3], 'Drafts').catch(() => {});
  await world.poll();
  const drafts = await store.open('Drafts', { readOnly: true });
  const there = [...Object.values(await listing(inbox)), ...Object.values(await listing(drafts))];
  expect(there.sort()).toEqual(['a', 'b', 'c']);
});

test('nobody waits for as long as Graph wants to be left alone', async () => {
  const world = await GraphWorld.start();
  await world.store().folders();
  fail(world, 'deltaMessages', { status: 429, retryAfterSeconds: 3600 });
  const open = () => world.store().open('INBOX', { readOnly: true });
  await expect(open()).rejects.toMatchObject({ code: 'unavailable' });
  await expect(open()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('busy') });
});

test('content is whole however little room there is for it', async () => {
  const world = await GraphWorld.start({ cacheBytes: 1 });
  const inbox = await inboxOf(world, ['a', 'b', 'c', 'd', 'e']);
  const contents = await Promise.all([1, 2, 3, 4, 5].map((uid) => inbox.content(uid)));
  const bodies: string[] = [];
  for (const { stream } of contents) bodies.push(await bodyOf(stream));
  expect(bodies.map((body) => body.trim().at(-1))).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('a client that goes takes no content from another that waits for the same', async () => {
  const world = await GraphWorld.start();
  world.deliver('a');
  const gone = new AbortController();
  const [first, second] = [world.store(gone.signal), world.store()];
  const [one, other] = [await first.open('INBOX', { readOnly: true }), await second.open('INBOX', { readOnly: true })];
  fail(world, 'getMime', { kind: 'delay', delayMs: 500 });
  const lost = one.content(1).catch(() => 'lost');
  const kept = other.content(1);
  setTimeout(() => gone.abort(new Error('gone')), 100);
  expect(await lost).toBe('lost');
  expect(await bodyOf((await kept).stream)).toContain('Subject: a');
});

test('a client that goes does not wait for what others have begun', async () => {
  const world = await GraphWorld.start();
  world.deliver('a');
  await world.store().folders();
  const gone = new AbortController();
  fail(world, 'deltaMessages', { kind: 'delay', delayMs: 2_000 });
  const slow = world.store().open('INBOX', { readOnly: true });
  const waiting = world.store(gone.signal).open('INBOX', { readOnly: true });
  const beganMs = performance.now();
  setTimeout(() => gone.abort(new Error('gone')), 100);
  await expect(waiting).rejects.toThrow('gone');
  expect(performance.now() - beganMs).toBeLessThan(1_500);
  await slow;
});

test('headers of messages that are gone leave the disk', async () => {
  const world = await GraphWorld.start();
  const inbox = await inboxOf(world, ['a', 'b']);
  for await (const _ of inbox.headers([1, 2]));
  const [name = ''] = await readdir(world.folder);
  const kept = () => {
    const db = new DatabaseSync(join(world.folder, name, 'index.db'), { readOnly: true });
    const row = db.prepare('SELECT count(*) AS kept FROM headers').get();
    db.close();
    return row?.kept;
  };
  expect(kept()).toBe(2);
  await inbox.remove([1]);
  expect(kept()).toBe(1);
});

test('what was on its way in when the bridge broke down leaves the disk', async () => {
  const world = await GraphWorld.start();
  const file = join(world.mailbox.spoolFolder, 'left-behind');
  await writeFile(file, 'x');
  await utimes(file, new Date('2026-01-01'), new Date('2026-01-01'));
  world.restart();
  expect(await readdir(world.mailbox.spoolFolder)).toEqual([]);
});

test('a flag is not set over the change of another program, where that is the condition', async () => {
  const world = await GraphWorld.start();
  const inbox = await inboxOf(world, ['a']);
  const { highestModseq } = inbox;
  world.m365.directory.replaceFlags(reports, 'INBOX', 1, ['\\Flagged']);
  const { changed, modified } = await inbox.setFlags([1], 'add', ['\\Seen'], highestModseq);
  expect([[...changed.keys()], modified]).toEqual([[], [1]]);
});

test('a message that another program changes, and then deletes, while a keyword is set is no trouble', async () => {
  const world = await GraphWorld.start();
  const inbox = await inboxOf(world, ['a']);
  world.m365.directory.replaceFlags(reports, 'INBOX', 1, ['Theirs']);
  fail(world, 'updateMessage', { kind: 'delay', delayMs: 1 });
  fail(world, 'updateMessage', { status: 404, code: 'ErrorItemNotFound' });
  expect((await inbox.setFlags([1], 'add', ['Ours'])).changed.size).toBe(0);
});

test('a draft that cannot be put into its folder is not left among the drafts', async () => {
  const world = await GraphWorld.start();
  const draft = 'From: a@example.com\r\nSubject: d\r\n\r\nd\r\n';
  fail(world, 'moveMessage');
  const content = Readable.from([Buffer.from(draft)]);
  const append = world.store().append('INBOX', [{ content, size: draft.length, flags: ['\\Draft'] }]);
  await expect(append).rejects.toMatchObject({ code: 'unavailable' });
  expect(subjectsAt(world, 'Drafts')).toEqual([]);
});

test('a message that was removed does not come back as new from an answer that was under way', async () => {
  const world = await GraphWorld.start();
  const inbox = await inboxOf(world, ['a', 'b']);
  const folder = world.mailbox.synced(await world.mailbox.folderNamed('INBOX'));
  const startedAt = folder.ownChanges.now();
  const late = await world.mailbox.mail.message(folder.entry(1)?.id ?? '');
  await inbox.remove([1]);
  const told = heard(inbox);
  const facts = messageFacts(late);
  await folder.edit((edit) =>
    edit.merge(facts === undefined ? [] : [facts], new Map(), { startedAt, pageAt: startedAt }),
  );
  await world.poll();
  expect(told).toEqual([]);
  expect(await listing(inbox)).toEqual({ 2: 'b' });
});

test('a comparison that breaks off forgets no doubt', async () => {
  const world = await GraphWorld.start();
  const inbox = await inboxOf(world, ['a']);
  const folder = world.mailbox.synced(await world.mailbox.folderNamed('INBOX'));
  const id = folder.entry(1)?.id ?? '';
  world.m365.directory.replaceFlags(reports, 'INBOX', 1, ['\\Flagged']);
  // Another program changes it while we do: what Graph reports first is skipped.
  const end = folder.ownChanges.begin([id]);
  await world.poll();
  end();
  fail(world, 'deltaMessages');
  await world.poll().catch(() => {});
  await world.poll();
  expect(await listing(inbox)).toEqual({ 1: 'a \\Flagged' });
});
