import { expect, test } from 'vitest';
import { alice, errorOf, type Graph, graph, immutable, type Page, pathOf, reports, stored } from './graph-mail.ts';
import { type Microsoft365, message, microsoft365 } from './harness.ts';
import { imapClient } from './imap-client.ts';

interface Item {
  id: string;
  subject: string;
  parentFolderId: string;
  changeKey: string;
  lastModifiedDateTime: string;
  singleValueExtendedProperties?: { id: string; value: string }[];
}

const inbox = '/mailFolders/inbox/messages';
const deletedFlag = 'Integer {00062008-0000-0000-c000-000000000046} Id 0x8570';

function deliver(m365: Microsoft365, headers: Record<string, string>, folder = 'INBOX') {
  return m365.directory.deliver(reports, folder, Buffer.from(message(headers)));
}

const flagsIn = (m365: Microsoft365, folder = 'INBOX') =>
  m365.directory.messages(reports, folder).map(({ flags }) => flags);

async function list(app: Graph, query: Record<string, string>, path = inbox, headers = immutable) {
  return app.json<Page<Item>>('GET', `${path}?${new URLSearchParams(query)}`, undefined, headers);
}

async function properties(app: Graph, id: string, ids: readonly string[]) {
  const filter = ids.map((each) => `id eq '${each}'`).join(' or ');
  const query = new URLSearchParams({ $select: 'id', $expand: `singleValueExtendedProperties($filter=${filter})` });
  const found = await app.json<Item>('GET', `/messages/${id}?${query}`, undefined, immutable);
  return Object.fromEntries((found.singleValueExtendedProperties ?? []).map(({ id: name, value }) => [name, value]));
}

test('a message shows what Graph shows of one, or what is selected', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  const internalDate = new Date('2026-11-20T10:00:00.700Z');
  const content = Buffer.from(
    message({
      From: `Alice <${alice}>`,
      To: reports,
      Cc: 'x@y.example',
      'Reply-To': 'r@y.example',
      Subject: '=?utf-8?Q?Gr=C3=BC=C3=9Fe?=',
      Date: 'Fri, 20 Nov 2026 09:59:58 +0000',
      'Message-ID': '<1@x.example>',
    }),
  );
  m365.directory.deliver(reports, 'INBOX', content, { internalDate, flags: ['\\Flagged', 'urgent'] });
  const folder = await app.json<Item>('GET', '/mailFolders/inbox');
  const [found] = (await list(app, {})).value;
  const address = (text: string, name = text) => ({ emailAddress: { name, address: text } });
  expect(found).toMatchObject({
    '@odata.etag': `W/"${found!.changeKey}"`,
    parentFolderId: folder.id,
    isRead: false,
    isDraft: false,
    flag: { flagStatus: 'flagged' },
    categories: ['urgent'],
    receivedDateTime: '2026-11-20T10:00:00Z',
    sentDateTime: '2026-11-20T09:59:58Z',
    internetMessageId: '<1@x.example>',
    subject: 'Grüße',
    from: address(alice, 'Alice'),
    sender: address(alice, 'Alice'),
    toRecipients: [address(reports)],
    ccRecipients: [address('x@y.example')],
    bccRecipients: [],
    replyTo: [address('r@y.example')],
    hasAttachments: false,
    conversationId: expect.any(String),
  });
  expect(found).not.toHaveProperty('singleValueExtendedProperties');
  const selected = await app.json<object>('GET', `/messages/${found!.id}?$select=isRead,bodyPreview`);
  expect(Object.keys(selected)).toEqual(['@odata.etag', 'id', 'isRead', 'bodyPreview']);
  expect(selected).toMatchObject({ bodyPreview: 'Hello.\r\n' });
  expect(await app.json('GET', `/messages/${found!.id}?$select=body`)).toMatchObject({
    body: { contentType: 'text', content: 'Hello.\r\n' },
  });
  expect(await (await app.request('GET', `${inbox}/${found!.id}/$value`)).text()).toBe(content.toString());
});

