import PostalMime from 'postal-mime';
import { expect, test } from 'vitest';
import { alice, base64, bob, errorOf, graph, octets, person, reports, stored } from './graph-mail.ts';
import { message, microsoft365 } from './harness.ts';

interface Message {
  readonly id: string;
  readonly internetMessageId: string;
  readonly [property: string]: unknown;
}

const hello = {
  subject: 'Hello',
  body: { contentType: 'text', content: 'Hi.' },
  toRecipients: [person(alice)],
};

const file = (name: string, content: Buffer, more: object = {}) => ({
  '@odata.type': '#microsoft.graph.fileAttachment',
  name,
  contentType: 'application/x-thing',
  contentBytes: base64(content),
  ...more,
});

test('a draft is made, seen in Drafts, changed, sent, and then in Sent Items and nowhere else', async () => {
  const m365 = await microsoft365();
  const { request, json } = await graph(m365);
  const created = await request('POST', '/messages', { ...hello, internetMessageId: '<mine@x.example>' });
  expect(created.status).toBe(201);
  const draft = (await created.json()) as Message;
  expect(draft).toMatchObject({
    subject: 'Hello',
    isDraft: true,
    internetMessageId: '<mine@x.example>',
    from: person(reports, reports),
    toRecipients: [person(alice, alice)],
    body: { contentType: 'text', content: 'Hi.' },
  });
  const inDrafts = await (await m365.control('GET', `/mailboxes/${reports}/Drafts`)).json();
  expect(inDrafts).toMatchObject({ messages: [{ flags: ['\\Draft', '\\Seen'] }] });
  const changed = await json<Message>('PATCH', `/messages/${draft.id}`, {
    subject: 'Grüße',
    ccRecipients: [person(bob, 'Bob, B.')],
  });
  expect(changed).toMatchObject({
    subject: 'Grüße',
    toRecipients: [person(alice, alice)],
    ccRecipients: [person(bob, 'Bob, B.')],
  });
  const sent = await request('POST', `/messages/${draft.id}/send`);
  expect([sent.status, await sent.text()]).toEqual([202, '']);
  expect(stored(m365, reports, 'Drafts')).toEqual([]);
  const [inInbox, inSent] = [stored(m365, alice)[0]!, stored(m365, reports, 'Sent Items')[0]!];
  expect(inInbox.equals(inSent)).toBe(true);
  const read = await PostalMime.parse(inInbox);
  expect(read).toMatchObject({
    subject: 'Grüße',
    text: 'Hi.',
    messageId: '<mine@x.example>',
    cc: [{ name: 'Bob, B.', address: bob }],
  });
  expect(m365.transport.journal.entries()).toMatchObject([
    { via: 'graph', messageId: '<mine@x.example>', recipients: [alice, bob] },
  ]);
  expect(await errorOf(await request('POST', `/messages/${draft.id}/send`))).toEqual([404, 'ErrorItemNotFound']);
});

test('who is named twice gets it once', async () => {
  const m365 = await microsoft365();
  const { request } = await graph(m365);
  const sent = { ...hello, toRecipients: [person(alice), person(alice.toUpperCase())], bccRecipients: [person(alice)] };
  expect((await request('POST', '/sendMail', { message: sent })).status).toBe(202);
  expect(stored(m365, alice)).toHaveLength(1);
  expect(m365.transport.journal.entries()).toMatchObject([{ recipients: [alice] }]);
});

test('a draft that is deleted is gone', async () => {
  const m365 = await microsoft365();
  const { request, json } = await graph(m365);
  const { id } = await json<Message>('POST', '/messages', hello);
  expect((await request('DELETE', `/messages/${id}`)).status).toBe(204);
  expect(stored(m365, reports, 'Drafts')).toEqual([]);
  expect(await errorOf(await request('GET', `/messages/${id}`))).toEqual([404, 'ErrorItemNotFound']);
  expect(await errorOf(await request('DELETE', `/messages/${id}`))).toEqual([404, 'ErrorItemNotFound']);
});

test('an immutable id leads to the draft and, once it is sent, to the copy in Sent Items', async () => {
  const m365 = await microsoft365();
  const { request, json } = await graph(m365);
  const prefer = { Prefer: 'IdType="ImmutableId"' };
  const { id } = await json<Message>('POST', '/messages', hello, prefer);
  const isDraft = async () => json('GET', `/messages/${id}?$select=isDraft`, undefined, prefer);
  expect(await isDraft()).toEqual({ '@odata.etag': expect.any(String), id, isDraft: true });
  expect((await request('POST', `/messages/${id}/send`)).status).toBe(202);
  expect(await isDraft()).toMatchObject({ id, isDraft: false });
  expect(await errorOf(await request('POST', `/messages/${id}/send`))).toEqual([400, 'ErrorInvalidOperation']);
  expect(m365.transport.journal.count).toBe(1);
});

