import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { MailStoreError, type OpenFolder } from '../../../src/mailbox/mail-store.ts';
import { HeaderBlock } from '../../../src/message/header/fields.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { serveEngine } from '../../support/imap-engine.ts';
import { until } from '../../support/relay.ts';
import { playAgainst } from '../../support/transcript.ts';
import { GraphWorld, heard, listing, message, reports } from './world.ts';

const bodyOf = async (stream: Readable) => Buffer.concat(await stream.toArray()).toString();

async function errorCode(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  return error instanceof MailStoreError ? error.code : String(error);
}

test('messages have UIDs in the order in which they arrived, and keep them over a restart', async () => {
  const world = await GraphWorld.start();
  world.deliver('second', { at: new Date('2026-02-02') });
  world.deliver('first', { at: new Date('2026-01-01') });
  world.deliver('third', { at: new Date('2026-03-03') });
  const inbox = await world.store().open('INBOX', { readOnly: false });
  expect(await listing(inbox)).toEqual({ 1: 'first', 2: 'second', 3: 'third' });
  const { uidValidity, uidNext } = inbox;
  expect(uidNext).toBe(4);

  world.restart();
  // The oldest, but it arrives later.
  world.deliver('late', { at: new Date('2025-01-01') });
  const again = await world.store().open('INBOX', { readOnly: false });
  expect(await listing(again)).toEqual({ 1: 'first', 2: 'second', 3: 'third', 4: 'late' });
  expect(again.uidValidity).toBe(uidValidity);
});

test('a UID is never given twice, whatever was removed in between', async () => {
  const world = await GraphWorld.start();
  for (const subject of ['a', 'b', 'c']) world.deliver(subject);
  const inbox = await world.store().open('INBOX', { readOnly: false });
  expect(await inbox.remove([2, 3])).toEqual([2, 3]);
  world.restart();
  world.deliver('d');
  expect(await listing(await world.store().open('INBOX', { readOnly: false }))).toEqual({ 1: 'a', 4: 'd' });
  expect(world.m365.directory.messages(reports, 'INBOX')).toHaveLength(2);
});

test('flags go both ways', async () => {
  const world = await GraphWorld.start();
  const onServer = world.deliver('a');
  const inbox = await world.store().open('INBOX', { readOnly: false });
  const { changed } = await inbox.setFlags([1], 'add', ['\\seen', '\\Answered', '\\Deleted', 'Red_category']);
  expect(changed.get(1)?.flags).toEqual(['\\Seen', 'Red_category', '\\Answered', '\\Deleted']);
  const flagsThere = () => [...(world.m365.directory.message(reports, 'INBOX', onServer)?.flags ?? [])].sort();
  expect(flagsThere()).toEqual(['\\Answered', '\\Deleted', '\\Seen']);

  const told = heard(inbox);
  world.m365.directory.replaceFlags(reports, 'INBOX', onServer, ['\\Flagged', '$Forwarded']);
  await world.poll();
  expect(told).toEqual(['flags 1 $Forwarded Red_category \\Flagged']);
  await inbox.setFlags([1], 'replace', []);
  expect(flagsThere()).toEqual([]);
});

test('what a client calls a draft it finds as one, though Graph takes it for none', async () => {
  const world = await GraphWorld.start();
  const onServer = world.deliver('a');
  const inbox = await world.store().open('INBOX', { readOnly: false });
  expect((await inbox.setFlags([1], 'add', ['\\Draft'])).changed.get(1)?.flags).toEqual(['\\Draft']);
  await inbox.setFlags([1], 'add', ['\\Seen']);
  world.m365.directory.replaceFlags(reports, 'INBOX', onServer, ['\\Flagged']);
  await world.poll();
  expect(await listing(inbox)).toEqual({ 1: 'a \\Draft \\Flagged' });
  await inbox.setFlags([1], 'remove', ['\\Draft']);
  world.restart();
  expect(await listing(await world.store().open('INBOX', { readOnly: true }))).toEqual({ 1: 'a \\Flagged' });
});

