import PostalMime from 'postal-mime';
import { expect, test } from 'vitest';
import { type Microsoft365, message, microsoft365 } from './harness.ts';

const reports = 'reports@contoso.example';

/** `POST /users/{mailbox}/sendMail` with a MIME message. */
async function sendMime(m365: Microsoft365, mime: string | Buffer, options: { mailbox?: string; token?: string } = {}) {
  return m365.get(`${m365.endpoints.graph}/v1.0/users/${options.mailbox ?? reports}/sendMail`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${options.token ?? (await m365.token('graph'))}`, 'Content-Type': 'text/plain' },
    body: Buffer.from(mime).toString('base64'),
  });
}

/** `POST /users/{mailbox}/sendMail` with a JSON body. */
async function sendJson(m365: Microsoft365, body: unknown) {
  return m365.get(`${m365.endpoints.graph}/v1.0/users/${reports}/sendMail`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${await m365.token('graph')}`, 'Content-Type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

async function errorOf(response: Awaited<ReturnType<Microsoft365['get']>>) {
  const { error } = (await response.json()) as { error: { code: string; message: string } };
  return [response.status, error.code];
}

const texts = (m365: Microsoft365, address: string, folder = 'INBOX') =>
  m365.directory.messages(address, folder).map(({ content }) => content.toString('latin1'));

const hello = message({
  From: reports,
  To: 'alice@contoso.example',
  Subject: 'Hello',
  'Message-ID': '<1@x.example>',
  Date: 'Sat, 21 Nov 2026 10:00:00 +0000',
});

test('a MIME message is answered 202 with an empty body, delivered byte for byte and kept in Sent Items', async () => {
  const m365 = await microsoft365();
  const eightBit = Buffer.concat([Buffer.from(hello), Buffer.from([0xe9, 0xff, 0x80, 0x0d, 0x0a, 0x2e, 0x0d, 0x0a])]);
  const response = await sendMime(m365, eightBit);
  expect(response.status).toBe(202);
  expect(await response.text()).toBe('');
  expect(texts(m365, 'alice@contoso.example')).toEqual([eightBit.toString('latin1')]);
  expect(texts(m365, reports, 'Sent Items')).toEqual([eightBit.toString('latin1')]);
  expect(m365.directory.messages(reports, 'Sent Items')[0]?.flags).toEqual(['\\Seen']);
});

test('recipients come from To, Cc and Bcc; Bcc is gone from what they get and stays in Sent Items', async () => {
  const m365 = await microsoft365();
  const mime = message({
    From: reports,
    To: '"Alice, A." <alice@contoso.example>, far@fabrikam.example',
    Cc: 'team: bob@contoso.example;',
    Bcc: 'reports@contoso.example,\r\n hidden@fabrikam.example',
    Subject: 'x',
    'Message-ID': '<2@x.example>',
    Date: 'Sat, 21 Nov 2026 10:00:00 +0000',
  });
  expect((await sendMime(m365, mime)).status).toBe(202);
  const delivered = mime.replace(/Bcc: .*\r\n .*\r\n/, '');
  for (const address of ['alice@contoso.example', 'bob@contoso.example', reports]) {
    expect(texts(m365, address)).toEqual([delivered]);
  }
  expect(texts(m365, reports, 'Sent Items')).toEqual([mime]);
  expect(m365.transport.outbox.entries()).toMatchObject([
    {
      via: 'graph',
      reversePath: reports,
      recipients: ['far@fabrikam.example', 'hidden@fabrikam.example'],
      messageId: '<2@x.example>',
    },
  ]);
  expect(m365.transport.journal.entries()).toMatchObject([
    { n: 1, via: 'graph', mailbox: reports, messageId: '<2@x.example>', size: mime.length },
  ]);
});

test('From, Date and Message-ID are added where they are missing', async () => {
  const m365 = await microsoft365();
  await sendMime(m365, message({ To: 'alice@contoso.example', Subject: 'bare' }));
  const [text] = texts(m365, 'alice@contoso.example');
  expect(text).toMatch(
    /^From: <reports@contoso\.example>\r\nDate: .* \+0000\r\nMessage-ID: <.*@contoso\.example>\r\nTo: alice@contoso\.example\r\nSubject: bare\r\n\r\nHello\.\r\n$/,
  );
});

test('a recipient nobody knows comes back as a report in the sender’s own mailbox', async () => {
  const m365 = await microsoft365();
  const mime = message({ From: reports, To: 'nobody@contoso.example', Subject: 'Lost' });
  expect((await sendMime(m365, mime)).status).toBe(202);
  const report = await PostalMime.parse(texts(m365, reports)[0]!);
  expect(report.subject).toBe('Undeliverable: Lost');
  const status = report.attachments.find(({ mimeType }) => mimeType === 'message/delivery-status');
  expect(Buffer.from(status!.content as ArrayBuffer).toString()).toMatch(
    /Final-Recipient: rfc822;nobody@contoso\.example\r?\nAction: failed\r?\nStatus: 5\.1\.10/,
  );
});

test('a JSON message becomes MIME, with attachment, hidden recipients and x- headers', async () => {
  const m365 = await microsoft365();
  const response = await sendJson(m365, {
    message: {
      subject: 'Größe',
      body: { contentType: 'HTML', content: '<p>Hi</p>' },
      toRecipients: [{ emailAddress: { address: 'alice@contoso.example', name: 'Alice' } }],
      bccRecipients: [{ emailAddress: { address: 'bob@contoso.example' } }],
      internetMessageHeaders: [{ name: 'x-order', value: '17' }],
      attachments: [
        {
          '@odata.type': '#microsoft.graph.fileAttachment',
          name: 'a.bin',
          contentType: 'application/x-thing',
          contentBytes: 'AAEC/w==',
        },
      ],
    },
    saveToSentItems: false,
  });
  expect(response.status).toBe(202);
  const [text] = texts(m365, 'bob@contoso.example');
  const read = await PostalMime.parse(Buffer.from(text!, 'latin1'));
  expect(read).toMatchObject({
    subject: 'Größe',
    from: { address: reports },
    to: [{ address: 'alice@contoso.example' }],
  });
  expect(read.html).toContain('<p>Hi</p>');
  expect(read.bcc).toBeUndefined();
  expect(read.headers).toContainEqual(expect.objectContaining({ key: 'x-order', value: '17' }));
  expect(read.attachments[0]).toMatchObject({ filename: 'a.bin', mimeType: 'application/x-thing' });
  expect([...new Uint8Array(read.attachments[0]!.content as ArrayBuffer)]).toEqual([0, 1, 2, 255]);
  expect(texts(m365, reports, 'Sent Items')).toEqual([]);
});

test('JSON that is none, or says what the API does not know, is refused', async () => {
  const m365 = await microsoft365();
  const to = [{ emailAddress: { address: 'alice@contoso.example' } }];
  expect(await errorOf(await sendJson(m365, '{'))).toEqual([400, 'BadRequest']);
  expect(await errorOf(await sendJson(m365, {}))).toEqual([400, 'RequestBodyRead']);
  expect(await errorOf(await sendJson(m365, { message: { toRecipients: to, colour: 'red' } }))).toEqual([
    400,
    'RequestBodyRead',
  ]);
  expect(await errorOf(await sendJson(m365, { message: { toRecipients: [] } }))).toEqual([
    400,
    'ErrorInvalidRecipients',
  ]);
  const malformed = [{ emailAddress: { address: 'alice at contoso' } }];
  expect(await errorOf(await sendJson(m365, { message: { toRecipients: malformed } }))).toEqual([
    400,
    'ErrorInvalidRecipients',
  ]);
  const header = [{ name: 'Order', value: '17' }];
  expect(
    await errorOf(await sendJson(m365, { message: { toRecipients: to, internetMessageHeaders: header } })),
  ).toEqual([400, 'InvalidInternetMessageHeader']);
});

test('MIME without a recipient, with a malformed one, or not in base64 is refused', async () => {
  const m365 = await microsoft365();
  expect(await errorOf(await sendMime(m365, message({ From: reports })))).toEqual([400, 'ErrorInvalidRecipients']);
  expect(await errorOf(await sendMime(m365, message({ From: reports, To: 'alice at contoso' })))).toEqual([
    400,
    'ErrorInvalidRecipients',
  ]);
  const response = await m365.get(`${m365.endpoints.graph}/v1.0/users/${reports}/sendMail`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${await m365.token('graph')}`, 'Content-Type': 'text/plain' },
    body: 'From: me\r\n\r\nnot base64',
  });
  expect(await response.clone().json()).toMatchObject({
    error: { message: 'Invalid base64 string for MIME content.' },
  });
  expect(await errorOf(response)).toEqual([400, 'ErrorMimeContentInvalidBase64String']);
});

test('a From other than the mailbox is ErrorSendAsDenied, until SendAs is granted', async () => {
  const m365 = await microsoft365();
  const mime = message({ From: '"alice@contoso.example"\r\n <bob@contoso.example>', To: 'alice@contoso.example' });
  expect(await errorOf(await sendMime(m365, mime))).toEqual([403, 'ErrorSendAsDenied']);
  expect(m365.transport.journal.count).toBe(0);
  await m365.control('PATCH', '/state', { sendAs: [{ mailbox: reports, as: 'Bob@contoso.example' }] });
  expect((await sendMime(m365, mime)).status).toBe(202);
});

test('a display name that looks like an address is no sender', async () => {
  const m365 = await microsoft365();
  const mime = message({ From: `"bob@contoso.example" <${reports}>`, To: 'alice@contoso.example' });
  expect((await sendMime(m365, mime)).status).toBe(202);
});

test('a request of 4 MB is taken, one octet more is 413', async () => {
  const m365 = await microsoft365();
  const limit = 4 * 1024 * 1024;
  const sized = (base64Octets: number) => hello + 'x'.repeat((base64Octets / 4) * 3 - hello.length);
  expect((await sendMime(m365, sized(limit))).status).toBe(202);
  expect(await errorOf(await sendMime(m365, sized(limit + 4)))).toEqual([413, 'RequestEntityTooLarge']);
});

test('tokens are checked: none, rubbish, expired, another audience, no permission', async () => {
  const m365 = await microsoft365();
  const unauthorized = [401, 'InvalidAuthenticationToken'];
  const anonymous = await m365.get(`${m365.endpoints.graph}/v1.0/users/${reports}/sendMail`, {
    method: 'POST',
    body: '',
  });
  expect(anonymous.headers.get('www-authenticate')).toMatch(/^Bearer/);
  expect(await errorOf(anonymous)).toEqual(unauthorized);
  expect(await errorOf(await sendMime(m365, hello, { token: 'rubbish' }))).toEqual(unauthorized);
  expect(await errorOf(await sendMime(m365, hello, { token: await m365.token('exchange') }))).toEqual(unauthorized);
  await m365.control('PATCH', '/state', { tokenLifetimeSeconds: -5 });
  expect(await errorOf(await sendMime(m365, hello))).toEqual(unauthorized);
  await m365.control('PATCH', '/state', { tokenLifetimeSeconds: 3600, graphRoles: ['Mail.Read', 'Mail.ReadWrite'] });
  expect(await errorOf(await sendMime(m365, hello))).toEqual([403, 'ErrorAccessDenied']);
});

test('a mailbox that is not there is 404; one outside the permission’s reach 403; /me needs a user', async () => {
  const m365 = await microsoft365();
  expect(await errorOf(await sendMime(m365, hello, { mailbox: 'nobody@contoso.example' }))).toEqual([
    404,
    'ErrorInvalidUser',
  ]);
  await m365.control('PATCH', '/state', { graphMailboxes: ['alice@contoso.example'] });
  expect(await errorOf(await sendMime(m365, hello))).toEqual([403, 'ErrorAccessDenied']);
  const me = await m365.get(`${m365.endpoints.graph}/v1.0/me/sendMail`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${await m365.token('graph')}` },
  });
  expect(await errorOf(me)).toEqual([400, 'BadRequest']);
});

