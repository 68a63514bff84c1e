import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { GraphClient, type GraphClientOptions } from '../../src/graph/client/client.ts';
import type { QuickRetry } from '../../src/graph/client/quick-retry.ts';
import { type FaithfulForm, surveyMessage } from '../../src/graph/json/form.ts';
import { type SendAsJsonOptions, type SentAsJson, sendAsJson } from '../../src/graph/json/send.ts';
import { FakeDrafts } from './fake-drafts.ts';
import { type FakeGraph, fakeGraph } from './fake-graph.ts';

export const retry: QuickRetry = {
  mode: 'status-codes',
  statusCodes: [429, 503],
  maxAttempts: 3,
  waitMs: 1,
  multiplyWait: true,
};

/** Graph with one mailbox, and a client for it. */
export interface JsonWorld {
  readonly drafts: FakeDrafts;
  readonly server: FakeGraph;
  readonly client: GraphClient;
  /** Surveys a message that must be faithful, and sends it. */
  send(source: Buffer | string, options?: Partial<SendAsJsonOptions>): Promise<SentAsJson>;
  close(): Promise<void>;
}

export async function jsonWorld(options: Partial<GraphClientOptions> = {}): Promise<JsonWorld> {
  const drafts = new FakeDrafts();
  const server = await fakeGraph(drafts.answer);
  drafts.origin = server.origin;
  const client = new GraphClient({
    http: server.http,
    origin: server.origin,
    getToken: async () => 'token-1',
    retry,
    ...options,
  });
  return {
    drafts,
    server,
    client,
    async send(source, given = {}) {
      const octets = Buffer.from(source);
      const open = opener(octets);
      return sendAsJson(client, {
        mailbox: 'a@contoso.com',
        sendAs: 'mailbox',
        survey: await faithful(octets),
        open,
        recipients: { to: [{ address: 'b@fabrikam.com' }], cc: [], bcc: [] },
        signal: new AbortController().signal,
        ...given,
      });
    },
    close: () => server.close(),
  };
}

/** Each call returns the octets from the start, in pieces as a file gives them. */
export function opener(octets: Buffer, pieceOctets = 64 * 1024): () => Readable {
  function* pieces() {
    for (let at = 0; at < octets.length; at += pieceOctets) yield octets.subarray(at, at + pieceOctets);
  }
  return () => Readable.from(pieces(), { objectMode: false });
}

export async function faithful(octets: Buffer): Promise<FaithfulForm> {
  const survey = await surveyMessage(opener(octets), octets.length);
  if (survey.jsonForm === 'lossy') throw new Error(`lossy: ${survey.reason}`);
  return survey;
}

export function sha256(octets: Buffer | string): string {
  return createHash('sha256').update(octets).digest('hex');
}

/** Lines joined as in a message. */
export function lines(...parts: readonly string[]): string {
  return parts.join('\r\n');
}