test('HTML with a picture and files becomes mixed, related, alternative; every attachment keeps its octets', async () => {
  const m365 = await microsoft365();
  const { request } = await graph(m365);
  const [picture, one, nothing] = [octets(1000), octets(57 * 3 + 1, 2), Buffer.alloc(0)];
  const sent = await request('POST', '/sendMail', {
    message: {
      ...hello,
      body: { contentType: 'HTML', content: '<p>Größe &amp; <img src="cid:logo"></p>' },
      importance: 'high',
      replyTo: [person(bob)],
      attachments: [
        file('logo.png', picture, { contentType: 'image/png', contentId: 'logo', isInline: true }),
        file('Größe "1".bin', one),
        file('empty', nothing, { contentType: null }),
      ],
    },
  });
  expect(sent.status).toBe(202);
  const [raw] = stored(m365, alice);
  const types = [...raw!.toString('latin1').matchAll(/^Content-Type: ([^;\r]+)/gm)].map(([, type]) => type);
  expect(types).toEqual([
    'multipart/mixed',
    'multipart/related',
    'multipart/alternative',
    'text/plain',
    'text/html',
    'image/png',
    'application/x-thing',
    'application/octet-stream',
  ]);
  const read = await PostalMime.parse(raw!);
  expect(read.html).toContain('Größe &amp;');
  expect(read.text).toContain('Größe &');
  expect(read.replyTo).toMatchObject([{ address: bob }]);
  expect(read.headers).toContainEqual(expect.objectContaining({ key: 'importance', value: 'high' }));
  expect(read.attachments.map(({ filename, contentId, disposition }) => [filename, contentId, disposition])).toEqual([
    ['logo.png', '<logo>', 'inline'],
    ['Größe "1".bin', undefined, 'attachment'],
    ['empty', undefined, 'attachment'],
  ]);
  const contents = read.attachments.map(({ content }) => Buffer.from(content as ArrayBuffer));
  expect(contents.map((content, i) => content.equals([picture, one, nothing][i]!))).toEqual([true, true, true]);
  for (const line of raw!.toString('latin1').split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
});

test('a message is attached as message/rfc822', async () => {
  const m365 = await microsoft365();
  const { request, json } = await graph(m365);
  const { id } = await json<Message>('POST', '/messages', hello);
  const added = await request('POST', `/messages/${id}/attachments`, {
    '@odata.type': '#microsoft.graph.itemAttachment',
    name: 'The one before',
    item: {
      '@odata.type': '#microsoft.graph.message',
      ...hello,
      subject: 'Within',
      attachments: [file('a', Buffer.from('A'))],
    },
  });
  expect(added.status).toBe(201);
  expect(await added.json()).toMatchObject({
    '@odata.type': '#microsoft.graph.itemAttachment',
    name: 'The one before',
  });
  await request('POST', `/messages/${id}/send`);
  const read = await PostalMime.parse(stored(m365, alice)[0]!, { forceRfc822Attachments: true });
  expect(read.attachments[0]).toMatchObject({ mimeType: 'message/rfc822' });
  const within = await PostalMime.parse(read.attachments[0]!.content as ArrayBuffer);
  expect(within).toMatchObject({ subject: 'Within', text: 'Hi.', attachments: [{ filename: 'a' }] });
});

test('MIME makes a draft that is sent octet for octet, whatever its header holds', async () => {
  const m365 = await microsoft365();
  const { request, json } = await graph(m365);
  const mime = Buffer.concat([
    Buffer.from(
      message({
        From: reports,
        To: alice,
        Bcc: bob,
        Date: 'Sat, 21 Nov 2026 10:00:00 +0000',
        'Message-ID': '<m@x>',
        'In-Reply-To': '<a@b>',
      }),
    ),
    Buffer.from([0xe9, 0xff, 0x0d, 0x0a]),
  ]);
  const draft = await json<Message>('POST', '/messages', base64(mime));
  expect(draft).toMatchObject({ internetMessageId: '<m@x>', bccRecipients: [person(bob, bob)] });
  const asMime = await request('GET', `/messages/${draft.id}/$value`);
  expect(Buffer.from(await asMime.arrayBuffer()).equals(mime)).toBe(true);
  await request('POST', `/messages/${draft.id}/send`);
  expect(stored(m365, reports, 'Sent Items')[0]!.equals(mime)).toBe(true);
  const delivered = mime.toString('latin1').replace(/^Bcc: .*\r\n/m, '');
  expect(stored(m365, alice)[0]!.toString('latin1')).toBe(delivered);
  expect(stored(m365, bob)[0]!.toString('latin1')).toBe(delivered);
});

test('attachments and changed properties go into a draft from MIME; the rest of its header stays', async () => {
  const m365 = await microsoft365();
  const { request, json } = await graph(m365);
  const mime = message(
    {
      From: reports,
      To: alice,
      'List-Id': '<l.x>',
      Subject: 'Old',
      'Content-Type': 'text/html',
      'Message-ID': '<m@x>',
    },
    '<b>Hi</b>\r\n',
  );
  const { id } = await json<Message>('POST', '/messages', base64(mime));
  const content = octets(5000);
  await request('POST', `/messages/${id}/attachments`, file('a.bin', content));
  await json('PATCH', `/messages/${id}`, { subject: 'New', bccRecipients: [person(bob)] });
  await request('POST', `/messages/${id}/send`);
  const read = await PostalMime.parse(stored(m365, bob)[0]!);
  expect(read).toMatchObject({ subject: 'New', html: expect.stringMatching(/^<b>Hi<\/b>\s*$/), messageId: '<m@x>' });
  expect(read.headers).toContainEqual(expect.objectContaining({ key: 'list-id', value: '<l.x>' }));
  expect(read.headers.filter(({ key }) => key === 'subject')).toHaveLength(1);
  expect(Buffer.from(read.attachments[0]!.content as ArrayBuffer).equals(content)).toBe(true);
});

test('attachments are listed, read and taken away again', async () => {
  const m365 = await microsoft365();
  const { request, json } = await graph(m365);
  const { id } = await json<Message>('POST', '/messages', hello);
  const one = await json<Message>('POST', `/messages/${id}/attachments`, file('one', Buffer.from('1')));
  await json('POST', `/messages/${id}/attachments`, file('two', Buffer.from('22'), { contentId: 'c' }));
  const { value } = await json<{ value: Message[] }>('GET', `/messages/${id}/attachments`);
  expect(value).toMatchObject([
    { name: 'one', size: 1, contentType: 'application/x-thing', isInline: false, contentId: null },
    { name: 'two', size: 2, contentId: 'c' },
  ]);
  expect(await json('GET', `/messages/${id}/attachments/${one.id}`)).toMatchObject({ contentBytes: base64('1') });
  const inDrafts = await PostalMime.parse(stored(m365, reports, 'Drafts')[0]!);
  expect(inDrafts.attachments.map(({ filename }) => filename)).toEqual(['one', 'two']);
  expect((await request('DELETE', `/messages/${id}/attachments/${one.id}`)).status).toBe(204);
  expect(await errorOf(await request('GET', `/messages/${id}/attachments/${one.id}`))).toEqual([
    404,
    'ErrorItemNotFound',
  ]);
});

test('what a draft cannot be is refused when it is made; that it lacks recipients, when it is sent', async () => {
  const m365 = await microsoft365();
  const { request, json } = await graph(m365);
  const refused = async (body: unknown) => errorOf(await request('POST', '/messages', body));
  expect(await refused({ ...hello, internetMessageHeaders: [{ name: 'List-Id', value: 'x' }] })).toEqual([
    400,
    'InvalidInternetMessageHeader',
  ]);
  const six = [1, 2, 3, 4, 5, 6].map((n) => ({ name: `x-${n}`, value: 'x' }));
  expect(await refused({ ...hello, internetMessageHeaders: six })).toEqual([
    400,
    'InvalidInternetMessageHeaderCollection',
  ]);
  expect(await refused({ toRecipients: [person('alice at contoso')] })).toEqual([400, 'ErrorInvalidRecipients']);
  expect(await refused({ ...hello, colour: 'red' })).toEqual([400, 'RequestBodyRead']);
  expect(await refused({ ...hello, attachments: [{ name: 'a', contentBytes: 'AA==' }] })).toEqual([
    400,
    'RequestBodyRead',
  ]);
  expect(await refused({ ...hello, attachments: [{ ...file('a', Buffer.alloc(1)), contentBytes: '?' }] })).toEqual([
    400,
    'RequestBodyRead',
  ]);
  expect(await refused('no base64!')).toEqual([400, 'ErrorMimeContentInvalidBase64String']);
  const xml = await request('POST', '/messages', '<a/>', { 'Content-Type': 'application/xml' });
  expect(await errorOf(xml)).toEqual([415, 'UnsupportedMediaType']);
  const { id } = await json<Message>('POST', '/messages', {});
  expect(await errorOf(await request('POST', `/messages/${id}/send`))).toEqual([400, 'ErrorInvalidRecipients']);
  await json('PATCH', `/messages/${id}`, { toRecipients: [person(alice)], from: person(bob) });
  expect(await errorOf(await request('POST', `/messages/${id}/send`))).toEqual([403, 'ErrorSendAsDenied']);
  expect(await errorOf(await request('PATCH', `/messages/${id}`, { subject: 7 }))).toEqual([400, 'RequestBodyRead']);
  expect(stored(m365, reports, 'Drafts')).toHaveLength(1);
  expect(m365.transport.journal.count).toBe(0);
});

test('drafts take Mail.ReadWrite, sending them Mail.Send', async () => {
  const m365 = await microsoft365();
  const { id } = await (await graph(m365)).json<Message>('POST', '/messages', hello);
  await m365.control('PATCH', '/state', { graphRoles: ['Mail.Send'] });
  const sender = await graph(m365);
  expect(await errorOf(await sender.request('POST', '/messages', hello))).toEqual([403, 'ErrorAccessDenied']);
  await m365.control('PATCH', '/state', { graphRoles: ['Mail.ReadWrite'] });
  const writer = await graph(m365);
  expect(await errorOf(await writer.request('POST', `/messages/${id}/send`))).toEqual([403, 'ErrorAccessDenied']);
  expect((await sender.request('POST', `/messages/${id}/send`)).status).toBe(202);
});

test('a person drafts and sends by /me; the right to send as somebody opens nothing of theirs', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { sendAs: [{ mailbox: alice, as: reports }] });
  const claims = { aud: 'https://graph.microsoft.com', appid: m365.clientId, oid: 'x', upn: alice };
  const token = await m365.signer.issue({ ...claims, scp: 'Mail.Send Mail.ReadWrite' }, 600);
  const ask = (method: string, path: string, body?: unknown) =>
    m365.get(`${m365.endpoints.graph}/v1.0${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const { id } = (await (await ask('POST', '/me/messages', { toRecipients: [person(bob)] })).json()) as Message;
  expect((await ask('POST', `/me/messages/${id}/send`)).status).toBe(202);
  expect(m365.transport.journal.entries()).toMatchObject([{ mailbox: alice, recipients: [bob] }]);
  expect(await errorOf(await ask('GET', `/users/${reports}/mailFolders/sentitems/messages`))).toEqual([
    403,
    'ErrorAccessDenied',
  ]);
});

test('receipts that a client asks for stay with the draft, made from properties or from MIME', async () => {
  const m365 = await microsoft365();
  const { json, request } = await graph(m365);
  const wanted = { isReadReceiptRequested: true, isDeliveryReceiptRequested: true };
  const made = await json<Message>('POST', '/messages', { ...hello, ...wanted });
  expect(made).toMatchObject(wanted);
  const mime = message({ From: `Reports <${reports}>`, To: alice });
  const imported = await json<Message>('POST', '/messages', base64(mime));
  expect(imported).toMatchObject({ isReadReceiptRequested: false, isDeliveryReceiptRequested: false });
  expect(await json('PATCH', `/messages/${imported.id}`, wanted)).toMatchObject(wanted);
  expect((await request('POST', `/messages/${imported.id}/send`)).status).toBe(202);
  const sent = stored(m365, alice).map(String);
  expect(sent[0]).toContain(`Disposition-Notification-To: ${reports}\r\n`);
  expect(sent[0]).toContain(`Return-Receipt-To: ${reports}\r\n`);
});

test('what a message says that is no draft changes nobody without Mail-Advanced.ReadWrite; whether it is read, anybody may', async () => {
  const m365 = await microsoft365();
  m365.directory.deliver(reports, 'INBOX', Buffer.from(message({ From: alice, To: reports, Subject: 'Old' })));
  const inbox = async (mailbox: Awaited<ReturnType<typeof graph>>) =>
    (await mailbox.json<{ value: Message[] }>('GET', '/mailFolders/inbox/messages')).value[0]!;
  const usual = await graph(m365);
  const { id } = await inbox(usual);
  expect(await usual.json('PATCH', `/messages/${id}`, { isRead: true })).toMatchObject({ isRead: true });
  for (const patch of [
    { subject: 'New' },
    { body: { contentType: 'text', content: 'New' } },
    { toRecipients: [person(bob)] },
    { from: person(bob) },
    { sender: person(bob) },
    { replyTo: [person(bob)] },
    { isRead: false, bccRecipients: [] },
  ]) {
    const answer = await usual.request('PATCH', `/messages/${id}`, patch);
    expect([patch, ...(await errorOf(answer))]).toEqual([patch, 403, 'ErrorAccessDenied']);
  }
  expect(await inbox(usual)).toMatchObject({ subject: 'Old', isRead: true });
  await m365.control('PATCH', '/state', { graphRoles: ['Mail.ReadWrite', 'Mail-Advanced.ReadWrite.All'] });
  const advanced = await graph(m365);
  expect(await advanced.json('PATCH', `/messages/${id}`, { subject: 'New' })).toMatchObject({ subject: 'New' });
  expect(await inbox(advanced)).toMatchObject({ subject: 'New', isRead: true, isDraft: false });
});
