import { expect, test } from 'vitest';
import { alice, base64, errorOf, graph, immutable, reports, stored } from './graph-mail.ts';
import { type Microsoft365, message, microsoft365 } from './harness.ts';

const json = { 'Content-Type': 'application/json' };
const mime = message({ From: 'far@x.example', To: reports, Subject: 'Received', 'X-Odd': '1' }, 'Signed as it is.\r\n');

/** PidTagMessageFlags in a stream: its type and its id. */
const messageFlags = Buffer.from([0x03, 0x00, 0x07, 0x0e]);

/** Requests about a mailbox's items, with an app's token that has the permissions. */
async function exchangeItems(m365: Microsoft365, mailbox = reports) {
  const graphRoles = ['Mail.ReadWrite', 'MailboxItem.ImportExport.All', 'User.Read.All'];
  await m365.control('PATCH', '/state', { graphRoles });
  const app = await graph(m365, mailbox);
  const { primaryMailboxId } = await app.json<{ primaryMailboxId: string }>('GET', '/settings/exchange');
  const headers = { Authorization: `Bearer ${await m365.token('graph')}`, ...json };
  const post = (action: string, body?: object) =>
    m365.get(`${m365.endpoints.graph}/v1.0/admin/exchange/mailboxes/${primaryMailboxId}/${action}`, {
      method: 'POST',
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
  const importUrl = async () => ((await (await post('createImportSession')).json()) as { importUrl: string }).importUrl;
  const exported = async (itemIds: readonly string[]) => {
    const answer = await (await post('exportItems', { itemIds })).json();
    return (answer as { value: { itemId: string; changeKey: string; data: string; error?: object }[] }).value;
  };
  const importItem = (url: string, body: object, headers: Record<string, string> = json) =>
    m365.get(url, { method: 'POST', headers, body: JSON.stringify(body) });
  return { app, post, exported, importUrl, importItem, primaryMailboxId };
}

test('MIME becomes a message that is no draft: a draft is exported, made sent, and imported', async () => {
  const m365 = await microsoft365();
  const { app, exported, importUrl, importItem } = await exchangeItems(m365);
  const draft = await app.json<{ id: string; changeKey: string }>('POST', '/messages', base64(mime), immutable);
  const [item] = await exported([draft.id]);
  expect(item).toMatchObject({ itemId: draft.id, changeKey: draft.changeKey });
  const data = Buffer.from(item!.data, 'base64');
  const at = data.indexOf(messageFlags) + messageFlags.length;
  expect(data.readInt32LE(at)).toBe(1 | 8);
  data.writeInt32LE(0, at);
  const url = await importUrl();
  expect(new URL(url).pathname).toMatch(/^\/api\/gv1\.0\/Mailboxes\('MBX:[^']+'\)\/importItem$/);
  const body = { FolderId: 'inbox', Mode: 'create', Data: data.toString('base64') };
  const answer = await importItem(url, body, { ...json, ...immutable });
  expect(answer.status).toBe(200);
  const { itemId, changeKey } = (await answer.json()) as { itemId: string; changeKey: string };
  expect(await app.json('GET', `/messages/${itemId}`, undefined, immutable)).toMatchObject({
    id: itemId,
    changeKey,
    isDraft: false,
    isRead: false,
    subject: 'Received',
  });
  expect(stored(m365, reports).map(String)).toEqual([mime]);
  expect((await app.request('DELETE', `/messages/${draft.id}`)).status).toBe(204);
  expect(await (await app.request('GET', `/messages/${itemId}/$value`)).text()).toBe(mime);
});

test('flags and dates go with an item, to another mailbox too', async () => {
  const m365 = await microsoft365();
  const { app, exported } = await exchangeItems(m365);
  const internalDate = new Date('2001-02-03T04:05:06.789Z');
  const flags = ['\\Flagged', 'work', '\\Seen'];
  m365.directory.deliver(reports, 'INBOX', Buffer.from(mime), { internalDate, flags });
  const { value } = await app.json<{ value: { id: string }[] }>('GET', '/messages');
  const [item, none] = await exported([value[0]!.id, 'nothing']);
  expect(none).toEqual({ itemId: 'nothing', error: { code: 'ErrorItemNotFound', message: expect.any(String) } });
  const other = await exchangeItems(m365, alice);
  const body = { folderId: 'archive', mode: 'Create', data: item!.data };
  expect((await other.importItem(await other.importUrl(), body)).status).toBe(200);
  expect(m365.directory.messages(alice, 'Archive')).toMatchObject([{ flags, internalDate }]);
});

test('what cannot be imported or exported is refused', async () => {
  const m365 = await microsoft365();
  const { app, post, exported, importUrl, importItem, primaryMailboxId } = await exchangeItems(m365);
  m365.directory.deliver(reports, 'INBOX', Buffer.from(mime));
  const { value } = await app.json<{ value: { id: string }[] }>('GET', '/messages');
  const Data = (await exported([value[0]!.id]))[0]!.data;
  const url = await importUrl();
  const refused = async (body: object, at = url, headers: Record<string, string> = json) =>
    errorOf(await importItem(at, body, headers));
  const good = { FolderId: 'inbox', Mode: 'create', Data };
  expect(await refused({ ...good, Mode: 'update' })).toEqual([400, 'ErrorInvalidRequest']);
  expect(await refused({ ...good, ItemId: 'x' })).toEqual([400, 'ErrorInvalidRequest']);
  expect(await refused({ ...good, FolderId: 'nowhere' })).toEqual([404, 'ErrorItemNotFound']);
  expect(await refused({ ...good, Data: Data.slice(0, 40) })).toEqual([400, 'ErrorCorruptData']);
  expect(await refused({ ...good, Data: base64('nothing') })).toEqual([400, 'ErrorCorruptData']);
  expect(await refused(good, `${url}x`)).toEqual([401, 'InvalidAuthenticationToken']);
  const withToken = { ...json, Authorization: 'Bearer x' };
  expect(await refused(good, url, withToken)).toEqual([401, 'InvalidAuthenticationToken']);
  await m365.control('PATCH', '/state', { importSessionLifetimeSeconds: -1 });
  expect(await refused(good, await importUrl())).toEqual([401, 'InvalidAuthenticationToken']);
  const many = { itemIds: Array.from({ length: 21 }, () => 'x') };
  expect(await errorOf(await post('exportItems', many))).toEqual([400, 'ErrorInvalidRequest']);
  expect(stored(m365, reports)).toHaveLength(1);
  await m365.control('PATCH', '/state', { graphRoles: ['Mail.ReadWrite'] });
  const token = await m365.token('graph');
  const without = await m365.get(
    `${m365.endpoints.graph}/v1.0/admin/exchange/mailboxes/${primaryMailboxId}/createImportSession`,
    { method: 'POST', headers: { Authorization: `Bearer ${token}` } },
  );
  expect(await errorOf(without)).toEqual([403, 'ErrorAccessDenied']);
  expect(await errorOf(await (await graph(m365)).request('GET', '/settings/exchange'))).toEqual([
    403,
    'ErrorAccessDenied',
  ]);
});
