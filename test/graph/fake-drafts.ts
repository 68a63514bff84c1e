import { createHash } from 'node:crypto';
import type { Answer, Arrived } from './fake-graph.ts';
import { refusal } from './fake-graph.ts';

/** An attachment that has arrived. */
export interface ArrivedAttachment {
  readonly name: string;
  readonly contentType: string;
  readonly contentId?: string;
  readonly isInline: boolean;
  readonly octets: number;
  readonly sha256: string;
}

interface PostedAttachment extends Omit<ArrivedAttachment, 'octets' | 'sha256'> {
  readonly '@odata.type': string;
  readonly contentBytes: string;
}

/** The properties used here, among others. */
interface MessageJson {
  readonly id?: string;
  readonly singleValueExtendedProperties?: readonly { readonly id: string; readonly value: string }[];
  readonly [name: string]: unknown;
}

type PostedMessage = MessageJson & { readonly attachments: readonly PostedAttachment[] };

/** What an upload session is given. */
type SessionItem = Omit<ArrivedAttachment, 'octets' | 'sha256'> & {
  readonly attachmentType: 'file';
  readonly size: number;
};

/** A message, in Drafts or sent. */
export interface ArrivedMessage {
  readonly json: MessageJson;
  readonly attachments: ArrivedAttachment[];
  readonly createdAtMs: number;
}

interface Session {
  readonly draft: ArrivedMessage;
  readonly item: SessionItem;
  readonly digest: ReturnType<typeof createHash>;
  arrived: number;
}

/** Of one request, as measured (github.com/microsoftgraph/msgraph-sdk-java/pull/52). */
const maxRequestOctets = 4 * 1024 * 1024;

type Request = Arrived & { readonly path: string };

const ok = (status: number, body?: unknown): Answer => ({
  status,
  headers: { 'content-type': 'application/json', 'request-id': `request-${status}` },
  body,
});

/** What Graph does with drafts, upload sessions and `sendMail` in JSON; the origin is known once the server listens. */
export class FakeDrafts {
  origin = '';
  readonly drafts = new Map<string, ArrivedMessage>();
  readonly sent: ArrivedMessage[] = [];
  /** One entry for each request, such as `POST messages`. */
  readonly log: string[] = [];
  /** Overrides answers to requests, by their entry and its count: called before and after. */
  before: (word: string, count: number, request: Request) => Answer | undefined = () => undefined;
  after: (word: string, count: number, request: Request) => Answer | undefined = () => undefined;
  /** Smaller files get no upload session. */
  sessionFromOctets = 2 * 1024 * 1024;
  readonly #sessions = new Map<string, Session>();
  #next = 0;

  readonly answer = (_count: number, arrived: Arrived): Answer => {
    const request = { ...arrived, path: decodeURIComponent(new URL(arrived.url, 'https://x').pathname) };
    const word = `${request.method} ${request.path.replace(/^\/v1\.0\/(?:me|users\/[^/]+)\//, '').replace(/\b(?:draft|session)-\d+/g, 'N')}`;
    this.log.push(word);
    const count = this.log.filter((each) => each === word).length;
    const early = this.before(word, count, request);
    if (early !== undefined) return early;
    const answer = this.#serve(request);
    return this.after(word, count, request) ?? answer;
  };