test('marks of Graph are flags of IMAP, and the other way round', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  deliver(m365, { Subject: 'A' });
  const { id } = (await list(app, {})).value[0]!;
  const patch = (body: object) => app.json<object>('PATCH', `/messages/${id}`, body, immutable);
  await patch({ isRead: true, flag: { flagStatus: 'flagged' }, categories: ['work', 'Red category'] });
  expect(flagsIn(m365)).toEqual([['\\Seen', '\\Flagged', 'work']]);
  expect(await patch({ flag: { flagStatus: 'complete' } })).toMatchObject({
    flag: { flagStatus: 'complete' },
    categories: ['work', 'Red category'],
  });
  await patch({ singleValueExtendedProperties: [{ id: 'Integer 0x1081', value: '103' }] });
  expect(flagsIn(m365)).toEqual([['\\Seen', 'work', '\\Answered']]);
  expect(await properties(app, id, ['Integer 0x1081', 'Integer 0x1080', deletedFlag])).toEqual({
    'Integer 0x1081': '103',
    'Integer 0x1080': '261',
  });
  await patch({
    singleValueExtendedProperties: [
      { id: 'Integer 0x1081', value: '104' },
      { id: deletedFlag, value: '1' },
    ],
  });
  expect(flagsIn(m365)).toEqual([['\\Seen', 'work', '$Forwarded', '\\Deleted']]);
  const client = await imapClient(m365, reports);
  await client.mailboxOpen('INBOX');
  await client.messageFlagsSet('1', ['\\Answered', 'home']);
  expect(await properties(app, id, ['Integer 0x1081', 'Integer 0x1080', deletedFlag])).toEqual({
    'Integer 0x1081': '102',
    'Integer 0x1080': '261',
  });
  expect(await app.json('GET', `/messages/${id}`)).toMatchObject({
    isRead: false,
    categories: ['home', 'Red category'],
  });
});

test('extended properties: those of the message, and those a client wrote', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  const header = message({ Subject: 'A', 'In-Reply-To': '<b@x>', References: '<a@x> <b@x>' }, '');
  const body = 'x'.repeat(1000);
  m365.directory.deliver(reports, 'INBOX', Buffer.from(header + body));
  const { id } = (await list(app, {})).value[0]!;
  const found = await properties(app, id, ['Integer 0xe08', 'String 0x1042', 'String 0x1039', 'String 0x007D']);
  expect(found).toEqual({
    'Integer 0xe08': expect.any(String),
    'String 0x1042': '<b@x>',
    'String 0x1039': '<a@x> <b@x>',
    'String 0x007D': header,
  });
  expect(Number(found['Integer 0xe08'])).not.toBe(header.length + body.length);
  const own = 'String {66f5a359-4659-4830-9070-00047ec6ac6e} Name mark';
  const write = (name: string, value: string) =>
    app.json('PATCH', `/messages/${id}`, { singleValueExtendedProperties: [{ id: name, value }] });
  await write(own, 'one');
  await write('Integer 0x0ABC', '7');
  await write(own, 'two');
  expect(await properties(app, id, [own.toUpperCase().replace('STRING', 'String'), 'Integer 0xabc'])).toEqual({
    [own.toUpperCase().replace('STRING', 'String')]: 'two',
    'Integer 0xabc': '7',
  });
  deliver(m365, { Subject: 'S' }, 'Sent Items');
  const sent = (await list(app, {}, '/mailFolders/sentitems/messages')).value[0]!;
  expect(await properties(app, sent.id, ['String 0x007D'])).toEqual({});
});

test('every change makes another version, and a stale one is refused', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  deliver(m365, { Subject: 'A' });
  const before = (await list(app, {})).value[0]!;
  const patch = (version: string, isRead = true) =>
    app.request('PATCH', `/messages/${before.id}`, { isRead }, { 'If-Match': version, ...immutable });
  const after = (await (await patch(`W/"${before.changeKey}"`)).json()) as Item;
  expect(after.changeKey).not.toBe(before.changeKey);
  expect(await errorOf(await patch(`W/"${before.changeKey}"`))).toEqual([412, 'ErrorIrresolvableConflict']);
  expect((await patch(after.changeKey, false)).status).toBe(200);
  const client = await imapClient(m365, reports);
  await client.mailboxOpen('INBOX');
  const now = (await list(app, {})).value[0]!;
  await client.messageFlagsAdd('1', ['\\Seen']);
  expect(await errorOf(await patch(now.changeKey))).toEqual([412, 'ErrorIrresolvableConflict']);
});