test('a change that asks for an unchanged message leaves one alone that has changed since', async () => {
  const world = await GraphWorld.start();
  for (const subject of ['a', 'b']) world.deliver(subject);
  const inbox = await world.store().open('INBOX', { readOnly: false });
  const known = inbox.highestModseq;
  await inbox.setFlags([2], 'add', ['\\Flagged']);
  const { changed, modified } = await inbox.setFlags([1, 2], 'add', ['\\Seen'], known);
  expect([[...changed.keys()], modified]).toEqual([[1], [2]]);
});

test('all sessions of a mailbox hear of each other at once, and none of what it has done itself', async () => {
  const world = await GraphWorld.start();
  for (const subject of ['a', 'b']) world.deliver(subject);
  const [one, other] = [world.store(), world.store()];
  const [mine, theirs] = await Promise.all([
    one.open('INBOX', { readOnly: false }),
    other.open('INBOX', { readOnly: false }),
  ]);
  const [toldMe, toldThem] = [heard(mine), heard(theirs)];
  await mine.setFlags([1], 'add', ['\\Seen']);
  await mine.remove([2]);
  const added = message('c', ['\\Seen']);
  expect((await one.append('INBOX', [added])).uids).toEqual([3]);
  expect(toldThem).toEqual(['flags 1 \\Seen', 'removed 2', 'added 3']);
  expect(toldMe).toEqual(['added 3 recent']);
  await world.poll();
  expect(toldThem).toHaveLength(3);
});

test('a message that went away and came back between two looks stays', async () => {
  const world = await GraphWorld.start();
  world.m365.graph.deltaLosesMoves = true;
  world.deliver('a');
  const store = world.store();
  const inbox = await store.open('INBOX', { readOnly: false });
  const told = heard(inbox);
  const server = world.m365.directory.openStore(reports);
  const there = await server.open('INBOX', { readOnly: false });
  await server.createFolder('Elsewhere');
  await there.move([1], 'Elsewhere');
  const elsewhere = await server.open('Elsewhere', { readOnly: false });
  for await (const { uid } of elsewhere.list()) await elsewhere.move([uid], 'INBOX');
  await world.poll();
  expect(told).toEqual([]);
  expect(await listing(inbox)).toEqual({ 1: 'a' });
});

test('where Graph has forgotten what it told, everything is compared, and nothing is new but what is', async () => {
  const world = await GraphWorld.start();
  for (const subject of ['a', 'b', 'c']) world.deliver(subject);
  const inbox = await world.store().open('INBOX', { readOnly: false });
  const told = heard(inbox);
  world.m365.directory.remove(reports, 'INBOX', 2);
  world.deliver('d', { flags: ['\\Flagged'] });
  world.m365.directory.replaceFlags(reports, 'INBOX', 1, ['\\Seen']);
  world.m365.faults.add({
    target: 'graph',
    kind: 'status',
    status: 410,
    code: 'syncStateNotFound',
    at: 'deltaMessages',
  });
  await world.poll();
  expect(told.sort()).toEqual(['added 4 recent', 'flags 1 \\Seen', 'removed 2']);
  expect(await listing(inbox)).toEqual({ 1: 'a \\Seen', 3: 'c', 4: 'd \\Flagged' });
});

test('once a day everything is compared, so that a change that Graph never told is found', {
  timeout: 20_000,
}, async () => {
  const clock = new FakeClock(Date.now());
  const world = await GraphWorld.start({ pollMs: 60 * 60_000 }, false, clock);
  for (const subject of ['a', 'b', 'c']) world.deliver(subject);
  const inbox = await world.store().open('INBOX', { readOnly: false });
  const told = heard(inbox);
  // As if Graph had reported its removal, and never its return.
  const folder = world.mailbox.synced(await world.mailbox.folderNamed('INBOX'));
  const lost = folder.entry(1);
  await folder.edit((edit) => edit.remove([lost?.id ?? '']));
  expect(told).toEqual(['removed 1']);
  await clock.advance(60 * 60_000);
  await until('an ordinary look', () => world.m365.graphRequests.count({ operation: 'deltaMessages' }) > 1);
  expect(told).toHaveLength(1);
  for (let hour = 0; hour < 25; hour++) await clock.advance(60 * 60_000);
  await until('what was lost', () => told.includes('added 4 recent') || told.includes('added 4'));
  expect(await listing(inbox)).toEqual({ 2: 'b', 3: 'c', 4: 'a' });
});

