import { expect, test } from 'vitest';
import { alice, base64, errorOf, graph, person, reports, stored } from './graph-mail.ts';
import { message, microsoft365 } from './harness.ts';

const hello = message({
  From: reports,
  To: alice,
  'Message-ID': '<1@x.example>',
  Date: 'Sat, 21 Nov 2026 10:00:00 +0000',
});

const draft = { subject: 'x', toRecipients: [person(alice)] };

test('a cut before or within the body of sendMail sends nothing; one behind it, or in the answer, sends once', async () => {
  const m365 = await microsoft365();
  const { request } = await graph(m365);
  const sendMail = () => request('POST', '/sendMail', base64(hello));
  const cases = [
    [{ kind: 'cut-before' }, 0],
    [{ kind: 'cut-reading' }, 0],
    [{ kind: 'cut-reading', afterBytes: 100 }, 0],
    [{ kind: 'cut-reading', afterBytes: 1_000_000 }, 0],
    [{ kind: 'cut-after' }, 1],
    [{ kind: 'cut-answering' }, 1],
    [{ kind: 'cut-answering', afterBytes: 0 }, 1],
  ] as const;
  for (const [fault, sent] of cases) {
    m365.transport.journal.clear();
    await m365.control('POST', '/faults', { target: 'graph', at: 'sendMail', ...fault });
    await expect(sendMail(), JSON.stringify(fault)).rejects.toThrow('fetch failed');
    expect(m365.transport.journal.count, JSON.stringify(fault)).toBe(sent);
  }
  expect((await sendMail()).status).toBe(202);
});

test('a fault for one operation lets the others pass', async () => {
  const m365 = await microsoft365();
  const { request, json } = await graph(m365);
  await m365.control('POST', '/faults', { target: 'graph', at: 'send', kind: 'status', status: 503 });
  const { id } = await json<{ id: string }>('POST', '/messages', draft);
  expect((await request('GET', `/messages/${id}`)).status).toBe(200);
  expect(await errorOf(await request('POST', `/messages/${id}/send`))).toEqual([503, 'ServiceUnavailable']);
  expect((await request('POST', `/messages/${id}/send`)).status).toBe(202);
});

test('a cut behind the making of a draft leaves a draft; one behind its sending leaves none', async () => {
  const m365 = await microsoft365();
  const { request, json } = await graph(m365);
  m365.faults.add({ target: 'graph', at: 'createMessage', kind: 'cut-after' });
  await expect(request('POST', '/messages', draft)).rejects.toThrow('fetch failed');
  const { value } = await json<{ value: { id: string }[] }>('GET', '/mailFolders/drafts/messages');
  expect(value).toHaveLength(1);
  m365.faults.add({ target: 'graph', at: 'send', kind: 'cut-after' });
  await expect(request('POST', `/messages/${value[0]!.id}/send`)).rejects.toThrow('fetch failed');
  expect([stored(m365, reports, 'Drafts').length, stored(m365, alice).length]).toEqual([0, 1]);
});

test('an answer that is cut breaks off within what was promised', async () => {
  const m365 = await microsoft365();
  const { request } = await graph(m365);
  const whole = await (await request('GET', '/mailFolders/inbox/messages')).text();
  m365.faults.add({ target: 'graph', at: 'listMessages', kind: 'cut-answering', afterBytes: 10_000 });
  const complete = await request('GET', '/mailFolders/inbox/messages');
  expect(await complete.text()).toBe(whole);
  m365.faults.add({ target: 'graph', at: 'createMessage', kind: 'cut-answering', afterBytes: 400 });
  const broken = await request('POST', '/messages', draft);
  expect(broken.status).toBe(201);
  await expect(broken.json()).rejects.toThrow();
});