test('move and copy: the immutable id stays with the message, the other with the place', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  deliver(m365, { Subject: 'A' });
  const { id } = (await list(app, {})).value[0]!;
  const plain = (await list(app, {}, inbox, { Prefer: '' })).value[0]!.id;
  await app.json('PATCH', `/messages/${id}`, { singleValueExtendedProperties: [{ id: 'String 0xABC', value: 'x' }] });
  const target = { destinationId: 'junkemail' };
  const moved = await app.json<Item>('POST', `/messages/${id}/move`, target, immutable);
  expect(moved.id).toBe(id);
  expect(await errorOf(await app.request('GET', `/messages/${plain}`))).toEqual([404, 'ErrorItemNotFound']);
  const copy = await app.json<Item>('POST', `/messages/${id}/copy`, { DestinationId: 'archive' }, immutable);
  expect(copy.id).not.toBe(id);
  expect(await properties(app, copy.id, ['String 0xABC'])).toEqual({ 'String 0xABC': 'x' });
  expect(['INBOX', 'Junk Email', 'Archive'].map((name) => stored(m365, reports, name).length)).toEqual([0, 1, 1]);
  const away = { destinationId: 'recoverableitemsdeletions' };
  expect((await app.request('POST', `/messages/${copy.id}/move`, away)).status).toBe(201);
  expect(stored(m365, reports, 'Archive')).toEqual([]);
  const nowhere = await app.request('POST', `/messages/${id}/move`, { destinationId: 'msgfolderroot' });
  expect(await errorOf(nowhere)).toEqual([404, 'ErrorItemNotFound']);
});

test('deleting goes to Deleted Items, then to where it can be recovered, then away; permanentDelete at once', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  deliver(m365, { Subject: 'A' });
  const { id } = (await list(app, {})).value[0]!;
  const where = async () => {
    const folders = ['inbox', 'deleteditems', 'recoverableitemsdeletions'];
    const lists = await Promise.all(folders.map((name) => list(app, {}, `/mailFolders/${name}/messages`)));
    return folders.filter((_, index) => lists[index]!.value.length > 0);
  };
  const remove = async () => (await app.request('DELETE', `/messages/${id}`)).status;
  expect([await remove(), await where()]).toEqual([204, ['deleteditems']]);
  expect([await remove(), await where()]).toEqual([204, ['recoverableitemsdeletions']]);
  expect([await remove(), await where()]).toEqual([204, []]);
  expect(await remove()).toBe(404);
  deliver(m365, { Subject: 'B' });
  const next = (await list(app, {})).value[0]!.id;
  expect((await app.request('POST', `${inbox}/${next}/permanentDelete`)).status).toBe(204);
  expect(await where()).toEqual([]);
});

test('lists: pages, orders, filters by time and by words', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  for (const [day, Subject] of Object.entries(['A', 'B', 'C', 'D', 'E'])) {
    const internalDate = new Date(`2026-11-0${Number(day) + 1}T00:00:00Z`);
    const content = Buffer.from(message({ Subject, From: alice }, `The ${Subject}-word is foo${Subject}.\r\n`));
    m365.directory.deliver(reports, 'INBOX', content, { internalDate });
  }
  const subjects = async (query: Record<string, string>) =>
    (await list(app, query)).value.map(({ subject }) => subject);
  const first = await list(app, { $top: '2', $select: 'subject', $count: 'true' });
  expect(first['@odata.count']).toBe(5);
  const link = pathOf(first['@odata.nextLink']!);
  expect(new URLSearchParams(link.split('?')[1]).get('$skiptoken')).toBeTruthy();
  expect((await app.json<Page<Item>>('GET', link)).value).toMatchObject([{ subject: 'C' }, { subject: 'B' }]);
  const sized = await app.json<Page<Item>>('GET', inbox, undefined, { Prefer: 'odata.maxpagesize=3' });
  expect(sized.value).toHaveLength(3);
  const between = 'receivedDateTime ge 2026-11-02T00:00:00Z and receivedDateTime lt 2026-11-04T00:00:00Z';
  expect(await subjects({ $filter: between, $orderby: 'receivedDateTime' })).toEqual(['B', 'C']);
  const { id } = (await list(app, { $filter: "subject eq 'B'" })).value[0]!;
  const since = new Date(Date.now() + 1).toISOString();
  await new Promise((resolve) => setTimeout(resolve, 10));
  await app.json('PATCH', `/messages/${id}`, { isRead: true });
  expect(await subjects({ $filter: `lastModifiedDateTime ge ${since}` })).toEqual(['B']);
  expect(await subjects({ $filter: 'isRead eq true' })).toEqual(['B']);
  expect(await subjects({ $search: '"fooC word"' })).toEqual(['C']);
  expect(await subjects({ $search: '"foo"' })).toEqual([]);
});