test('a person’s token sends from /me', async () => {
  const m365 = await microsoft365();
  const token = await m365.signer.issue(
    {
      aud: 'https://graph.microsoft.com',
      appid: m365.clientId,
      oid: 'x',
      scp: 'Mail.Send User.Read',
      upn: 'alice@contoso.example',
    },
    600,
  );
  const response = await m365.get(`${m365.endpoints.graph}/v1.0/me/sendMail`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'text/plain' },
    body: Buffer.from(message({ To: 'bob@contoso.example' })).toString('base64'),
  });
  expect(response.status).toBe(202);
  expect(m365.transport.journal.entries()[0]?.mailbox).toBe('alice@contoso.example');
  expect(await errorOf(await sendMime(m365, hello, { token }))).toEqual([403, 'ErrorAccessDenied']);
});

test('the fifth request at a time for one mailbox is throttled, one for another mailbox is not', async () => {
  const m365 = await microsoft365();
  await m365.control('POST', '/faults', { target: 'graph', kind: 'delay', delayMs: 400, mailbox: reports, count: 4 });
  const token = await m365.token('graph');
  const four = Array.from({ length: 4 }, () => sendMime(m365, hello, { token }));
  // All four faults are used up: all four requests are in progress.
  while (m365.faults.list().length > 0) await new Promise(setImmediate);
  const fifth = await sendMime(m365, hello, { token });
  expect([fifth.headers.get('retry-after'), ...(await errorOf(fifth))]).toEqual(['1', 429, 'ApplicationThrottled']);
  const fromAlice = message({ From: 'alice@contoso.example', To: reports });
  expect((await sendMime(m365, fromAlice, { token, mailbox: 'alice@contoso.example' })).status).toBe(202);
  expect((await Promise.all(four)).map(({ status }) => status)).toEqual([202, 202, 202, 202]);
  expect((await sendMime(m365, hello, { token })).status).toBe(202);
});

