import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../support/relay.ts';
import { startAdministered } from './admin-world.ts';

interface Listed {
  readonly id: string;
  readonly state: string;
  readonly subject: string;
}

const listed = (body: unknown) => (body as { messages: Listed[]; next: string | null }).messages;

test('a message is followed from the list to its attempt, held, released and deleted', async () => {
  const { call, ask, send, simulator, folder } = await startAdministered();
  await send('graph', { to: 'alice@contoso.com', subject: 'the first of three', messageId: '<first@contoso.com>' });
  const delivered = await until('the delivery', async () =>
    listed((await call('GET', '/messages?state=delivered')).body).find(
      ({ subject }) => subject === 'the first of three',
    ),
  );
  const { body: detail } = await call('GET', `/messages/${delivered.id}`);
  expect(detail).toMatchObject({
    state: 'delivered',
    account: 'graph',
    sender: 'reports@contoso.com',
    recipients: [{ address: 'alice@contoso.com', state: 'delivered' }],
    messageId: '<first@contoso.com>',
    hops: [{ what: 'accepted' }, { what: 'queued' }, { what: 'attempt' }, { what: 'delivered' }],
    attemptLog: [{ courier: 'graph', outcomes: [{ address: 'alice@contoso.com', state: 'delivered' }] }],
  });
  expect((await call('GET', `/messages/${delivered.id}/content`)).status).toBe(404);

  simulator.faults.add({ target: 'graph', kind: 'status', status: 503, at: 'sendMail', retryAfterSeconds: 60 }, 1_000);
  await send('graph', { to: 'bob@contoso.com', subject: 'the second', headers: { 'X-Mark': 'mark-of-the-second' } });
  const waiting = await until('the second', async () =>
    listed((await call('GET', '/messages?state=queued&recipient=bob@*')).body).at(0),
  );
  const changed = async (action: string, more: object) =>
    (await call('POST', '/messages/actions', { action, ...more })).body;
  expect(await changed('hold', { ids: [waiting.id] })).toEqual({ changed: 1 });
  expect((await call('GET', `/messages/${waiting.id}`)).body).toMatchObject({ state: 'held' });
  const content = await ask('GET', `/messages/${waiting.id}/content`);
  expect([content.headers.get('content-type'), content.headers.get('content-disposition')]).toEqual([
    'message/rfc822',
    `attachment; filename="${waiting.id}.eml"`,
  ]);
  expect(await content.text()).toContain('mark-of-the-second');
  expect(await changed('retry', { ids: [waiting.id] })).toEqual({ changed: 0 });
  expect(await changed('release', { filter: { recipient: 'bob@contoso.com' } })).toEqual({ changed: 1 });
  expect(await changed('hold', { filter: { states: ['delivered'] } })).toEqual({ changed: 0 });
  const refused = await call('POST', '/messages/actions', { action: 'delete', ids: [waiting.id] });
  expect(refused).toMatchObject({ status: 400, body: { error: { code: 'admin-request-invalid' } } });
  expect(await changed('delete', { ids: [waiting.id], confirm: true })).toEqual({ changed: 1 });
  expect((await call('GET', `/messages/${waiting.id}`)).status).toBe(404);

  const audit = readFileSync(join(folder.path, 'data', 'admin-audit.jsonl'), 'utf8');
  const lines = audit
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { action: string; outcome: string; details: object; user: string });
  expect(lines.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
    'messages.content admin-not-found',
    'messages done',
    'messages.content done',
    'messages done',
    'messages done',
    'messages done',
    'messages admin-request-invalid',
    'messages done',
  ]);
  expect(lines[1]).toMatchObject({
    user: 'admin token',
    by: 'token',
    address: '127.0.0.1',
    details: { action: 'hold', ids: [waiting.id], count: 1, changed: 1 },
  });
  expect(audit).not.toContain('mark-of-the-second');
});

test('what was released by a page goes out at once', async () => {
  const { call, send, bridge } = await startAdministered();
  await call('GET', '/overview');
  await send('graph', { to: 'alice@contoso.com', subject: 'seen once' });
  await until('the delivery', async () => listed((await call('GET', '/messages?state=delivered')).body).at(0));
  const { body } = await call('POST', '/accounts/graph/test-message', { to: 'alice@contoso.com' });
  const { id } = body as { id: string };
  const state = await until('the test message', async () => {
    const { body: message } = await call('GET', `/messages/${id}`);
    return (message as Listed).state === 'delivered' && message;
  });
  expect(state).toMatchObject({ account: 'graph', subject: expect.stringMatching(/^mailbridge test /) });
  expect(bridge.listeners.length).toBe(1);
});

test('a bounce is found by the message that it is about, and names it, also when that is gone', async () => {
  const { call, send, simulator } = await startAdministered();
  const refusal = { status: 550, code: '5.6.11', text: 'Invalid characters' };
  simulator.faults.add({ target: 'smtp', kind: 'reply', at: 'data', ...refusal }, 1);
  await send('smtp', { to: 'alice@contoso.com', subject: 'to be refused' });
  const failed = await until('the failure', async () =>
    listed((await call('GET', '/messages?state=failed')).body).at(0),
  );
  const found = () => call('GET', `/messages?noticeAbout=${failed.id}`);
  const bounce = await until('the bounce', async () =>
    listed((await found()).body).find(({ state }) => state === 'delivered'),
  );
  const detail = `${bounce.id} to <reports@contoso.com>: delivered`;
  const { body: message } = await call('GET', `/messages/${failed.id}`);
  expect(message).toMatchObject({ hops: [{}, {}, {}, {}, { what: 'notice', detail, message: bounce.id }] });
  expect(message).not.toHaveProperty('noticeAbout');
  const notice = async () => (await call('GET', `/messages/${bounce.id}`)).body;
  expect(await notice()).toMatchObject({
    noticeAbout: { id: failed.id, state: 'failed' },
    hops: [{ what: 'accepted', message: failed.id }, {}, {}, {}],
  });
  await call('POST', '/messages/actions', { action: 'delete', ids: [failed.id], confirm: true });
  expect(await notice()).toMatchObject({ noticeAbout: { id: failed.id, state: null } });
  expect(listed((await found()).body).map(({ id }) => id)).toEqual([bounce.id]);
});

