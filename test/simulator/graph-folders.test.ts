import { expect, test } from 'vitest';
import { errorOf, type Graph, graph, type Page, pathOf, reports, round } from './graph-mail.ts';
import { message, microsoft365 } from './harness.ts';
import { imapClient } from './imap-client.ts';

interface Folder {
  id: string;
  displayName: string;
  parentFolderId: string;
}

const mail = (Subject: string) => Buffer.from(message({ Subject }));

async function names(app: Graph, path = '/mailFolders?$top=100') {
  return (await app.json<Page<Folder>>('GET', path)).value.map(({ displayName }) => displayName);
}

const create = (app: Graph, displayName: string, below?: string) =>
  app.json<Folder>('POST', below === undefined ? '/mailFolders' : `/mailFolders/${below}/childFolders`, {
    displayName,
  });

test('the folders of a mailbox are listed level by level, with their counts', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  m365.directory.deliver(reports, 'INBOX', mail('one'), { flags: ['\\Seen'] });
  m365.directory.deliver(reports, 'INBOX', mail('three'));
  await create(app, 'Projects', 'inbox');
  expect(await names(app)).toEqual(['Inbox', 'Drafts', 'Sent Items', 'Deleted Items', 'Junk Email']);
  expect(await names(app, '/mailFolders/inbox/childFolders')).toEqual(['Projects']);
  const inbox = await app.json<Folder>('GET', '/mailFolders/inbox');
  const root = await app.json<Folder>('GET', '/mailFolders/msgfolderroot');
  expect(inbox).toEqual({
    id: expect.any(String),
    displayName: 'Inbox',
    parentFolderId: root.id,
    childFolderCount: 1,
    unreadItemCount: 1,
    totalItemCount: 2,
    sizeInBytes: mail('one').length + mail('three').length,
    isHidden: false,
  });
  expect(await app.json('GET', `/mailFolders/${inbox.id}?$select=totalItemCount`)).toEqual({
    id: inbox.id,
    totalItemCount: 2,
  });
  const first = await app.json<Page<Folder>>('GET', '/mailFolders?$top=3&$count=true');
  expect([first.value.length, first['@odata.count']]).toEqual([3, 5]);
  expect(await names(app, pathOf(first['@odata.nextLink'] ?? ''))).toEqual(['Deleted Items', 'Junk Email']);
});

test('the archive comes into being when somebody asks for it', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  expect(await names(app)).not.toContain('Archive');
  const archive = await app.json<Folder>('GET', '/mailFolders/archive');
  expect(archive.displayName).toBe('Archive');
  expect(await app.json('GET', '/mailFolders/archive')).toEqual(archive);
  expect(await names(app)).toContain('Archive');
});

test('folders are made, renamed, moved and deleted, and keep their ids', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  const { id } = await create(app, 'Old');
  const inner = await create(app, 'Inner', id);
  m365.directory.deliver(reports, 'Old/Inner', mail('one'));
  expect(await app.json('PATCH', `/mailFolders/${id}`, { displayName: 'New' })).toMatchObject({
    id,
    displayName: 'New',
  });
  const inbox = await app.json<Folder>('GET', '/mailFolders/inbox');
  const moved = await app.json('POST', `/mailFolders/${id}/move`, { destinationId: 'inbox' });
  expect(moved).toMatchObject({ id, parentFolderId: inbox.id });
  expect(m365.directory.messages(reports, 'INBOX/New/Inner')).toHaveLength(1);
  expect(await app.json('GET', `/mailFolders/${inner.id}`)).toMatchObject({ parentFolderId: id, totalItemCount: 1 });
  const deleted = await app.json<Folder>('GET', '/mailFolders/deleteditems');
  expect((await app.request('DELETE', `/mailFolders/${id}`)).status).toBe(204);
  expect(await app.json('GET', `/mailFolders/${id}`)).toMatchObject({ parentFolderId: deleted.id });
  const again = await create(app, 'New');
  expect((await app.request('DELETE', `/mailFolders/${again.id}`)).status).toBe(204);
  expect(await names(app, '/mailFolders/deleteditems/childFolders')).toEqual(['New', 'New1']);
  expect((await app.request('DELETE', `/mailFolders/${id}`)).status).toBe(204);
  expect(await errorOf(await app.request('GET', `/mailFolders/${id}`))).toEqual([404, 'ErrorItemNotFound']);
  expect((await app.request('POST', `/mailFolders/${again.id}/permanentDelete`)).status).toBe(204);
  expect(await names(app, '/mailFolders/deleteditems/childFolders')).toEqual([]);
});