  #serve(request: Request): Answer {
    const { method, path, body, headers } = request;
    const [, sessionId] = /^\/upload\/(session-\d+)$/.exec(path) ?? [];
    if (sessionId !== undefined) return this.#upload(sessionId, request);
    if (headers.authorization === undefined) return refusal(401, 'InvalidAuthenticationToken');
    if (body.length > maxRequestOctets) return refusal(413, 'RequestEntityTooLarge');
    if (path.endsWith('/sendMail')) return this.#sendMail(JSON.parse(body.toString()));
    if (path.endsWith('/mailFolders/drafts/messages')) return this.#list(request);
    if (method === 'POST' && path.endsWith('/messages')) return this.#create(JSON.parse(body.toString()));
    const [, id = '', rest = ''] = /\/messages\/(draft-\d+)(.*)$/.exec(path) ?? [];
    const draft = this.drafts.get(id);
    return draft === undefined ? this.#ofSent(method, id) : this.#ofDraft(method, id, draft, rest, body);
  }

  /** It has the draft's id; it can be read and deleted, but not sent again. */
  #ofSent(method: string, id: string): Answer {
    const index = this.sent.findIndex(({ json }) => json.id === id);
    if (index === -1) return refusal(404, 'ErrorItemNotFound');
    if (method === 'GET') return ok(200, { isDraft: false });
    if (method === 'POST') return refusal(400, 'ErrorInvalidOperation');
    this.sent.splice(index, 1);
    return ok(204);
  }

  /** Sends all drafts, as if an earlier request had still been at work. */
  sendAll(): void {
    this.sent.push(...this.drafts.values());
    this.drafts.clear();
  }

  #ofDraft(method: string, id: string, draft: ArrivedMessage, rest: string, body: Buffer): Answer {
    if (method === 'DELETE') {
      this.drafts.delete(id);
      return ok(204);
    }
    if (rest === '/send') {
      this.drafts.delete(id);
      this.sent.push(draft);
      return ok(202);
    }
    if (method === 'GET')
      return ok(200, rest === '' ? { isDraft: true } : { value: draft.attachments.map(() => ({})) });
    if (rest === '/attachments') {
      draft.attachments.push(attachmentFrom(JSON.parse(body.toString())));
      return ok(201, { id: 'attachment' });
    }
    this.#next += 1;
    const session = `session-${this.#next}`;
    const item = JSON.parse(body.toString()).AttachmentItem;
    if (item.size < this.sessionFromOctets) return refusal(400, 'ErrorAttachmentSizeShouldNotBeLessThanMinimumSize');
    this.#sessions.set(session, { draft, item, digest: createHash('sha256'), arrived: 0 });
    return ok(201, { uploadUrl: `${this.origin}/upload/${session}?authtoken=secret`, nextExpectedRanges: ['0-'] });
  }

  #upload(id: string, { method, body, headers }: Request): Answer {
    const session = this.#sessions.get(id);
    if (headers.authorization !== undefined) return refusal(401, 'InvalidAuthenticationToken');
    if (session === undefined) return refusal(404, 'ErrorItemNotFound');
    if (method === 'GET') return ok(200, { nextExpectedRanges: [String(session.arrived)] });
    const [from = -1, to = -1, total = -1] = (/^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers['content-range'] ?? '') ?? [])
      .slice(1)
      .map(Number);
    if (from !== session.arrived || total !== session.item.size) return refusal(416, 'ErrorInvalidRange');
    if (to - from + 1 !== body.length || body.length >= 4_000_000) return refusal(400, 'ErrorInvalidRequest');
    session.digest.update(body);
    session.arrived += body.length;
    if (session.arrived < total) return ok(200, { nextExpectedRanges: [String(session.arrived)] });
    const { attachmentType: _, size, ...facts } = session.item;
    session.draft.attachments.push({ ...facts, octets: size, sha256: session.digest.digest('hex') });
    this.#sessions.delete(id);
    return ok(201);
  }

  #sendMail({ message }: { readonly message: PostedMessage }): Answer {
    const { attachments, ...json } = message;
    this.sent.push({ json, attachments: attachments.map(attachmentFrom), createdAtMs: 0 });
    return ok(202);
  }

  #create({ attachments, ...json }: PostedMessage): Answer {
    this.#next += 1;
    const id = `draft-${this.#next}`;
    this.drafts.set(id, {
      json: { ...json, id },
      attachments: attachments.map(attachmentFrom),
      createdAtMs: Date.now(),
    });
    return ok(201, { id });
  }

  #list({ url }: Request): Answer {
    const filter = new URL(url, 'https://x').searchParams.get('$filter') ?? '';
    const [, id, value] = /^singleValueExtendedProperties\/Any\(ep: ep\/id eq '(.+)' and ep\/value eq '(.+)'\)$/.exec(
      filter,
    )!;
    const found = [...this.drafts].filter(([, { json }]) =>
      json.singleValueExtendedProperties?.some((property) => property.id === id && property.value === value),
    );
    return ok(200, {
      value: found.map(([key, { createdAtMs }]) => ({ id: key, createdDateTime: new Date(createdAtMs).toISOString() })),
    });
  }
}

function attachmentFrom({ contentBytes, '@odata.type': type, ...facts }: PostedAttachment): ArrivedAttachment {
  if (type !== '#microsoft.graph.fileAttachment') throw new Error(`unexpected ${type}`);
  const octets = Buffer.from(contentBytes, 'base64');
  return { ...facts, octets: octets.length, sha256: createHash('sha256').update(octets).digest('hex') };
}