test('request-id is new each time; client-request-id comes back', async () => {
  const m365 = await microsoft365();
  const ask = () =>
    m365.get(`${m365.endpoints.graph}/v1.0/users/${reports}/nothing`, { headers: { 'client-request-id': 'mine' } });
  const [one, two] = [await ask(), await ask()];
  expect(one.headers.get('client-request-id')).toBe('mine');
  expect(one.headers.get('request-id')).toMatch(/^[\da-f-]{36}$/);
  expect(one.headers.get('request-id')).not.toBe(two.headers.get('request-id'));
  expect(await one.json()).toMatchObject({
    error: {
      code: 'ResourceNotFound',
      innerError: { 'request-id': one.headers.get('request-id'), 'client-request-id': 'mine' },
    },
  });
});

test('staged: 503 with Retry-After, a false 200, and 504, each for one request', async () => {
  const m365 = await microsoft365();
  for (const status of [503, 200, 504]) {
    await m365.control('POST', '/faults', {
      target: 'graph',
      kind: 'status',
      status,
      ...(status === 503 ? { retryAfterSeconds: 3 } : {}),
    });
  }
  const first = await sendMime(m365, hello);
  expect([first.status, first.headers.get('retry-after')]).toEqual([503, '3']);
  expect((await sendMime(m365, hello)).status).toBe(200);
  expect((await sendMime(m365, hello)).status).toBe(504);
  expect(m365.transport.journal.count).toBe(0);
  expect((await sendMime(m365, hello)).status).toBe(202);
});

