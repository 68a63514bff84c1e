import PostalMime from 'postal-mime';
import { expect, test } from 'vitest';
import {
  type Answer,
  alice,
  base64,
  errorOf,
  type Graph,
  graph,
  octets,
  person,
  reports,
  stored,
} from './graph-mail.ts';
import { type Microsoft365, microsoft365 } from './harness.ts';

const megabyte = 1024 * 1024;

interface Session {
  readonly uploadUrl: string;
  readonly expirationDateTime: string;
  readonly nextExpectedRanges: readonly string[];
}

interface Upload {
  readonly m365: Microsoft365;
  readonly app: Graph;
  readonly id: string;
  readonly content: Buffer;
  readonly session: Session;
  /** Puts the octets from start up to, but excluding, end. */
  put(start: number, end: number, headers?: Record<string, string>): Promise<Answer>;
}

async function draft(m365: Microsoft365): Promise<{ app: Graph; id: string }> {
  const app = await graph(m365);
  const { id } = await app.json<{ id: string }>('POST', '/messages', {
    subject: 'Large',
    toRecipients: [person(alice)],
  });
  return { app, id };
}

/** A draft and an upload session for one of its attachments. */
async function upload(m365: Microsoft365, size: number, more: object = {}): Promise<Upload> {
  const { app, id } = await draft(m365);
  const content = octets(size);
  const AttachmentItem = { attachmentType: 'file', name: 'large.bin', size, ...more };
  const session = await app.json<Session>('POST', `/messages/${id}/attachments/createUploadSession`, {
    AttachmentItem,
  });
  const put: Upload['put'] = (start, end, headers = {}) =>
    m365.get(session.uploadUrl, {
      method: 'PUT',
      headers: {
        'Content-Type': 'application/octet-stream',
        'Content-Range': `bytes ${start}-${end - 1}/${size}`,
        ...headers,
      },
      body: content.subarray(start, end),
    });
  return { m365, app, id, content, session, put };
}

const expected = async (answer: Answer) => ((await answer.json()) as Session).nextExpectedRanges;

test('an attachment arrives in chunks, is found by its Location, and is delivered octet for octet', async () => {
  const size = 5 * megabyte + 1;
  const up = await upload(await microsoft365(), size, { contentType: 'image/png', contentId: 'logo', isInline: true });
  expect(up.session.nextExpectedRanges).toEqual(['0-']);
  expect(Date.parse(up.session.expirationDateTime)).toBeGreaterThan(Date.now());
  const first = await up.put(0, 4 * megabyte);
  expect([first.status, await expected(first)]).toEqual([200, [String(4 * megabyte)]]);
  const last = await up.put(4 * megabyte, size);
  expect([last.status, await last.text()]).toEqual([201, '']);
  const [, attachmentId] = /\/Attachments\('([^']+)'\)$/.exec(last.headers.get('location')!)!;
  const { value } = await up.app.json<{ value: object[] }>('GET', `/messages/${up.id}/attachments`);
  expect(value).toMatchObject([
    { id: attachmentId, name: 'large.bin', size, contentType: 'image/png', isInline: true },
  ]);
  expect(await errorOf(await up.put(4 * megabyte, size))).toEqual([404, 'ErrorItemNotFound']);
  expect((await up.app.request('POST', `/messages/${up.id}/send`)).status).toBe(202);
  const { attachments } = await PostalMime.parse(stored(up.m365, alice)[0]!);
  expect(attachments).toMatchObject([{ filename: 'large.bin', contentId: '<logo>', mimeType: 'image/png' }]);
  expect(Buffer.from(attachments[0]!.content as ArrayBuffer).equals(up.content)).toBe(true);
});

test('the URL is its own authorization: a token beside it is refused, as is one in it that was changed', async () => {
  const up = await upload(await microsoft365(), 3 * megabyte);
  const unauthorized = [401, 'InvalidAuthenticationToken'];
  const token = await up.m365.token('graph');
  expect(await errorOf(await up.put(0, megabyte, { Authorization: `Bearer ${token}` }))).toEqual(unauthorized);
  const changed = await up.m365.get(up.session.uploadUrl.replace(/authtoken=.*/, 'authtoken=x'));
  expect(await errorOf(changed)).toEqual(unauthorized);
  expect((await up.put(0, 3 * megabyte)).status).toBe(201);
});

