import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttpClient, type HttpClient } from '../../src/base/http/client.ts';
import { GraphClient } from '../../src/graph/client/client.ts';
import { type SendAsJsonOptions, sendAsJson } from '../../src/graph/json/send.ts';
import { Draft, draftMark, sweepDrafts } from '../../src/graph/upload/draft.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { generatedMessage } from '../message/mime-tree.ts';
import { faithful, lines, opener, retry, sha256 } from './send-json-world.ts';

const reports = 'reports@contoso.example';
const alice = 'alice@contoso.example';
const bob = 'bob@contoso.example';

let simulator: Simulator;
let http: HttpClient;
let client: GraphClient;

beforeAll(async () => {
  simulator = await startSimulator();
  http = createHttpClient({ ca: readFileSync(simulator.endpoints.caFile), env: {} });
  client = new GraphClient({ http, origin: simulator.endpoints.graph, getToken: token, retry });
});

afterAll(async () => {
  await http.close();
  await simulator.close();
});

async function token(): Promise<string> {
  const { authority } = simulator.endpoints;
  const answer = await http.request({
    method: 'POST',
    url: `${authority}/${simulator.tenantId}/oauth2/v2.0/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: simulator.clientId,
      client_secret: simulator.clientSecret,
      scope: 'https://graph.microsoft.com/.default',
    }).toString(),
  });
  return (JSON.parse(await answer.text()) as { access_token: string }).access_token;
}

async function send(source: Buffer, options: Partial<SendAsJsonOptions> = {}) {
  return sendAsJson(client, {
    mailbox: reports,
    sendAs: 'mailbox',
    survey: await faithful(source),
    open: opener(source),
    from: { address: reports },
    recipients: { to: [{ address: alice }], cc: [], bcc: [] },
    signal: AbortSignal.timeout(60_000),
    ...options,
  });
}

const stored = (address: string, folder: string) =>
  simulator.directory.messages(address, folder).map(({ content }) => content);

/** The latest message of a folder, read by a parser that this project did not write. */
async function latest(address: string, folder = 'INBOX') {
  const parsed = await PostalMime.parse(stored(address, folder).at(-1)!, { forceRfc822Attachments: true });
  return { ...parsed, header: new Map(parsed.headers.map(({ key, value }) => [key, value])) };
}

function withoutLineEnds(text: string): string {
  return text.replace(/[\r\n]/g, '');
}

/** Sorted, because files uploaded concurrently may change places. */
function digests(files: readonly { readonly name: string; readonly content: Buffer }[]) {
  return files.map(({ name, content }) => `${name} ${sha256(withoutLineEnds(content.toString('latin1')))}`).toSorted();
}

describe('What the simulated Microsoft 365 delivers', () => {
  it.each([3_500_000, 0])('is what was sent, with requests up to %i octets', async (maxRequestBytes) => {
    await fc.assert(
      fc.asyncProperty(generatedMessage, async (message) => {
        await send(message.source, { maxRequestBytes });
        const arrived = await latest(alice);
        expect(arrived.subject ?? '').toBe(message.subject);
        const { contentType, content } = message.body;
        const text = contentType === 'html' ? arrived.html : arrived.text;
        expect(withoutLineEnds(text ?? '')).toContain(withoutLineEnds(content));
        const files = arrived.attachments.map(({ filename, content: octets }) => ({
          name: filename ?? '',
          content: Buffer.from(octets as ArrayBuffer),
        }));
        expect(digests(files)).toEqual(
          digests(message.attachments.map(({ name = '', content: c }) => ({ name, content: c }))),
        );
      }),
      { numRuns: 40 },
    );
    expect(stored(reports, 'Drafts')).toEqual([]);
  });

  it('keeps its thread, its fields and its secrets, large as it is', async () => {
    const large = Buffer.alloc(9_000_000, 'Zeile für Zeile\r\n');
    const source = lines(
      `From: ${reports}`,
      'To: nobody@fabrikam.example, alice@contoso.example',
      'Subject: Large',
      'Message-ID: <large@contoso.example>',
      'In-Reply-To: <before@contoso.example>',
      'References: <first@contoso.example> <before@contoso.example>',
      'X-Job: 47',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      '',
      'See the file.',
      '--b',
      'Content-Type: text/csv; name=large.csv',
      'Content-Transfer-Encoding: base64',
      '',
      large.toString('base64').replace(/.{76}/g, '$&\r\n'),
      '--b--',
      '',
    );
    const { id } = await send(Buffer.from(source), {
      recipients: { to: [{ address: alice, name: 'Alice' }], cc: [], bcc: [{ address: bob }] },
      marker: { field: 'X-Mailbridge-Id', value: 'q7.abc' },
    });
    expect(id).toBeDefined();
    for (const address of [alice, bob]) {
      const { header, to, bcc, messageId, inReplyTo, attachments } = await latest(address);
      expect({ to, bcc, messageId, inReplyTo }).toEqual({
        to: [{ name: 'Alice', address: alice }],
        bcc: undefined,
        messageId: '<large@contoso.example>',
        inReplyTo: '<before@contoso.example>',
      });
      expect(header.get('references')).toBe('<first@contoso.example> <before@contoso.example>');
      expect([header.get('x-job'), header.get('x-mailbridge-id')]).toEqual(['47', 'q7.abc']);
      expect(header.has('mailbridgedraft')).toBe(false);
      expect(sha256(Buffer.from(attachments[0]!.content as ArrayBuffer))).toBe(sha256(large));
    }
    expect((await latest(reports, 'Sent Items')).messageId).toBe('<large@contoso.example>');
    expect(stored(reports, 'Drafts')).toEqual([]);
  });

  it('is nothing where an upload is given up, and a sweep finds what a crash left', async () => {
    const source = Buffer.from(
      lines(
        'Content-Type: multipart/mixed; boundary=b',
        '',
        '--b',
        'Content-Type: a/b',
        '',
        'x'.repeat(5_000_000),
        '--b--',
        '',
      ),
    );
    const before = stored(alice, 'INBOX').length;
    const crash = new AbortController();
    const { request } = http;
    http.request = (given) => {
      // As if the process had died: nothing more is sent, not even a deletion.
      if (given.method === 'PUT') crash.abort(new Error('crash'));
      return crash.signal.aborted ? Promise.reject(new Error('crash')) : request(given);
    };
    await expect(send(source, { signal: crash.signal })).rejects.toThrow();
    http.request = request;
    expect(stored(reports, 'Drafts')).toHaveLength(1);
    const place = { client, mailbox: reports, sendAs: 'mailbox' as const };
    const signal = AbortSignal.timeout(10_000);
    expect(await sweepDrafts(place, { olderThanMs: 60_000, nowMs: Date.now(), signal })).toBe(0);
    expect(await sweepDrafts(place, { olderThanMs: 60_000, nowMs: Date.now() + 120_000, signal })).toBe(1);
    expect(stored(reports, 'Drafts')).toEqual([]);
    expect(stored(alice, 'INBOX')).toHaveLength(before);
  });

  it('are swept up however many there are, over all pages of the list', async () => {
    const place = { client, mailbox: reports, sendAs: 'mailbox' as const };
    const signal = AbortSignal.timeout(60_000);
    const sweep = () => sweepDrafts(place, { olderThanMs: 0, nowMs: Date.now() + 1000, signal });
    await sweep();
    const others = stored(reports, 'Drafts').length;
    for (let n = 0; n < 260; n++) {
      await Draft.create(place, { subject: `${n}`, singleValueExtendedProperties: [draftMark] }, signal);
    }
    await Draft.create(place, { subject: 'mine' }, signal);
    expect(await sweep()).toBe(260);
    expect(stored(reports, 'Drafts')).toHaveLength(others + 1);
  });
});
