import { expect, test } from 'vitest';
import { type Answer, errorOf, type Graph, graph, immutable, pathOf, reports, round } from './graph-mail.ts';
import { type Microsoft365, message, microsoft365 } from './harness.ts';
import { imapClient } from './imap-client.ts';

interface Item {
  id: string;
  subject?: string;
  isRead?: boolean;
  '@removed'?: { reason: string };
}

const delta = '/mailFolders/inbox/messages/delta';

function deliver(m365: Microsoft365, Subject: string, folder = 'INBOX') {
  return m365.directory.deliver(reports, folder, Buffer.from(message({ Subject })));
}

const subjects = (items: readonly Item[]) => items.map(({ subject }) => subject);

const move = (app: Graph, id: string, destinationId: string, headers = immutable) =>
  app.json<Item>('POST', `/messages/${id}/move`, { destinationId }, headers);

test('the first round gives everything in pages, the next what came, changed and went', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  for (const subject of ['A', 'B', 'C', 'D', 'E']) deliver(m365, subject);
  const prefer = { Prefer: 'IdType="ImmutableId", odata.maxpagesize=2' };
  const first = await app.json<object>('GET', `${delta}?$select=subject,isRead`, undefined, prefer);
  expect(first).toMatchObject({ value: [{ subject: 'A', isRead: false }, { subject: 'B' }] });
  expect(first).not.toHaveProperty('@odata.deltaLink');
  const all = await round<Item>(app, `${delta}?$select=subject,isRead`, prefer);
  expect(subjects(all.value)).toEqual(['A', 'B', 'C', 'D', 'E']);
  expect(all.value[0]).toEqual({
    '@odata.type': '#microsoft.graph.message',
    '@odata.etag': expect.any(String),
    id: expect.any(String),
    subject: 'A',
    isRead: false,
  });
  const quiet = await round<Item>(app, all.next, prefer);
  expect(quiet.value).toEqual([]);
  const [a, b, c] = all.value.map(({ id }) => id);
  await app.json('PATCH', `/messages/${a}`, { isRead: true });
  await app.json('PATCH', `/messages/${a}`, { isRead: false });
  await app.json('PATCH', `/messages/${a}`, { isRead: true });
  await app.request('DELETE', `/messages/${b}`);
  await move(app, c!, 'junkemail');
  deliver(m365, 'F');
  const changed = await round<Item>(app, quiet.next, prefer);
  expect(changed.value).toMatchObject([
    { id: a, subject: 'A', isRead: true },
    { id: b, '@removed': { reason: 'deleted' } },
    { id: c, '@removed': { reason: 'deleted' } },
    { subject: 'F', isRead: false },
  ]);
  expect((await round<Item>(app, changed.next, prefer)).value).toEqual([]);
});

test('what changes while the first round is under way is in the second', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  for (const subject of ['A', 'B', 'C']) deliver(m365, subject);
  const prefer = { Prefer: 'IdType="ImmutableId", odata.maxpagesize=1' };
  const first = await app.json<{ value: Item[]; '@odata.nextLink': string }>('GET', delta, undefined, prefer);
  await app.json('PATCH', `/messages/${first.value[0]!.id}`, { isRead: true });
  const rest = await round<Item>(app, pathOf(first['@odata.nextLink']), prefer);
  expect(subjects(rest.value)).toEqual(['B', 'C']);
  expect((await round<Item>(app, rest.next)).value).toMatchObject([{ subject: 'A', isRead: true }]);
});

test('what IMAP and delivery change shows as well', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  deliver(m365, 'A');
  deliver(m365, 'B');
  const { value, next } = await round<Item>(app, delta);
  const client = await imapClient(m365, reports);
  await client.mailboxOpen('INBOX');
  await client.messageFlagsAdd('1', ['\\Seen', '\\Flagged', 'urgent']);
  await client.messageMove('2', 'Junk Email');
  await client.append('INBOX', message({ Subject: 'C' }));
  const changed = await round<Item>(app, next);
  expect(changed.value).toMatchObject([
    { id: value[0]!.id, isRead: true, flag: { flagStatus: 'flagged' }, categories: ['urgent'] },
    { id: value[1]!.id, '@removed': { reason: 'deleted' } },
    { subject: 'C' },
  ]);
  const junk = await round<Item>(app, '/mailFolders/junkemail/messages/delta');
  expect(junk.value).toMatchObject([{ id: value[1]!.id, subject: 'B' }]);
});

test('a message that left and came back is there, unless the simulator loses such moves', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  deliver(m365, 'A');
  const { value, next } = await round<Item>(app, delta);
  const { id } = value[0]!;
  await move(app, id, 'junkemail');
  await move(app, id, 'inbox');
  expect((await round<Item>(app, next)).value).toMatchObject([{ id, subject: 'A' }]);
  m365.graph.deltaLosesMoves = true;
  const lost = await round<Item>(app, next);
  expect(lost.value).toEqual([{ id, '@removed': { reason: 'deleted' } }]);
  expect(await app.json('GET', `/messages/${id}`, undefined, immutable)).toMatchObject({ subject: 'A' });
  expect((await round<Item>(app, lost.next)).value).toEqual([]);
});

