import { expect, test } from 'vitest';
import { alice, base64, errorOf, type Graph, graph, person, reports } from './graph-mail.ts';
import { message, microsoft365 } from './harness.ts';

const sentItems = '/mailFolders/sentitems/messages';
const marker = 'String {00020386-0000-0000-C000-000000000046} Name X-Marker';
const own = 'String {66f5a359-4659-4830-9070-00047ec6ac6e} Name mark';

async function send(app: Graph, headers: Record<string, string>) {
  const mime = message({ From: reports, To: alice, Date: 'Sat, 21 Nov 2026 10:00:00 +0000', ...headers });
  expect((await app.request('POST', '/sendMail', base64(mime))).status).toBe(202);
}

async function find(app: Graph, query: Record<string, string>, path = sentItems) {
  const { value } = await app.json<{ value: { subject: string }[] }>('GET', `${path}?${new URLSearchParams(query)}`);
  return value.map(({ subject }) => subject);
}

const withProperty = (id: string, value: string) => ({
  $filter: `singleValueExtendedProperties/any(ep: ep/id eq '${id}' and ep/value eq '${value}')`,
});

test('sent mail is found by its Message-ID and by a header field of the sender’s', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  await send(app, { Subject: 'One', 'Message-ID': "<o'1@x.example>", 'X-Marker': 'm-1' });
  await send(app, { Subject: 'Two', 'Message-ID': '<2@x.example>', 'X-Marker': 'm-2' });
  expect(await find(app, { $filter: "internetMessageId eq '<o''1@x.example>'" })).toEqual(['One']);
  expect(await find(app, { $filter: "internetMessageId eq '<3@x.example>'" })).toEqual([]);
  expect(await find(app, withProperty(marker, 'm-2'))).toEqual(['Two']);
  expect(await find(app, withProperty(marker.toUpperCase().replace('NAME X-MARKER', 'Name x-marker'), 'm-2'))).toEqual([
    'Two',
  ]);
  expect(await find(app, withProperty(marker, 'm-3'))).toEqual([]);
  expect(await find(app, { $filter: "isDraft eq false and internetMessageId eq '<2@x.example>'" })).toEqual(['Two']);
  expect(await find(app, { $filter: "internetMessageId eq '<2@x.example>'" }, '/messages')).toEqual(['Two']);
});

test('a property of a draft is found in it and in what was sent; one that is a header field is sent as that', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  const { id } = await app.json<{ id: string }>('POST', '/messages', {
    subject: 'Marked',
    toRecipients: [person(alice)],
    internetMessageHeaders: [{ name: 'X-Order', value: '17' }],
    singleValueExtendedProperties: [
      { id: own, value: 'it’s' },
      { id: 'String 0x1042', value: '<before@x.example>' },
      { id: 'String {00020386-0000-0000-c000-000000000046} Name Auto-Submitted', value: 'auto-generated' },
    ],
  });
  const expand = `$expand=singleValueExtendedProperties($filter=id eq '${encodeURIComponent(own)}')`;
  const draft = await app.json('GET', `/messages/${id}?$select=internetMessageHeaders&${expand}`);
  expect(draft).toMatchObject({ singleValueExtendedProperties: [{ id: own, value: 'it’s' }] });
  expect(await find(app, withProperty(own, 'it’s'), '/mailFolders/drafts/messages')).toEqual(['Marked']);
  await app.request('POST', `/messages/${id}/send`);
  expect(await find(app, withProperty(own, 'it’s'))).toEqual(['Marked']);
  expect(await find(app, withProperty(own, 'it’s'), '/mailFolders/drafts/messages')).toEqual([]);
  const path = '/mailFolders/sentitems/messages?$select=internetMessageHeaders';
  const { value } = await app.json<{ value: { id: string }[] }>('GET', path);
  expect(value).toEqual([{ '@odata.etag': expect.any(String), id: expect.any(String) }]);
  const mime = await (await app.request('GET', `/messages/${value[0]!.id}/$value`)).text();
  expect(mime).toContain('X-Order: 17\r\n');
  expect(mime).toContain('In-Reply-To: <before@x.example>\r\n');
  expect(mime).toContain('Auto-Submitted: auto-generated\r\n');
});