test('the content of a message that is no draft takes a permission of its own', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  deliver(m365, { Subject: 'A' });
  const { id } = (await list(app, {})).value[0]!;
  const patch = async (who: Graph) => who.request('PATCH', `/messages/${id}`, { subject: 'B' }, immutable);
  expect(await errorOf(await patch(app))).toEqual([403, 'ErrorAccessDenied']);
  await m365.control('PATCH', '/state', { graphRoles: ['Mail.ReadWrite', 'Mail-Advanced.ReadWrite.All'] });
  expect(await (await patch(await graph(m365))).json()).toMatchObject({ id, subject: 'B' });
});

test('a message posted without the unsent bit is no draft, and takes attachments', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  const posted = await app.json<Item>(
    'POST',
    inbox,
    {
      subject: 'Old',
      from: { emailAddress: { address: alice } },
      toRecipients: [{ emailAddress: { address: reports } }],
      body: { contentType: 'text', content: 'Hi' },
      categories: ['kept'],
      singleValueExtendedProperties: [
        { id: 'Integer 0x0E07', value: '1' },
        { id: 'SystemTime 0x0E06', value: '2020-01-02T03:04:05Z' },
        { id: 'SystemTime 0x0039', value: '2020-01-02T03:04:00Z' },
        { id: 'String 0x1042', value: '<before@x>' },
        { id: 'String 0x007D', value: 'Subject: Old\r\n' },
      ],
    },
    immutable,
  );
  expect(posted).toMatchObject({
    isDraft: false,
    isRead: true,
    receivedDateTime: '2020-01-02T03:04:05Z',
    sentDateTime: '2020-01-02T03:04:00Z',
    from: { emailAddress: { address: alice } },
    categories: ['kept'],
  });
  const ids = ['Integer 0xe07', 'String 0x7d', 'String 0x1042'];
  expect(await properties(app, posted.id, ids)).toEqual({
    'Integer 0xe07': '3',
    'String 0x7d': 'Subject: Old\r\n',
    'String 0x1042': '<before@x>',
  });
  const file = { '@odata.type': '#microsoft.graph.fileAttachment', name: 'a.txt', contentBytes: 'YQ==' };
  expect((await app.request('POST', `/messages/${posted.id}/attachments`, file)).status).toBe(201);
  const [mime] = stored(m365, reports).map(String);
  expect(mime).toContain('Date: Thu, 02 Jan 2020 03:04:00 +0000\r\n');
  expect(mime).toContain('filename=a.txt');
  const { internalDate, flags } = m365.directory.messages(reports, 'INBOX')[0]!;
  expect([internalDate.toISOString(), flags]).toEqual(['2020-01-02T03:04:05.000Z', ['\\Seen', 'kept']]);
  expect(await errorOf(await app.request('POST', `/messages/${posted.id}/send`))).toEqual([
    400,
    'ErrorInvalidOperation',
  ]);
  const moved = await app.json('POST', `/messages/${posted.id}/move`, { destinationId: 'drafts' }, immutable);
  expect(moved).toMatchObject({ id: posted.id, isDraft: false });
});

test('a draft is one wherever it was posted or moved to', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  const mime = message({ From: reports, To: alice, Subject: 'M' });
  const draft = await app.json<Item>('POST', inbox, Buffer.from(mime).toString('base64'), immutable);
  expect(draft).toMatchObject({ isDraft: true, subject: 'M' });
  expect(flagsIn(m365)).toEqual([['\\Draft', '\\Seen']]);
  await app.json('POST', `/messages/${draft.id}/move`, { destinationId: 'archive' });
  expect(await app.json('PATCH', `/messages/${draft.id}`, { subject: 'N' }, immutable)).toMatchObject({
    id: draft.id,
    subject: 'N',
    isDraft: true,
  });
  const copy = await app.json<Item>('POST', `/messages/${draft.id}/copy`, { destinationId: 'inbox' }, immutable);
  await app.json('PATCH', `/messages/${draft.id}`, { subject: 'O' });
  expect(String(stored(m365, reports)[0])).toContain('Subject: N\r\n');
  expect((await app.request('POST', `/messages/${copy.id}/send`)).status).toBe(202);
  expect(stored(m365, alice)).toHaveLength(1);
});