test('what cannot be done with a folder is refused', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  const { id } = await create(app, 'Projects');
  const inner = await create(app, 'Inner', id);
  const refused = async (...args: Parameters<Graph['request']>) => errorOf(await app.request(...args));
  const same = { displayName: 'projects' };
  expect(await refused('POST', '/mailFolders', same)).toEqual([409, 'ErrorFolderExists']);
  expect(await refused('PATCH', `/mailFolders/${id}`, { displayName: 'DRAFTS' })).toEqual([409, 'ErrorFolderExists']);
  expect(await refused('POST', '/mailFolders', { displayName: '' })).toEqual([400, 'RequestBodyRead']);
  expect(await refused('DELETE', '/mailFolders/inbox')).toEqual([400, 'ErrorDeleteDistinguishedFolder']);
  expect(await refused('POST', `/mailFolders/${id}/move`, { destinationId: inner.id })).toEqual([
    400,
    'ErrorMoveCopyFailed',
  ]);
  expect(await refused('GET', '/mailFolders/nothing')).toEqual([404, 'ErrorItemNotFound']);
  await m365.control('PATCH', '/state', { graphRoles: ['Mail.Read'] });
  const reader = await graph(m365);
  expect((await reader.request('GET', '/mailFolders')).status).toBe(200);
  expect(await errorOf(await reader.request('DELETE', `/mailFolders/${id}`))).toEqual([403, 'ErrorAccessDenied']);
});

test('IMAP and Graph see the same tree', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  const client = await imapClient(m365, reports);
  const { id } = await create(app, 'Ideas', 'inbox');
  await create(app, 'in/out', id);
  expect((await client.list()).map(({ path }) => path)).toEqual(
    expect.arrayContaining(['INBOX/Ideas', 'INBOX/Ideas/in\u2215out']),
  );
  await client.mailboxCreate('Work/Done');
  expect(await names(app)).toContain('Work');
  await client.mailboxRename('INBOX/Ideas', 'Plans');
  expect(await app.json('GET', `/mailFolders/${id}`)).toMatchObject({ displayName: 'Plans', childFolderCount: 1 });
  expect(await names(app, `/mailFolders/${id}/childFolders`)).toEqual(['in/out']);
});

test('a round of changes tells the folders that are new, changed or gone', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  const { id } = await create(app, 'Projects');
  const pages = { Prefer: 'odata.maxpagesize=4' };
  const path = '/mailFolders/delta?$select=displayName,totalItemCount';
  const all = await round<Folder>(app, path, pages);
  expect(all.value.map(({ displayName }) => displayName).sort()).toEqual([
    'Deleted Items',
    'Drafts',
    'Inbox',
    'Junk Email',
    'Projects',
    'Sent Items',
  ]);
  expect(Object.keys(all.value[0]!)).toEqual(['id', 'displayName', 'totalItemCount']);
  const quiet = await round<Folder>(app, all.next);
  expect(quiet.value).toEqual([]);
  m365.directory.deliver(reports, 'INBOX', mail('one'));
  const below = await create(app, 'Below', id);
  const changed = await round<Folder>(app, quiet.next);
  expect(changed.value).toEqual([
    { id: expect.any(String), displayName: 'Inbox', totalItemCount: 1 },
    { id: below.id, displayName: 'Below', totalItemCount: 0 },
  ]);
  await app.request('POST', `/mailFolders/${id}/permanentDelete`);
  const gone = await round<Folder>(app, changed.next);
  expect(gone.value).toEqual([
    { id, '@removed': { reason: 'deleted' } },
    { id: below.id, '@removed': { reason: 'deleted' } },
  ]);
  const other = await graph(m365, 'alice@contoso.example');
  expect(await errorOf(await other.request('GET', gone.next))).toEqual([410, 'syncStateNotFound']);
});