test('lists are newest first, in pages, ordered and cut by time', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  for (const [day, Subject] of [
    ['01', 'A'],
    ['02', 'B'],
    ['03', 'C'],
  ] as const) {
    const internalDate = new Date(`2026-11-${day}T00:00:00Z`);
    m365.directory.deliver(reports, 'INBOX', Buffer.from(message({ Subject })), { internalDate });
  }
  const inbox = '/mailFolders/inbox/messages';
  expect(await find(app, {}, inbox)).toEqual(['C', 'B', 'A']);
  expect(await find(app, { $orderby: 'receivedDateTime asc' }, inbox)).toEqual(['A', 'B', 'C']);
  expect(await find(app, { $filter: 'receivedDateTime ge 2026-11-02T00:00:00Z' }, inbox)).toEqual(['C', 'B']);
  expect(await find(app, { $filter: 'receivedDateTime lt 2026-11-02' }, inbox)).toEqual(['A']);
  const first = await app.json<{ '@odata.nextLink': string; '@odata.count': number }>(
    'GET',
    `${inbox}?$top=2&$count=true`,
  );
  expect(first['@odata.count']).toBe(3);
  const { pathname, search } = new URL(first['@odata.nextLink']);
  const next = await app.json<object>('GET', pathname.replace(/.*\/mailFolders/, '/mailFolders') + search);
  expect(next).toMatchObject({ value: [{ subject: 'A' }] });
  expect(next).not.toHaveProperty('@odata.nextLink');
});

test('what a query cannot be is refused', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  const refused = async (query: string, path = sentItems) => errorOf(await app.request('GET', `${path}?${query}`));
  expect(await refused("$filter=internetMessageId eq '<1>' or isRead eq true")).toEqual([
    400,
    'ErrorInvalidUrlQueryFilter',
  ]);
  expect(await refused("$filter=startswith(subject,'x')")).toEqual([400, 'ErrorInvalidUrlQueryFilter']);
  expect(await refused("$filter=internetMessageId eq '<1>'&$orderby=receivedDateTime desc")).toEqual([
    400,
    'InefficientFilter',
  ]);
  expect(await refused('$orderby=subject')).toEqual([400, 'ErrorInvalidUrlQuery']);
  expect(await refused('$top=1001')).toEqual([400, 'ErrorInvalidUrlQuery']);
  expect(await refused('$expand=attachments')).toEqual([400, 'ErrorInvalidUrlQuery']);
  expect(await refused('', '/mailFolders/nowhere/messages')).toEqual([404, 'ErrorItemNotFound']);
});

test('looking takes Mail.Read or Mail.ReadWrite', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { graphRoles: ['Mail.Send'] });
  expect(await errorOf(await (await graph(m365)).request('GET', sentItems))).toEqual([403, 'ErrorAccessDenied']);
  await m365.control('PATCH', '/state', { graphRoles: ['Mail.Send', 'Mail.Read'] });
  expect((await (await graph(m365)).request('GET', sentItems)).status).toBe(200);
});

test('a copy may appear late, or never', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  await m365.control('PATCH', '/state', { sentItemsDelayMs: 3_600_000 });
  await send(app, { Subject: 'Late' });
  expect(m365.directory.messages(alice, 'INBOX')).toHaveLength(1);
  expect(await find(app, {})).toEqual([]);
  await m365.control('PATCH', '/state', { sentItemsDelayMs: 1 });
  await send(app, { Subject: 'Soon' });
  await expect.poll(() => find(app, {})).toEqual(['Soon']);
  await m365.control('PATCH', '/state', { sentItemsDelayMs: 0 });
  expect((await find(app, {})).sort()).toEqual(['Late', 'Soon']);
  await m365.control('PATCH', '/state', { sentItemsOffFor: [reports.toUpperCase()] });
  await send(app, { Subject: 'Never' });
  expect(await find(app, {})).not.toContain('Never');
  expect(m365.directory.messages(alice, 'INBOX')).toHaveLength(3);
});