test('a throttled request is made again when Graph says so, and the client hears of a long wait', async () => {
  const world = await GraphWorld.start();
  world.deliver('a');
  const store = world.store();
  const notices: string[] = [];
  store.onNotice((text) => notices.push(text));
  await store.folders();
  world.m365.faults.add({ target: 'graph', kind: 'status', status: 429, retryAfterSeconds: 3, at: 'deltaMessages' });
  expect(await listing(await store.open('INBOX', { readOnly: false }))).toEqual({ 1: 'a' });
  expect(notices).toContain('Microsoft 365 asks to wait 3 seconds');
});

test('copies and moves say which UIDs they have', async () => {
  const world = await GraphWorld.start();
  for (const subject of ['a', 'b', 'c']) world.deliver(subject, { flags: ['\\Seen'] });
  const store = world.store();
  const inbox = await store.open('INBOX', { readOnly: false });
  const copied = await inbox.copy([1, 3], 'Drafts');
  expect([copied.from, copied.to]).toEqual([
    [1, 3],
    [1, 2],
  ]);
  const moved = await inbox.move([2, 9], 'Deleted Items');
  expect([moved.from, moved.to]).toEqual([[2], [1]]);
  expect(await listing(inbox)).toEqual({ 1: 'a \\Seen', 3: 'c \\Seen' });
  const trash = await store.open('Deleted Items', { readOnly: true });
  expect(await listing(trash)).toEqual({ 1: 'b \\Seen' });
  expect(trash.uidValidity).toBe(moved.uidValidity);
  expect(await errorCode(inbox.copy([1], 'Nowhere'))).toBe('no-such-folder');
});

test('contents are octet for octet what Graph gives, whole and in part, and then sizes are exact', async () => {
  const world = await GraphWorld.start();
  world.deliver('a');
  const inbox = await world.store().open('INBOX', { readOnly: true });
  const whole = world.m365.directory.messages(reports, 'INBOX')[0]?.content ?? Buffer.alloc(0);
  const sizes = async () => {
    const found = [];
    for await (const { size } of inbox.list()) found.push(size);
    return found;
  };
  expect(await sizes()).not.toEqual([whole.length]);
  const content = await inbox.content(1);
  expect([content.size, await bodyOf(content.stream)]).toEqual([whole.length, whole.toString()]);
  const part = await inbox.content(1, { offset: 5, length: 10 });
  expect([part.size, await bodyOf(part.stream)]).toEqual([10, whole.subarray(5, 15).toString()]);
  const beyond = await inbox.content(1, { offset: 5000, length: 10 });
  expect([beyond.size, await bodyOf(beyond.stream)]).toEqual([0, '']);
  expect(await sizes()).toEqual([whole.length]);
  expect(world.m365.graphRequests.count({ operation: 'getMime' })).toBe(1);
  expect(await errorCode(inbox.content(7))).toBe('no-such-message');
});

test('POP3 gets exact sizes before it lists', async () => {
  const world = await GraphWorld.start();
  for (const subject of ['a', 'bb', 'ccc']) world.deliver(subject);
  const inbox = await world.store().open('INBOX', { readOnly: false });
  const exact = world.m365.directory.messages(reports, 'INBOX').map(({ content }) => content.length);
  const listed = [];
  for await (const { size } of inbox.list({ exactSizes: true })) listed.push(size);
  expect(listed).toEqual(exact);
});