test('staged: cut before acceptance nothing is sent, cut after it the message is', async () => {
  const m365 = await microsoft365();
  await m365.control('POST', '/faults', { target: 'graph', kind: 'cut-before', mailbox: reports });
  await expect(sendMime(m365, hello)).rejects.toThrow('fetch failed');
  expect(m365.transport.journal.count).toBe(0);
  await m365.control('POST', '/faults', { target: 'graph', kind: 'cut-after' });
  await expect(sendMime(m365, hello)).rejects.toThrow('fetch failed');
  expect(m365.transport.journal.count).toBe(1);
});

test('sent mail is found by its Message-ID and read as MIME', async () => {
  const m365 = await microsoft365();
  await sendMime(m365, hello);
  await sendMime(m365, hello.replace('<1@', '<2@'));
  const headers = { Authorization: `Bearer ${await m365.token('graph')}` };
  const base = `${m365.endpoints.graph}/v1.0/users/${reports}`;
  const filter = encodeURIComponent("internetMessageId eq '<1@x.example>'");
  const list = await m365.get(`${base}/mailFolders/sentitems/messages?$filter=${filter}&$select=subject&$top=5`, {
    headers,
  });
  const { value } = (await list.json()) as { value: { id: string }[] };
  expect(value).toEqual([{ '@odata.etag': expect.any(String), id: expect.any(String), subject: 'Hello' }]);
  const mime = await m365.get(`${base}/messages/${value[0]!.id}/$value`, { headers });
  expect(await mime.text()).toBe(hello);
  expect(await errorOf(await m365.get(`${base}/messages/bm9uZQ/$value`, { headers }))).toEqual([
    404,
    'ErrorItemNotFound',
  ]);
  expect(await errorOf(await m365.get(`${base}/mailFolders/inbox/messages?$filter=isRead`, { headers }))).toEqual([
    400,
    'ErrorInvalidUrlQueryFilter',
  ]);
});

test('a user is shown to whoever may read users, under id and name', async () => {
  const m365 = await microsoft365();
  const user = async (name: string) => {
    const headers = { Authorization: `Bearer ${await m365.token('graph')}` };
    return m365.get(`${m365.endpoints.graph}/v1.0/users/${name}`, { headers });
  };
  expect(await errorOf(await user(reports))).toEqual([403, 'Authorization_RequestDenied']);
  await m365.control('PATCH', '/state', { graphRoles: ['User.Read.All'] });
  const byName = (await (await user(reports)).json()) as { id: string };
  expect(byName).toMatchObject({ userPrincipalName: reports });
  expect(await (await user(byName.id)).json()).toEqual(byName);
});
