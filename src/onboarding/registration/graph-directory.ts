import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { systemClock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import type { HttpClient } from '../../base/http/client.ts';
import { type GraphError, graphErrorOf } from '../../graph/client/error.ts';
import type { Directory } from './directory.ts';
import { directoryError } from './directory-error.ts';
import { pause } from './pause.ts';

/** What the directory client needs. */
export interface GraphDirectoryOptions {
  readonly http: HttpClient;
  readonly clock: Clock;
  /** Origin of Graph, such as `https://graph.microsoft.com`. */
  readonly origin: string;
  /** Token of the administrator. */
  readonly accessToken: string;
  readonly signal?: AbortSignal | undefined;
  /** Called when Graph asks to wait. */
  onWait?(text: string): void;
}

const maxTries = 6;
const longestWaitMs = 120_000;
const requestTimeoutMs = 60_000;
const page = z.object({ value: z.array(z.unknown()), '@odata.nextLink': z.string().optional() });
/** More than any tenant has of what is listed here; it also ends a circle of next links. */
const maxPages = 100;

type Method = 'GET' | 'POST' | 'PATCH';

/** The directory behind Microsoft Graph, with an administrator's token. */
export function graphDirectory(options: GraphDirectoryOptions): Directory {
  const send = (method: Method, path: string, body?: object) => requestWithRetry(options, method, path, body);
  return {
    async list(path, form) {
      const found = [];
      let next: string | undefined = path;
      for (let pages = 0; next !== undefined && pages < maxPages; pages++) {
        const answer: z.infer<typeof page> = read(path, page, await send('GET', next));
        found.push(...answer.value.map((each) => read(path, form, each)));
        next = nextPath(options.origin, answer['@odata.nextLink']);
      }
      return found;
    },
    get: async (path, form) => read(path, form, await send('GET', path)),
    post: async (path, body, form) => read(path, form, await send('POST', path, body)),
    async patch(path, body) {
      await send('PATCH', path, body);
    },
    async act(path, body) {
      await send('POST', path, body);
    },
  };
}

/** The path of the next page; the token only goes to Graph, wherever a link may lead. */
function nextPath(origin: string, link: string | undefined): string | undefined {
  if (link === undefined) return undefined;
  const url = URL.parse(link);
  if (url?.origin !== new URL(origin).origin) {
    throw new BridgeError('upstream-answer-invalid', 'Microsoft Graph continues a list on another host.');
  }
  return `${url.pathname}${url.search}`;
}

function read<T>(path: string, form: z.ZodType<T>, value: unknown): T {
  const result = form.safeParse(value);
  if (result.success) return result.data;
  const where = result.error.issues[0]?.path.join('.') || 'the whole';
  const message = `The answer of Microsoft Graph to ${withoutQuery(path)} is not what it documents, at ${where}.`;
  throw new BridgeError('upstream-answer-invalid', message);
}

async function requestWithRetry(
  options: GraphDirectoryOptions,
  method: Method,
  path: string,
  body: object | undefined,
): Promise<unknown> {
  for (let tries = 1; ; tries++) {
    const answer = await request(options, method, path, body);
    if (!('refusal' in answer)) return answer.body;
    const { refusal } = answer;
    // After a gateway timeout the request may have been carried out: a repetition could create the object twice.
    const again = [429, 503].includes(refusal.status) || (method === 'GET' && refusal.status === 504);
    if (!again || tries === maxTries) throw directoryError(`${method} ${withoutQuery(path)}`, refusal);
    const waitMs = Math.min(refusal.retryAfterMs ?? 1000 * 2 ** tries, longestWaitMs);
    options.onWait?.(`Microsoft Graph is busy (${refusal.status}); waiting ${Math.ceil(waitMs / 1000)} s`);
    await pause(options.clock, waitMs, options.signal);
  }
}

async function request(
  { http, origin, accessToken, signal }: GraphDirectoryOptions,
  method: Method,
  path: string,
  body: object | undefined,
): Promise<{ readonly body: unknown } | { readonly refusal: GraphError }> {
  const timeout = AbortSignal.timeout(requestTimeoutMs);
  const response = await http.request({
    method,
    url: `${origin}${path}`,
    headers: {
      authorization: `Bearer ${accessToken}`,
      accept: 'application/json',
      'client-request-id': randomUUID(),
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  });
  const text = await response.text();
  if (response.status >= 300)
    return { refusal: graphErrorOf(response.status, response.headers, text, systemClock.now()) };
  if (text === '') return { body: undefined };
  try {
    return { body: JSON.parse(text) };
  } catch (cause) {
    const message = `Microsoft Graph answers ${method} ${withoutQuery(path)} with something that is not JSON.`;
    throw new BridgeError('upstream-answer-invalid', message, { cause });
  }
}

function withoutQuery(path: string): string {
  return path.split('?')[0] ?? path;
}