test('a message that arrives while exact sizes are found is not in the list, as its size is not exact', async () => {
  const world = await GraphWorld.start();
  for (const subject of ['one', 'two']) world.deliver(subject);
  const inbox = await world.store().open('INBOX', { readOnly: false });
  const exact = world.m365.directory.messages(reports, 'INBOX').map(({ content }) => content.length);
  const listed: number[] = [];
  world.m365.faults.add({ target: 'graph', kind: 'delay', at: 'getMime', delayMs: 1_500 }, 2);
  const listing = (async () => {
    for await (const { size } of inbox.list({ exactSizes: true })) listed.push(size);
  })();
  world.deliver('three');
  await world.poll();
  expect([listed, inbox.uidNext]).toEqual([[], 4]);
  await listing;
  expect(listed).toEqual(exact);
});

test('of many messages, a header that Graph can tell of itself takes no request; any other takes one for twenty', async () => {
  const world = await GraphWorld.start();
  const messages = 205;
  for (let number = 0; number < messages; number++) world.deliver(`number ${number}`);
  const inbox = await world.store().open('INBOX', { readOnly: true });
  const uids = Array.from({ length: messages }, (_, index) => index + 1);
  world.m365.graphRequests.clear();
  let told = 0;
  for await (const { header } of inbox.headers(uids, undefined, ['Subject', 'FROM'])) {
    expect(header.toString()).toContain(`Subject: number ${told}\r\n`);
    told += 1;
  }
  expect([told, world.m365.graphRequests.count()]).toEqual([messages, 0]);
  for await (const { uid, header } of inbox.headers(uids)) {
    expect(header.toString()).toMatch(
      new RegExp(`^From: ann@example.com\r\nTo: .*\r\nSubject: number ${uid - 1}\r\n\r\n$`),
    );
  }
  expect(world.m365.graphRequests.count({ operation: 'batch' })).toBe(11);
  world.m365.graphRequests.clear();
  for await (const _ of inbox.headers(uids));
  expect(world.m365.graphRequests.count()).toBe(0);
});

test('a signed message is refused, as Graph would change it', async () => {
  const world = await GraphWorld.start();
  const store = world.store();
  const signed =
    'From: a@example.com\r\nContent-Type: multipart/signed; boundary=b; protocol="application/pgp-signature"\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\ny\r\n--b--\r\n';
  const append = store.append('INBOX', [
    { content: Readable.from([Buffer.from(signed)]), size: signed.length, flags: [] },
  ]);
  await expect(append).rejects.toThrow('Microsoft Graph cannot store this message unchanged: it is signed');
  expect(world.m365.directory.messages(reports, 'INBOX')).toEqual([]);
});

test('by mailbox import every message is stored octet for octet, signed ones too', async () => {
  const world = await GraphWorld.start({}, true);
  const store = world.store();
  const signed =
    'From: a@example.com\r\nDate: Thu, 1 Jan 2026 01:02:03 +0300\r\nSubject: s\r\nX-Odd: kept\r\nContent-Type: multipart/signed; boundary=b; protocol="application/pgp-signature"\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\ny\r\n--b--\r\n';
  const internalDate = new Date('2026-01-02T03:04:05Z');
  await store.createFolder('Kept');
  for (const flags of [['\\Seen', '\\Flagged', 'work'], []]) {
    const content = Readable.from([Buffer.from(signed)]);
    await store.append('Kept', [{ content, size: signed.length, flags, internalDate }]);
  }
  const kept = await store.open('Kept', { readOnly: true });
  expect(await listing(kept)).toEqual({ 1: 's \\Flagged \\Seen work', 2: 's' });
  for await (const { uid, receivedMs } of kept.list()) {
    expect(receivedMs).toBe(internalDate.getTime());
    expect(await bodyOf((await kept.content(uid)).stream)).toBe(signed);
  }
  expect(world.m365.directory.messages(reports, 'Drafts')).toEqual([]);
});