test('what is out of order, of the wrong length, or not described is refused, and counts for nothing', async () => {
  const size = 4 * megabyte + 10;
  const up = await upload(await microsoft365(), size);
  expect((await up.put(0, megabyte)).status).toBe(200);
  expect(await errorOf(await up.put(0, megabyte))).toEqual([416, 'ErrorInvalidRange']);
  expect(await errorOf(await up.put(2 * megabyte, 3 * megabyte))).toEqual([416, 'ErrorInvalidRange']);
  const range = (value: string) => ({ 'Content-Range': value });
  expect(await errorOf(await up.put(megabyte, 2 * megabyte, range(`bytes ${megabyte}-${size}/${size}`)))).toEqual([
    416,
    'ErrorInvalidRange',
  ]);
  const invalid = [400, 'ErrorInvalidRequest'];
  expect(await errorOf(await up.put(megabyte, 2 * megabyte, range('0-5')))).toEqual(invalid);
  expect(
    await errorOf(await up.put(megabyte, 2 * megabyte, range(`bytes ${megabyte}-${2 * megabyte - 1}/99`))),
  ).toEqual(invalid);
  expect(
    await errorOf(await up.put(megabyte, 2 * megabyte, range(`bytes ${megabyte}-${megabyte + 9}/${size}`))),
  ).toEqual(invalid);
  expect(await errorOf(await up.put(megabyte, 2 * megabyte, { 'Content-Type': 'image/png' }))).toEqual([
    415,
    'UnsupportedMediaType',
  ]);
  expect(await expected(await up.m365.get(up.session.uploadUrl))).toEqual([String(megabyte)]);
});

test('a chunk beyond 4 MB is 413 and a violation', async () => {
  const up = await upload(await microsoft365(), 6 * megabyte);
  expect(await errorOf(await up.put(0, 4 * megabyte + 1))).toEqual([413, 'RequestEntityTooLarge']);
  expect(up.m365.violations.counts()).toEqual({ requestSize: 1 });
  expect((await up.put(0, 4 * megabyte)).status).toBe(200);
});

test('after a cut the session tells where to go on, whether the chunk counted or not', async () => {
  const up = await upload(await microsoft365(), 4 * megabyte);
  const status = async () => expected(await up.m365.get(up.session.uploadUrl));
  up.m365.faults.add({ target: 'graph', at: 'uploadChunk', kind: 'cut-reading', afterBytes: 700_000 });
  await expect(up.put(0, megabyte)).rejects.toThrow('fetch failed');
  expect(await status()).toEqual(['0']);
  up.m365.faults.add({ target: 'graph', at: 'uploadChunk', kind: 'cut-after' });
  await expect(up.put(0, megabyte)).rejects.toThrow('fetch failed');
  expect(await status()).toEqual([String(megabyte)]);
  up.m365.faults.add({ target: 'graph', at: 'uploadChunk', kind: 'cut-answering' });
  await expect(up.put(megabyte, 4 * megabyte)).rejects.toThrow('fetch failed');
  expect(await errorOf(await up.m365.get(up.session.uploadUrl))).toEqual([404, 'ErrorItemNotFound']);
  expect(await up.app.json('GET', `/messages/${up.id}/attachments`)).toMatchObject({ value: [{ size: 4 * megabyte }] });
});

test('a session ends by DELETE, with its draft, and by time', async () => {
  const m365 = await microsoft365();
  const gone = [404, 'ErrorItemNotFound'];
  const cancelled = await upload(m365, 3 * megabyte);
  expect((await m365.get(cancelled.session.uploadUrl, { method: 'DELETE' })).status).toBe(204);
  expect(await errorOf(await cancelled.put(0, megabyte))).toEqual(gone);
  const orphan = await upload(m365, 3 * megabyte);
  expect((await orphan.app.request('DELETE', `/messages/${orphan.id}`)).status).toBe(204);
  expect(await errorOf(await orphan.put(0, megabyte))).toEqual(gone);
  await m365.control('PATCH', '/state', { uploadSessionLifetimeSeconds: -1 });
  const late = await upload(m365, 3 * megabyte);
  expect(await errorOf(await late.put(0, megabyte))).toEqual(gone);
});