test('without immutable ids a message has another id in another folder', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  deliver(m365, 'A');
  const { value, next } = await round<Item>(app, delta, { Prefer: '' });
  const { id } = value[0]!;
  const there = await move(app, id, 'junkemail', { Prefer: '' });
  expect(there.id).not.toBe(id);
  expect((await round<Item>(app, next, { Prefer: '' })).value).toEqual([{ id, '@removed': { reason: 'deleted' } }]);
  expect(await errorOf(await app.request('GET', `/messages/${id}`))).toEqual([404, 'ErrorItemNotFound']);
});

test('a round gives no extended properties unless it is told to', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  deliver(m365, 'A');
  const path = `${delta}?$select=subject&$expand=singleValueExtendedProperties($filter=id eq 'Integer 0x0E08')`;
  expect((await round(app, path)).value[0]).not.toHaveProperty('singleValueExtendedProperties');
  m365.graph.deltaExtendedProperties = true;
  expect((await round(app, path)).value).toMatchObject([
    { singleValueExtendedProperties: [{ id: 'Integer 0x0E08', value: expect.stringMatching(/^\d+$/) }] },
  ]);
});

test('later rounds may give one kind of change alone', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  deliver(m365, 'A');
  deliver(m365, 'B');
  const links = await Promise.all(
    ['created', 'updated', 'deleted'].map((kind) => round<Item>(app, `${delta}?changeType=${kind}&$select=subject`)),
  );
  expect(links.map(({ value }) => subjects(value))).toEqual(Array(3).fill(['A', 'B']));
  m365.directory.replaceFlags(reports, 'INBOX', 1, ['\\Seen']);
  m365.directory.remove(reports, 'INBOX', 2);
  deliver(m365, 'C');
  const rounds = await Promise.all(links.map(({ next }) => round<Item>(app, next)));
  expect(rounds.map(({ value }) => subjects(value))).toEqual([['C'], ['A'], [undefined]]);
  expect(await errorOf(await app.request('GET', `${delta}?changeType=moved`))).toEqual([400, 'ErrorInvalidUrlQuery']);
});

test('a round may leave out what is older', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  for (const day of ['01', '02', '03']) {
    const internalDate = new Date(`2026-11-${day}T00:00:00Z`);
    m365.directory.deliver(reports, 'INBOX', Buffer.from(message({ Subject: day })), { internalDate });
  }
  const filter = '$filter=receivedDateTime ge 2026-11-02T00:00:00Z&$orderby=receivedDateTime desc';
  const { value, next } = await round<Item>(app, `${delta}?${filter}&$select=subject`);
  expect(subjects(value)).toEqual(['02', '03']);
  expect(next).toContain('?$deltatoken=');
  m365.directory.replaceFlags(reports, 'INBOX', 1, ['\\Seen']);
  m365.directory.replaceFlags(reports, 'INBOX', 2, ['\\Seen']);
  expect(subjects((await round<Item>(app, next)).value)).toEqual(['02']);
});

test('what went long ago is forgotten, and a round that needs it begins anew', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  const { next } = await round<Item>(app, delta);
  const content = Buffer.from(message({ Subject: 'A' }));
  for (let n = 0; n < 200_001; n++) m365.directory.deliver(reports, 'INBOX', content);
  const { next: later } = await round<Item>(app, `${delta}?$filter=receivedDateTime ge 2100-01-01`);
  const folder = m365.directory.mailbox(reports).folder('INBOX')!;
  folder.remove(folder.uids().slice(0, 10));
  expect((await app.request('GET', later)).status).toBe(200);
  folder.remove(folder.uids());
  expect(await errorOf(await app.request('GET', later))).toEqual([410, 'syncStateNotFound']);
  expect(await errorOf(await app.request('GET', next))).toEqual([410, 'syncStateNotFound']);
  expect((await round<Item>(app, delta)).value).toEqual([]);
}, 60_000);

test('a round that the server has forgotten begins anew; what it cannot take is refused', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  const { next } = await round(app, delta);
  const refused = async (answer: Promise<Answer>) => errorOf(await answer);
  m365.faults.add({ target: 'graph', at: 'deltaMessages', kind: 'status', status: 410, code: 'syncStateNotFound' });
  expect(await refused(app.request('GET', next))).toEqual([410, 'syncStateNotFound']);
  expect((await app.request('GET', next)).status).toBe(200);
  m365.faults.add({ target: 'graph', at: 'deltaMessages', kind: 'status', status: 403, code: 'ErrorQuotaExceeded' });
  expect(await refused(app.request('GET', next))).toEqual([403, 'ErrorQuotaExceeded']);
  const elsewhere = next.replace('inbox', 'drafts');
  expect(await refused(app.request('GET', elsewhere))).toEqual([410, 'syncStateNotFound']);
  expect(await refused(app.request('GET', `${delta}?$deltatoken=x`))).toEqual([400, 'BadRequest']);
  expect(await refused(app.request('GET', `${delta}?$search="x"`))).toEqual([400, 'ErrorInvalidUrlQuery']);
});
