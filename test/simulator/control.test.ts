import { expect, test } from 'vitest';
import { message, microsoft365 } from './harness.ts';

const reports = 'reports@contoso.example';
const alice = 'alice@contoso.example';

test('the state is shown in the form in which it is changed, without secrets', async () => {
  const m365 = await microsoft365();
  const state = (await (await m365.control('GET', '/state')).json()) as Record<string, unknown>;
  expect(state).toMatchObject({
    clientId: m365.clientId,
    graphRoles: ['Mail.Send', 'Mail.ReadWrite'],
    mailboxPermissions: 'all',
    secretExpired: false,
    mailboxes: [reports, alice, 'bob@contoso.example'],
  });
  expect(JSON.stringify(state)).not.toContain(m365.clientSecret);
  const { tenantId: _, tenantDomain: _d, clientId: _c, ...changeable } = state;
  const patched = await m365.control('PATCH', '/state', changeable);
  expect(await patched.json()).toEqual(state);
});

test('an expired secret can be made good again, and a mailbox added', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { secretExpired: true });
  expect(await (await m365.control('GET', '/state')).json()).toMatchObject({ secretExpired: true });
  await m365.control('PATCH', '/state', { secretExpired: false, mailboxes: ['carol@contoso.example'] });
  expect((await m365.token('graph')).split('.')).toHaveLength(3);
  expect(m365.directory.has('carol@contoso.example')).toBe(true);
});

test('unknown settings, wrong values and bodies that are no JSON are refused with their place', async () => {
  const m365 = await microsoft365();
  const refusal = async (method: string, path: string, body: unknown) => {
    const response = await m365.control(method, path, body);
    return [response.status, ((await response.json()) as { error: string }).error];
  };
  expect(await refusal('PATCH', '/state', { colour: 'red' })).toEqual([400, expect.stringContaining('colour')]);
  expect(await refusal('PATCH', '/state', { mailboxPermissions: 'some' })).toEqual([
    400,
    expect.stringContaining('mailboxPermissions'),
  ]);
  expect(await refusal('POST', '/faults', { target: 'ftp', kind: 'delay' })).toEqual([
    400,
    expect.stringContaining('target'),
  ]);
  expect(await refusal('POST', '/faults', { target: 'smtp', kind: 'delay', count: 0 })).toEqual([
    400,
    expect.stringContaining('count'),
  ]);
  expect(await refusal('GET', '/nowhere', undefined)).toEqual([404, '/nowhere: not-found']);
  expect(await refusal('PUT', '/state', {})).toEqual([405, '/state: method-not-allowed']);
  const noJson = await m365.get(`${m365.endpoints.control}/faults`, { method: 'POST', body: '{' });
  expect([noJson.status, await noJson.json()]).toEqual([400, { error: 'The body is not JSON.' }]);
});

test('faults are listed while they last and can be taken back', async () => {
  const m365 = await microsoft365();
  await m365.control('POST', '/faults', { target: 'imap', kind: 'reply', text: 'BAD no', count: 2, mailbox: alice });
  expect(m365.faults.take('pop3', alice)).toBeUndefined();
  expect(m365.faults.take('imap', reports)).toBeUndefined();
  expect(m365.faults.take('imap', 'Alice@contoso.example')).toEqual({
    target: 'imap',
    kind: 'reply',
    text: 'BAD no',
    mailbox: alice,
  });
  expect(await (await m365.control('GET', '/faults')).json()).toMatchObject({
    faults: [{ target: 'imap', remaining: 1 }],
  });
  expect((await m365.control('DELETE', '/faults')).status).toBe(204);
  expect(m365.faults.take('imap', alice)).toBeUndefined();
});

test('journal, outbox and mailboxes show what was sent', async () => {
  const m365 = await microsoft365();
  const headers = {
    From: reports,
    To: `${alice}, far@fabrikam.example`,
    'Message-ID': '<1@x.example>',
    Date: 'Sat, 21 Nov 2026 10:00:00 +0000',
  };
  const content = Buffer.from(message(headers, 'caf\xe9\r\n'), 'latin1');
  const submit = (body: Buffer) =>
    m365.transport.submit({
      via: 'smtp',
      mailbox: reports,
      reversePath: reports,
      recipients: [alice, alice.toUpperCase(), 'far@fabrikam.example'],
      content: body,
      saveToSentItems: true,
    });
  submit(content);
  submit(content);
  const json = async (path: string) => (await m365.control('GET', path)).json();
  const octets = async (path: string) => Buffer.from(await (await m365.control('GET', path)).arrayBuffer());
  expect(await json('/journal')).toMatchObject({
    count: 2,
    entries: [{ n: 1, mailbox: reports, size: content.length }, { n: 2 }],
  });
  expect(await json('/journal?after=1')).toMatchObject({ count: 2, entries: [{ n: 2 }] });
  expect(await json('/outbox')).toMatchObject({
    count: 2,
    entries: [{ n: 1, recipients: ['far@fabrikam.example'], size: content.length }, { n: 2 }],
  });
  expect(await octets('/outbox/2')).toEqual(content);
  // A recipient given twice gets one copy per submission.
  const { messages } = (await json(`/mailboxes/${alice}/inbox`)) as { messages: { uid: number; size: number }[] };
  expect(messages.map(({ size }) => size)).toEqual([content.length, content.length]);
  expect(await octets(`/mailboxes/${alice}/INBOX/${messages[1]!.uid}`)).toEqual(content);
  expect(await json(`/mailboxes/${reports}/Sent%20Items`)).toMatchObject({ messages: [{ flags: ['\\Seen'] }, {}] });
  for (const path of [
    '/outbox/9',
    `/mailboxes/${alice}/INBOX/99`,
    `/mailboxes/${alice}/Nothing`,
    '/mailboxes/x@y.example/INBOX',
  ]) {
    expect((await m365.control('GET', path)).status).toBe(404);
  }
  await m365.control('DELETE', '/journal');
  expect(await json('/journal')).toEqual({ count: 0, entries: [] });
});

test('without content the journal is kept and no message', async () => {
  const m365 = await microsoft365({ keepContent: false });
  m365.transport.submit({
    via: 'graph',
    mailbox: reports,
    reversePath: reports,
    recipients: [alice, 'far@fabrikam.example'],
    content: Buffer.from(message({ From: reports })),
    saveToSentItems: true,
  });
  expect(m365.transport.journal.count).toBe(1);
  expect(m365.directory.messages(alice, 'INBOX')).toEqual([]);
  expect(m365.transport.outbox.entries()[0]?.content.length).toBe(0);
});
