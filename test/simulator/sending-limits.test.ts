import { createTransport } from 'nodemailer';
import { expect, test } from 'vitest';
import { SendingLimits } from '../../src/simulator/delivery/sending-limits.ts';
import { Violations } from '../../src/simulator/delivery/violations.ts';
import { alice, base64, errorOf, graph, octets, person, reports } from './graph-mail.ts';
import { afterTest, type Microsoft365, message, microsoft365 } from './harness.ts';

const second = 1000;
const day = 24 * 60 * 60 * second;

const mime = message({ From: reports, To: alice, 'Message-ID': '<1@x.example>' });
const many = (count: number, domain: string) => Array.from({ length: count }, (_, i) => `u${i}@${domain}`);

/** Sends over Exchange SMTP; returns the reply, good or bad. */
async function smtp(m365: Microsoft365, user = reports) {
  const auth = { type: 'OAuth2', user, accessToken: await m365.token('exchange') };
  const { host, port } = m365.endpoints.smtp;
  const tls = { ca: m365.ca };
  const transport = createTransport({
    host,
    port,
    secure: false,
    requireTLS: true,
    pool: true,
    maxConnections: 1,
    maxRequeues: 0,
    tls,
    auth,
  } as never);
  afterTest(async () => transport.close());
  return async (to: readonly string[], raw = mime) => {
    try {
      const { response, rejectedErrors } = await transport.sendMail({ envelope: { from: user, to: [...to] }, raw });
      return [response, ...(rejectedErrors ?? []).map((error) => (error as Error & { response?: string }).response)];
    } catch (error) {
      return [(error as { response?: string }).response ?? String(error)];
    }
  };
}

test('a minute and a day are windows that move; what is refused does not count', () => {
  const violations = new Violations();
  let now = 0;
  const limits = new SendingLimits(violations, () => now);
  limits.set({ messagesPerMinute: 2, recipientsPerDay: 10 });
  expect(limits.admit(reports, 4, 0)).toBeUndefined();
  now = 20 * second;
  expect(limits.admit(reports, 4, 0)).toBeUndefined();
  expect(limits.admit(reports, 1, 0)).toEqual({ limit: 'messagesPerMinute', retryAfterSeconds: 40 });
  expect(limits.admit(alice, 1, 0)).toBeUndefined();
  now = 60 * second;
  expect(limits.admit(reports.toUpperCase(), 3, 0)).toEqual({
    limit: 'recipientsPerDay',
    retryAfterSeconds: day / second - 60,
  });
  expect(limits.admit(reports, 2, 0)).toBeUndefined();
  now = day;
  expect(limits.admit(reports, 4, 0)).toBeUndefined();
  expect(violations.count).toBe(2);
  expect(violations.counts()).toEqual({ messagesPerMinute: 1, recipientsPerDay: 1 });
  limits.set({ recipientsPerDay: null });
  expect(limits.admit(reports, 1000, 0)).toBeUndefined();
});

test('a mailbox may have limits of its own; recipients outside the tenant count for all mailboxes together', () => {
  const limits = new SendingLimits(new Violations(), () => 0);
  limits.set({
    recipientsPerDay: 10,
    externalRecipientsPerDay: 3,
    mailboxes: [{ mailbox: alice, recipientsPerDay: 1 }],
  });
  expect(limits.admit(alice, 2, 0)?.limit).toBe('recipientsPerDay');
  expect(limits.admit(reports, 2, 2)).toBeUndefined();
  expect(limits.admit(alice, 1, 1)).toBeUndefined();
  expect(limits.admit(reports, 1, 1)?.limit).toBe('externalRecipientsPerDay');
  expect(limits.admit(reports, 1, 0)).toBeUndefined();
});

test('Exchange SMTP says which limit in its own words', async () => {
  const m365 = await microsoft365();
  const send = await smtp(m365);
  const limit = (sendingLimits: object) => m365.control('PATCH', '/state', { sendingLimits });
  await limit({ recipientsPerDay: 1 });
  expect(await send([alice, reports])).toEqual([
    expect.stringMatching(/^554 5\.2\.0 STOREDRV\.Submission\.Exception:SubmissionQuotaExceededException; /),
  ]);
  await limit({ recipientQuotaCode: '5.1.90' });
  expect(await send([alice, reports])).toEqual([
    expect.stringMatching(/^550 5\.1\.90 Your message can't be sent because you've reached your daily limit/),
  ]);
  await limit({ recipientsPerDay: null, externalRecipientsPerDay: 1 });
  expect(await send(many(2, 'far.example'))).toEqual([expect.stringMatching(/^550 5\.7\.233 .*external recipients/)]);
  expect(await send([alice, 'one@far.example'])).toEqual([expect.stringMatching(/^250 /)]);
  await limit({ externalRecipientsPerDay: null, messagesPerMinute: 1 });
  expect(await send([alice])).toEqual([expect.stringMatching(/^250 /)]);
  expect(await send([alice])).toEqual([
    expect.stringMatching(/^432 4\.3\.2 STOREDRV\.ClientSubmit; sender thread limit exceeded/),
  ]);
  expect(m365.violations.counts()).toEqual({ recipientsPerDay: 2, externalRecipientsPerDay: 1, messagesPerMinute: 1 });
  expect(m365.transport.journal.count).toBe(2);
});