test('from 3 MB on a session, below a POST; the message ends at 150 MB', async () => {
  const m365 = await microsoft365();
  const { app, id } = await draft(m365);
  const open = (size: number) =>
    app.request('POST', `/messages/${id}/attachments/createUploadSession`, {
      AttachmentItem: { attachmentType: 'file', name: 'a', size },
    });
  const post = (size: number) =>
    app.request('POST', `/messages/${id}/attachments`, {
      '@odata.type': '#microsoft.graph.fileAttachment',
      name: 'a',
      contentBytes: base64(Buffer.alloc(size)),
    });
  expect(await errorOf(await open(3 * megabyte - 1))).toEqual([
    400,
    'ErrorAttachmentSizeShouldNotBeLessThanMinimumSize',
  ]);
  expect((await post(3 * megabyte - 1)).status).toBe(201);
  expect(await errorOf(await post(3 * megabyte + 1))).toEqual([413, 'RequestEntityTooLarge']);
  expect(await errorOf(await open(150 * megabyte + 1))).toEqual([400, 'ErrorAttachmentSizeLimitExceeded']);
  expect(await errorOf(await open(148 * megabyte))).toEqual([413, 'ErrorMessageSizeExceeded']);
  expect((await open(146 * megabyte)).status).toBe(201);
  expect(m365.violations.counts()).toEqual({ requestSize: 1, messageSize: 2 });
  const unknown = await app.request('POST', '/messages/bm9uZQ/attachments/createUploadSession', {
    AttachmentItem: { attachmentType: 'file', name: 'a', size: 4 * megabyte },
  });
  expect(await errorOf(unknown)).toEqual([404, 'ErrorItemNotFound']);
});

test('150 MB go through in well under a gigabyte', async () => {
  const m365 = await microsoft365();
  const { app, id } = await draft(m365);
  const size = 140 * megabyte;
  const chunk = octets(4 * megabyte);
  const AttachmentItem = { attachmentType: 'file', name: 'huge', size };
  const { uploadUrl } = await app.json<Session>('POST', `/messages/${id}/attachments/createUploadSession`, {
    AttachmentItem,
  });
  for (let start = 0; start < size; start += chunk.length) {
    const range = `bytes ${start}-${start + chunk.length - 1}/${size}`;
    const headers = { 'Content-Type': 'application/octet-stream', 'Content-Range': range };
    const answer = await m365.get(uploadUrl, { method: 'PUT', headers, body: chunk });
    expect(answer.status).toBe(start + chunk.length < size ? 200 : 201);
    await answer.text();
  }
  expect((await app.request('POST', `/messages/${id}/send`)).status).toBe(202);
  const { external, arrayBuffers } = process.memoryUsage();
  expect((external + arrayBuffers) / megabyte).toBeLessThan(1000);
  const [sent] = stored(m365, reports, 'Sent Items');
  const body = sent!.indexOf('\r\n\r\n', sent!.indexOf('Content-Disposition: attachment')) + 4;
  const start = sent!.toString('latin1', body, body + 78 * 100).replaceAll('\r\n', '');
  expect(Buffer.from(start, 'base64').equals(chunk.subarray(0, 5700))).toBe(true);
  expect(stored(m365, alice)[0]).toBe(sent);
}, 60_000);

test('with keepContent off a draft is uploaded, sent and journalled, and nothing is kept', async () => {
  const m365 = await microsoft365({ keepContent: false });
  const up = await upload(m365, 3 * megabyte);
  await up.put(0, 3 * megabyte);
  expect((await up.app.request('POST', `/messages/${up.id}/send`)).status).toBe(202);
  expect(m365.transport.journal.entries()).toMatchObject([{ recipients: [alice] }]);
  expect([stored(m365, reports, 'Drafts'), stored(m365, reports, 'Sent Items'), stored(m365, alice)]).toEqual([
    [],
    [],
    [],
  ]);
});
