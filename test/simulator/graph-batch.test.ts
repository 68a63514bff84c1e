import { expect, test } from 'vitest';
import { base64, errorOf, graph, immutable, reports } from './graph-mail.ts';
import { type Microsoft365, message, microsoft365 } from './harness.ts';

interface BatchAnswer {
  id: string;
  status: number;
  headers: Record<string, string>;
  body?: { displayName?: string; value?: { subject: string }[]; error?: { code: string } } & string;
}

const user = `/users/${reports}`;

/** `POST /$batch` with an app's token. */
async function batch(m365: Microsoft365, requests: readonly object[], token?: string) {
  return m365.get(`${m365.endpoints.graph}/v1.0/$batch`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token ?? (await m365.token('graph'))}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ requests }),
  });
}

async function answers(m365: Microsoft365, requests: readonly object[]) {
  const answer = await batch(m365, requests);
  expect(answer.status).toBe(200);
  const { responses } = (await answer.json()) as { responses: BatchAnswer[] };
  return responses;
}

const get = (id: string, url: string, more: object = {}) => ({ id, method: 'GET', url, ...more });

test('the answers to the requests of a batch have their ids, and no promised order', async () => {
  const m365 = await microsoft365();
  m365.directory.deliver(reports, 'INBOX', Buffer.from(message({ Subject: 'A' })));
  const found = await answers(m365, [
    get('inbox', `${user}/mailFolders/inbox?$select=displayName`),
    get('none', `users/${reports}/mailFolders/nothing`),
    get('list', `${user}/messages?$select=subject`, { headers: immutable }),
    {
      id: 'new',
      method: 'POST',
      url: `${user}/mailFolders`,
      headers: { 'Content-Type': 'application/json' },
      body: { displayName: 'Made' },
    },
    { id: 'away', method: 'delete', url: `${user}/mailFolders/nothing` },
  ]);
  const byId = Object.fromEntries(found.map((answer) => [answer.id, answer]));
  expect(found.map(({ id }) => id)).not.toEqual(['inbox', 'none', 'list', 'new', 'away']);
  expect(byId.inbox).toMatchObject({
    status: 200,
    headers: { 'Content-Type': 'application/json', 'request-id': expect.any(String) },
    body: { displayName: 'Inbox' },
  });
  expect(byId.none).toMatchObject({ status: 404, body: { error: { code: 'ErrorItemNotFound' } } });
  expect(byId.list?.body?.value).toMatchObject([{ subject: 'A' }]);
  expect(byId.new).toMatchObject({ status: 201, body: { displayName: 'Made' } });
  expect(byId.away?.status).toBe(404);
});

test('MIME goes in as text and comes out in base64', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  const mime = message({ From: reports, Subject: 'A' });
  const [made] = await answers(m365, [
    {
      id: '1',
      method: 'POST',
      url: `${user}/messages`,
      headers: { 'Content-Type': 'text/plain' },
      body: base64(mime),
    },
  ]);
  expect(made?.status).toBe(201);
  const { value } = await app.json<{ value: { id: string }[] }>('GET', '/mailFolders/drafts/messages');
  const [read] = await answers(m365, [get('1', `${user}/messages/${value[0]!.id}/$value`)]);
  expect(Buffer.from(read?.body ?? '', 'base64').toString()).toBe(mime);
});

test('a request waits for those it depends on, and fails where they fail', async () => {
  const m365 = await microsoft365();
  const json = { 'Content-Type': 'application/json' };
  const create = { method: 'POST', url: `${user}/mailFolders`, headers: json, body: { displayName: 'Made' } };
  const found = await answers(m365, [
    get('list', `${user}/mailFolders?$top=50`, { dependsOn: ['make'] }),
    { id: 'make', ...create },
    { id: 'again', ...create, dependsOn: ['make'] },
    get('last', `${user}/mailFolders`, { dependsOn: ['again'] }),
  ]);
  expect(Object.fromEntries(found.map(({ id, status }) => [id, status]))).toEqual({
    make: 201,
    list: 200,
    again: 409,
    last: 424,
  });
  expect(JSON.stringify(found.find(({ id }) => id === 'list')?.body)).toContain('Made');
});

test('a batch has four requests under way at a time; others of the mailbox are throttled one by one', async () => {
  const m365 = await microsoft365();
  m365.graph.latencyMs = 100;
  const twenty = Array.from({ length: 20 }, (_, index) => get(String(index), `${user}/mailFolders/inbox`));
  const started = performance.now();
  const alone = await answers(m365, twenty);
  expect(alone.every(({ status }) => status === 200)).toBe(true);
  expect(performance.now() - started).toBeGreaterThan(495);
  const both = (await Promise.all([answers(m365, twenty.slice(0, 4)), answers(m365, twenty.slice(0, 4))])).flat();
  const throttled = both.filter(({ status }) => status === 429);
  expect(throttled.length).toBeGreaterThan(0);
  expect(both.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(4);
  expect(throttled[0]).toMatchObject({
    headers: { 'Retry-After': '1' },
    body: { error: { code: 'ApplicationThrottled' } },
  });
  m365.faults.add({ target: 'graph', at: 'getFolder', kind: 'status', status: 503, retryAfterSeconds: 2 });
  m365.graph.latencyMs = 0;
  const one = await answers(m365, twenty.slice(0, 3));
  expect(one.map(({ status }) => status).sort()).toEqual([200, 200, 503]);
});

test('a batch that is none is refused as a whole', async () => {
  const m365 = await microsoft365();
  const refused = async (requests: readonly object[]) => errorOf(await batch(m365, requests));
  const many = Array.from({ length: 21 }, (_, index) => get(String(index), `${user}/messages`));
  expect(await refused(many)).toEqual([400, 'BadRequest']);
  expect(await refused([get('a', '/me'), get('A', '/me')])).toEqual([400, 'BadRequest']);
  expect(await refused([get('1', 'https://x.example/me')])).toEqual([400, 'BadRequest']);
  expect(await refused([get('1', '/me', { dependsOn: ['2'] })])).toEqual([400, 'BadRequest']);
  const circle = [get('1', '/me', { dependsOn: ['2'] }), get('2', '/me', { dependsOn: ['1'] })];
  expect(await refused(circle)).toEqual([400, 'BadRequest']);
  expect(await refused([{ id: '1', method: 'POST', url: '/me', body: {} }])).toEqual([400, 'BadRequest']);
  expect(await refused([])).toEqual([400, 'RequestBodyRead']);
  expect(await errorOf(await batch(m365, [get('1', '/me')], 'x'))).toEqual([401, 'InvalidAuthenticationToken']);
});