test('the recipient too many of one domain gets 452, the others and the next transaction pass', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { sendingLimits: { sameDomainRecipients: 3 } });
  const send = await smtp(m365);
  const to = [...many(4, 'far.example'), ...many(3, 'other.example')];
  expect(await send(to)).toEqual([expect.stringMatching(/^250 /), '452 4.5.3 Too many recipients']);
  expect(await send(many(3, 'FAR.example'))).toEqual([expect.stringMatching(/^250 /)]);
  expect(m365.transport.journal.entries().map(({ recipients }) => recipients.length)).toEqual([6, 3]);
  expect(m365.violations.counts()).toEqual({ sameDomainRecipients: 1 });
});

test('Graph says 429 by the minute, with Retry-After, and by the day that the quota is exceeded', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  const limit = (sendingLimits: object) => m365.control('PATCH', '/state', { sendingLimits });
  await limit({ messagesPerMinute: 1 });
  expect((await app.request('POST', '/sendMail', base64(mime))).status).toBe(202);
  const throttled = await app.request('POST', '/sendMail', base64(mime));
  expect(Number(throttled.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await errorOf(throttled)).toEqual([429, 'ApplicationThrottled']);
  await limit({ messagesPerMinute: null, recipientsPerDay: 0 });
  expect(await errorOf(await app.request('POST', '/sendMail', base64(mime)))).toEqual([
    403,
    'ErrorSubmissionQuotaExceeded',
  ]);
  await limit({ recipientsPerDay: null, externalRecipientsPerDay: 0 });
  const { id } = await app.json<{ id: string }>('POST', '/messages', { toRecipients: [person('far@far.example')] });
  expect(await errorOf(await app.request('POST', `/messages/${id}/send`))).toEqual([403, 'ErrorExceededMessageLimit']);
  expect((await app.request('GET', `/messages/${id}`)).status).toBe(200);
  const listed = await (await m365.control('GET', '/violations')).json();
  expect(listed).toMatchObject({
    count: 3,
    counts: { messagesPerMinute: 1, recipientsPerDay: 1, externalRecipientsPerDay: 1 },
    entries: [{ n: 1, limit: 'messagesPerMinute', mailbox: reports }, {}, {}],
  });
  await m365.control('DELETE', '/violations');
  expect(m365.violations.count).toBe(0);
});

test('uploads of one app to one mailbox are limited in five minutes', async () => {
  const m365 = await microsoft365();
  const size = 3 * 1024 * 1024;
  await m365.control('PATCH', '/state', { sendingLimits: { uploadBytesPer5Minutes: size - 1 } });
  const app = await graph(m365);
  const { id } = await app.json<{ id: string }>('POST', '/messages', {});
  const AttachmentItem = { attachmentType: 'file', name: 'a', size };
  const { uploadUrl } = await app.json<{ uploadUrl: string }>(
    'POST',
    `/messages/${id}/attachments/createUploadSession`,
    { AttachmentItem },
  );
  const headers = { 'Content-Type': 'application/octet-stream', 'Content-Range': `bytes 0-${size - 1}/${size}` };
  const put = () => m365.get(uploadUrl, { method: 'PUT', headers, body: octets(size) });
  const refused = await put();
  expect([refused.headers.get('retry-after'), ...(await errorOf(refused))]).toEqual([
    '300',
    429,
    'ApplicationThrottled',
  ]);
  await m365.control('PATCH', '/state', { sendingLimits: { uploadBytesPer5Minutes: size } });
  expect((await put()).status).toBe(201);
});

test('requests and connections beyond those allowed at a time are counted', async () => {
  const m365 = await microsoft365({ graphConcurrentPerMailbox: 1, smtpConnectionsPerMailbox: 0 });
  const app = await graph(m365);
  m365.faults.add({ target: 'graph', kind: 'delay', delayMs: 300 });
  const first = app.request('GET', '/messages');
  while (m365.faults.list().length > 0) await new Promise(setImmediate);
  expect((await app.request('GET', '/messages')).status).toBe(429);
  expect((await first).status).toBe(200);
  expect(await (await smtp(m365))([alice])).toEqual([expect.stringMatching(/^432 4\.3\.2 /)]);
  expect(m365.violations.counts()).toEqual({ graphConcurrency: 1, smtpConnections: 1 });
});

test('SMTP is cut within DATA, behind the final dot, or with the reply ready; sent mail stands in Sent Items once', async () => {
  const m365 = await microsoft365();
  const large = mime + 'x'.repeat(70).concat('\r\n').repeat(2000);
  const cut = async (fault: object) => {
    m365.transport.journal.clear();
    await m365.control('POST', '/faults', { target: 'smtp', at: 'data', ...fault });
    const [reply] = await (await smtp(m365))([alice], large);
    expect(reply).not.toMatch(/^250/);
    return m365.transport.journal.count;
  };
  expect(await cut({ kind: 'cut-reading' })).toBe(0);
  expect(await cut({ kind: 'cut-reading', afterBytes: 50_000 })).toBe(0);
  expect(await cut({ kind: 'cut-before' })).toBe(0);
  expect(await cut({ kind: 'cut-after' })).toBe(1);
  const filter = encodeURIComponent("internetMessageId eq '<1@x.example>'");
  const found = await (await graph(m365)).json('GET', `/mailFolders/sentitems/messages?$filter=${filter}&$select=id`);
  expect(found).toEqual({ value: [{ '@odata.etag': expect.any(String), id: expect.any(String) }] });
});