test('a message that is moved to where it is has another UID, and stays the same at Exchange', async () => {
  const world = await GraphWorld.start();
  world.deliver('a', { flags: ['\\Seen', 'work'] });
  world.deliver('b');
  const inbox = await world.store().open('INBOX', { readOnly: false });
  const other = await world.store().open('INBOX', { readOnly: false });
  const [toldMe, toldOther] = [heard(inbox), heard(other)];
  const before = await listing(inbox);
  world.m365.graphRequests.clear();
  const { from, to } = await inbox.move([1], 'INBOX');
  expect([from, to]).toEqual([[1], [3]]);
  expect(world.m365.graphRequests.count()).toBe(0);
  expect(toldMe).toEqual(['added 3 recent']);
  expect(toldOther).toEqual(['removed 1', 'added 3']);
  const after = { 2: before[2], 3: before[1] };
  expect(await listing(inbox)).toEqual(after);
  await world.mailbox.synced(await world.mailbox.folderNamed('INBOX')).reconcile();
  expect(await listing(inbox)).toEqual(after);
  expect(await inbox.removedSince(1)).toEqual([1]);
  expect(world.m365.directory.messages(reports, 'INBOX').map(({ uid }) => uid)).toEqual([1, 2]);
});

test('a draft is stored as it is, wherever it goes', async () => {
  const world = await GraphWorld.start();
  const store = world.store();
  await store.createFolder('Projects/Rot');
  const draft = 'From: a@example.com\r\nTo: b@example.com\r\nX-Odd: kept\r\nSubject: d\r\n\r\nd\r\n';
  const made = () => ({ content: Readable.from([Buffer.from(draft)]), size: draft.length, flags: ['\\Draft'] });
  await store.append('Drafts', [made()]);
  await store.append('Projects/Rot', [made()]);
  for (const folder of ['Drafts', 'Projects/Rot']) {
    const opened = await store.open(folder, { readOnly: true });
    expect(await listing(opened)).toEqual({ 1: 'd \\Draft' });
    expect(await bodyOf((await opened.content(1)).stream)).toContain('X-Odd: kept');
  }
});

test('folders are made, named anew, taken away and found by what they are for', async () => {
  const world = await GraphWorld.start();
  const store = world.store();
  const names = async () => (await store.folders()).map(({ name }) => name);
  await store.createFolder('Projects/2026');
  expect(await errorCode(store.createFolder('Projects'))).toBe('folder-exists');
  expect(await errorCode(store.deleteFolder('Projects'))).toBe('not-permitted');
  expect(await errorCode(store.deleteFolder('INBOX'))).toBe('not-permitted');
  await store.renameFolder('Projects/2026', 'Done/Year 2026');
  expect(await names()).toEqual(expect.arrayContaining(['Projects', 'Done', 'Done/Year 2026']));
  expect(await names()).not.toContain('Projects/2026');
  await store.deleteFolder('Projects');
  expect(await names()).not.toContain('Projects');
  expect((await store.folders()).find(({ specialUse }) => specialUse === '\\Sent')?.name).toBe('Sent Items');
  expect((await store.folders()).find(({ name }) => name === 'Done')?.subscribed).toBe(false);
});

test('a folder that others have open is opened before Graph answers, and its news follow', async () => {
  const clock = new FakeClock(Date.now());
  const world = await GraphWorld.start({ pollMs: 60 * 60_000 }, false, clock);
  world.deliver('a');
  const select = () => world.store().open('INBOX', { readOnly: true, isWatched: true });
  const first = await select();
  world.deliver('b');
  world.m365.faults.add({ target: 'graph', kind: 'delay', at: 'deltaMessages', delayMs: 1_000 });
  const inbox = await select();
  const told = heard(inbox);
  expect([await listing(inbox), told]).toEqual([{ 1: 'a' }, []]);
  await inbox.upToDate;
  expect([told, inbox.upToDate]).toEqual([['added 2 recent'], undefined]);
  // A caller that cannot be told of news sees everything that exists.
  world.deliver('c');
  const uidsAt = async (folder: Promise<OpenFolder>) => Object.keys(await listing(await folder));
  expect(await uidsAt(world.store().open('INBOX', { readOnly: true }))).toEqual(['1', '2', '3']);
  await clock.advance(16_000);
  world.deliver('d');
  expect(await uidsAt(select())).toEqual(['1', '2', '3', '4']);
  await first.close();
});

