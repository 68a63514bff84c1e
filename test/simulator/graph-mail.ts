import type { Microsoft365 } from './harness.ts';

export const reports = 'reports@contoso.example';
export const alice = 'alice@contoso.example';
export const bob = 'bob@contoso.example';

export type Answer = Awaited<ReturnType<Microsoft365['get']>>;

/** Requests to `/users/{mailbox}` with an app's token. */
export interface Graph {
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  json<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<T>;
}

export async function graph(m365: Microsoft365, mailbox = reports): Promise<Graph> {
  const token = await m365.token('graph');
  const request: Graph['request'] = (method, path, body, headers = {}) =>
    m365.get(`${m365.endpoints.graph}/v1.0/users/${mailbox}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'Content-Type': typeof body === 'string' ? 'text/plain' : 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  return {
    request,
    async json<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>) {
      const answer = await request(method, path, body, headers);
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
      return (await answer.json()) as T;
    },
  };
}

export const person = (address: string, name?: string) => ({ emailAddress: { address, ...(name ? { name } : {}) } });

export const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64');

export async function errorOf(answer: Answer) {
  const { error } = (await answer.json()) as { error: { code: string; message: string } };
  return [answer.status, error.code];
}

/** The messages of a folder, as octets. */
export const stored = (m365: Microsoft365, address: string, folder = 'INBOX') =>
  m365.directory.messages(address, folder).map(({ content }) => content);

/** Arbitrary-looking octets that are the same each time. */
export function octets(length: number, seed = 1): Buffer {
  const made = Buffer.alloc(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    made[i] = state >> 16;
  }
  return made;
}

/** The path after the mailbox of a link from an answer. */
export const pathOf = (link: string) => link.replace(/^.*?\/users\/[^/]+/, '');

/** Asks for immutable ids. */
export const immutable = { Prefer: 'IdType="ImmutableId"' };

/** A page of a list or of a round. */
export interface Page<T> {
  readonly value: T[];
  readonly '@odata.nextLink'?: string;
  readonly '@odata.deltaLink'?: string;
  readonly '@odata.count'?: number;
}

/** Every page of a round: its entries, and where the next round begins. */
export async function round<T>(app: Graph, path: string, headers = immutable): Promise<{ value: T[]; next: string }> {
  const value: T[] = [];
  for (let at = path; ; ) {
    const page = await app.json<Page<T>>('GET', at, undefined, headers);
    value.push(...page.value);
    const link = page['@odata.nextLink'];
    if (link === undefined) return { value, next: pathOf(page['@odata.deltaLink'] ?? '') };
    at = pathOf(link);
  }
}