test('pages of messages follow one another, the newest first', async () => {
  const { call, send } = await startAdministered();
  for (const subject of ['one', 'two', 'three']) await send('graph', { to: 'alice@contoso.com', subject });
  const first = (await call('GET', '/messages?limit=2')).body as { messages: Listed[]; next: string };
  expect(first.messages.map(({ subject }) => subject)).toEqual(['three', 'two']);
  const second = (await call('GET', `/messages?limit=2&before=${first.next}`)).body as {
    messages: Listed[];
    next: null;
  };
  expect([second.messages.map(({ subject }) => subject), second.next]).toEqual([['one'], null]);
  const found = await call('GET', '/messages?subject=tw&since=2020-01-01T00:00:00Z');
  expect(listed(found.body).map(({ subject }) => subject)).toEqual(['two']);
});

test('an account is told with what a mail program needs, and gets app passwords that work', async () => {
  const { call, bridge, send } = await startAdministered();
  expect((await call('GET', '/accounts')).body).toMatchObject({
    accounts: [
      { username: 'graph', kind: 'one', send: ['graph'], read: null, lastUse: null, appPasswords: 0, state: 'ok' },
      { username: 'smtp' },
    ],
    next: null,
  });
  const page = (await call('GET', '/accounts?limit=1')).body as { accounts: Listed[]; next: string };
  expect(page.next).toBe('graph');
  expect((await call('GET', '/accounts?limit=1&after=graph')).body).toMatchObject({ accounts: [{ username: 'smtp' }] });
  expect((await call('GET', '/accounts?search=SMT')).body).toMatchObject({ accounts: [{ username: 'smtp' }] });
  const made = await call('POST', '/accounts/graph/app-passwords', { name: 'second floor' });
  expect(made).toMatchObject({ status: 201, body: { id: 'second floor' } });
  const again = await call('POST', '/accounts/graph/app-passwords', { name: 'second floor' });
  expect(again).toMatchObject({ status: 409, body: { error: { code: 'app-password-exists' } } });
  await send('graph', { to: 'alice@contoso.com', subject: 'x' });
  expect((await call('GET', '/accounts/GRAPH')).body).toMatchObject({
    username: 'graph',
    lastUse: expect.any(String),
    settings: { smtp: { host: '127.0.0.1', port: bridge.listeners[0]?.port, security: 'starttls', username: 'graph' } },
    appPasswords: [{ id: 'second floor', name: 'second floor', lastUsedAt: null }],
  });
  expect((await call('DELETE', '/accounts/graph/app-passwords/second%20floor')).status).toBe(204);
  expect((await call('DELETE', '/accounts/graph/app-passwords/second%20floor')).status).toBe(404);
  expect((await call('GET', '/accounts/nobody')).status).toBe(404);
});

test('a connection is checked while somebody looks on', async () => {
  const { call } = await startAdministered();
  const [connection] = (await call('GET', '/connections')).body as { name: string; state: string }[];
  expect(connection).toMatchObject({
    name: 'contoso',
    grant: 'client-credentials',
    cloud: 'custom',
    state: 'ok',
    usedBy: 2,
    permissions: { needed: expect.arrayContaining(['Mail.Send', 'SMTP.SendAsApp']) },
  });
  const begun = await call('POST', '/connections/contoso/check');
  const { run } = begun.body as { run: string };
  expect(begun.status).toBe(202);
  const check = await until('the end of the check', async () => {
    const { body } = await call('GET', `/checks/${run}`);
    return (body as { done: boolean }).done && body;
  });
  expect(check).toMatchObject({ connection: 'contoso', ok: true });
  expect((await call('POST', '/connections/nobody/check')).status).toBe(404);
  expect((await call('GET', '/checks/nobody')).status).toBe(404);
  const consent = (await call('GET', '/connections/contoso/consent')).body as { url: string };
  expect(new URL(consent.url).pathname).toMatch(/\/v2\.0\/adminconsent$/);
  expect(await call('POST', '/connections/contoso/sign-in', {})).toMatchObject({
    status: 400,
    body: { error: { code: 'usage' } },
  });
});

test('the log and the overview tell what has happened', async () => {
  const { call, send } = await startAdministered();
  await send('graph', { to: 'alice@contoso.com', subject: 'x' });
  await until('the delivery', async () => listed((await call('GET', '/messages?state=delivered')).body).at(0));
  const log = (await call('GET', '/log?search=accepted&limit=5')).body;
  expect(log).toMatchObject({ lines: [{ level: 'info', msg: 'accepted', fields: { account: 'graph' } }] });
  expect((await call('GET', '/log?level=fatal')).body).toEqual({ lines: [] });
  expect((await call('GET', '/history?range=hour')).body).toMatchObject({ stepSeconds: expect.any(Number) });
  expect((await call('GET', '/history?range=year')).status).toBe(400);
  expect((await call('GET', '/overview')).body).toMatchObject({
    ready: { ready: true, reasons: [] },
    accounts: { total: 2, trouble: [] },
    queue: { queued: 0, held: 0, failed: 0, quarantined: 0, deliveredLastDay: 1, oldestQueuedAt: null },
  });
});