test('the first look into a folder waits for its news', async () => {
  const world = await GraphWorld.start();
  world.deliver('a');
  await world.store().open('INBOX', { readOnly: true });
  world.deliver('b');
  world.m365.faults.add({ target: 'graph', kind: 'delay', at: 'deltaMessages', delayMs: 500 });
  await playAgainst(
    (socket) => serveEngine(socket, () => world.store()),
    `
    S: * OK ready
    C: 1 LOGIN alice b
    S: 1 OK …
    C: 2 EXAMINE INBOX
    S: * 1 EXISTS
    S: * 1 RECENT
    S: * FLAGS …
    S: * OK [PERMANENTFLAGS …
    S: * OK [UNSEEN 1] …
    S: * OK [UIDVALIDITY …
    S: * OK [UIDNEXT 2] …
    S: * OK [HIGHESTMODSEQ …
    S: * OK [MAILBOXID …
    S: 2 OK …
    C: 3 SEARCH ALL
    S: * 2 EXISTS
    S: * 2 RECENT
    S: * SEARCH 1 2
    S: 3 OK …`,
  );
});

test('what many messages answer is told by the index, without a request', async () => {
  const world = await GraphWorld.start();
  const count = 210;
  for (let number = 0; number < count; number++) {
    const above = number === 0 ? '' : `References: <0@x> <${number - 1}@x>\r\nIn-Reply-To: <${number - 1}@x>\r\n`;
    const content = `From: a@example.com\r\nMessage-ID: <${number}@x>\r\n${above}Subject: s\r\n\r\nx\r\n`;
    const internalDate = new Date(Date.UTC(2026, 0, 1) + number * 1000);
    world.m365.directory.deliver(reports, 'INBOX', Buffer.from(content), { internalDate });
  }
  const store = world.store();
  const inbox = await store.open('INBOX', { readOnly: false });
  const uids = Array.from({ length: count }, (_, at) => at + 1);
  const references = async (folder: OpenFolder) => {
    const told: (string | undefined)[] = [];
    for await (const { header } of folder.headers(uids, undefined, ['References', 'In-Reply-To', 'Message-ID'])) {
      told.push(HeaderBlock.parse(header).get('References')?.replace(/\s+/g, ' '));
    }
    return told;
  };
  world.m365.graphRequests.clear();
  const expected = uids.map((uid) => (uid === 1 ? undefined : `<0@x> <${uid - 2}@x>`));
  expect([await references(inbox), world.m365.graphRequests.count()]).toEqual([expected, 0]);
  await store.createFolder('Kept');
  await inbox.copy(uids, 'Kept');
  const kept = await store.open('Kept', { readOnly: true });
  expect(await references(kept)).toEqual(expected);
});

test('who has a folder open that somebody deletes is told', async () => {
  const world = await GraphWorld.start();
  const store = world.store();
  await store.createFolder('Old');
  const old = await store.open('Old', { readOnly: false });
  const told = heard(old);
  await world.m365.directory.openStore(reports).deleteFolder('Old');
  await world.mailbox.foldersChanged();
  expect(told).toEqual(['gone: The folder Old was deleted.']);
});

test('a copy to a folder that another program has deleted is refused, not taken for done', async () => {
  const world = await GraphWorld.start();
  world.deliver('a');
  const store = world.store();
  await store.createFolder('Old');
  const inbox = await store.open('INBOX', { readOnly: false });
  await world.m365.directory.openStore(reports).deleteFolder('Old');
  expect(await errorCode(inbox.copy([1], 'Old'))).toBe('no-such-folder');
  expect(await errorCode(store.open('Old', { readOnly: true }))).toBe('no-such-folder');
});

test('without the permission the mailbox is refused with its reason', async () => {
  const world = await GraphWorld.start();
  world.m365.faults.add({ target: 'graph', kind: 'status', status: 403, code: 'ErrorAccessDenied' }, 5);
  const failure = await world
    .store()
    .folders()
    .catch((error: unknown) => error as MailStoreError);
  expect(failure).toMatchObject({ code: 'not-permitted', cause: { code: 'graph-mailbox-refused' } });
});
