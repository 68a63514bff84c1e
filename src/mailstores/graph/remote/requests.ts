import type { Readable } from 'node:stream';
import type { Clock } from '../../../base/clock.ts';
import { Semaphore } from '../../../base/semaphore.ts';
import type { GraphClient, GraphRequest } from '../../../graph/client/client.ts';
import { GraphError, GraphUnansweredError, graphErrorOf } from '../../../graph/client/error.ts';
import { jsonBody } from '../../../graph/json/body.ts';
import { userPath } from '../../../graph/upload/draft.ts';
import type { RequestLimits } from './budget.ts';
import { type RequestWait, Throttle } from './throttle.ts';

/** How to reach a mailbox. */
export interface GraphMailboxAccess {
  readonly client: GraphClient;
  readonly mailbox: string;
  /** `mailbox`: `/users/{mailbox}`; `me`: `/me`, for a delegated token of that mailbox. */
  readonly sendAs: 'mailbox' | 'me';
  readonly clock: Clock;
  readonly limits: RequestLimits;
  /** Messages that are not drafts are stored by import (Microsoft: "Import an Exchange mailbox item"). */
  readonly imports?: boolean;
}

/** Options for a request. */
export interface RequestOptions extends RequestWait {
  readonly headers?: Readonly<Record<string, string>>;
  /** Must not be repeated if Graph may have carried it out. Default: true for POST outside of a batch. */
  readonly once?: boolean;
  /** How long to keep trying, milliseconds. Default: 90 seconds if a client waits for it. */
  readonly patienceMs?: number;
}

/** One request of a batch. */
export interface BatchedRequest {
  readonly method: GraphRequest['method'];
  /** Path below the mailbox: `/messages/…`. */
  readonly path: string;
  readonly json?: Record<string, unknown>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The result: the answer's JSON, or why there is none. */
export type BatchAnswer = { readonly json: unknown } | { readonly error: GraphError };

/** Graph's limit for one batch (Microsoft: "Combine multiple HTTP requests using JSON batching"). */
const mostInBatch = 20;
/** Enough for a page of 500 messages with many recipients each. */
const maxAnswerBytes = 64 * 1024 * 1024;
const requestTimeoutMs = 120_000;

/**
 * Background requests are tried again with the next look; until then they would delay requests that a client waits for.
 */
const usualPatienceMs = { client: 90_000, background: 5_000 };
const firstWaitMs = 500;
const longestWaitMs = 30_000;

const again = new Set([408, 423, 429, 500, 502, 503, 504, 509]);
/** Answers of a gateway whose server may still have carried out the request. */
const maybeDone = new Set([502, 504]);

/**
 * Requests for one mailbox. They stay within the budget that Graph grants an app, are retried when Graph asks for it,
 * and those a client waits for go before background requests.
 */
export class MailboxRequests {
  readonly mailbox: string;
  /** Path of the mailbox, with the version. */
  readonly root: string;
  readonly #access: GraphMailboxAccess;
  readonly #background = new Semaphore(1);
  readonly #throttle: Throttle;

  constructor(access: GraphMailboxAccess) {
    this.mailbox = access.mailbox;
    this.root = userPath(access);
    this.#access = access;
    this.#throttle = new Throttle(access.clock, access.limits);
  }

  /** Milliseconds for which Graph has asked the bridge to wait. */
  get heldMs(): number {
    return this.#throttle.heldMs;
  }

  /** Calls `listener` when Graph makes a client wait. @returns a function that ends that */
  onWait(listener: (text: string) => void): () => void {
    return this.#throttle.onWait(listener);
  }

  /** @param path below the mailbox, or the full link that Graph returned */
  get(path: string, options: RequestOptions = {}): Promise<unknown> {
    return this.send('GET', path, undefined, options);
  }

  /** @returns the answer's JSON; undefined if it has none @throws GraphError, GraphUnansweredError, GraphTokenError */
  async send(
    method: GraphRequest['method'],
    path: string,
    json?: Record<string, unknown> | GraphRequest['body'],
    options: RequestOptions = {},
  ): Promise<unknown> {
    const { client, mailbox } = this.#access;
    const body = json === undefined || isBody(json) ? json : jsonBody(json);
    return await this.#persist(1, { once: method === 'POST', ...options }, async (signal) => {
      const { status, text } = await client.request({
        ...{ method, path: this.#whole(path), mailbox, maxAnswerBytes, signal },
        headers: preferring(options.headers),
        ...(body !== undefined && { body }),
      });
      return status === 204 || status === 202 || (text === '' && method !== 'GET')
        ? undefined
        : parsed(text, method !== 'GET');
    });
  }

  /** Sends requests in batches of 20, in order. Throttled ones are retried. */
  async batch(requests: readonly BatchedRequest[], options: RequestOptions = {}): Promise<BatchAnswer[]> {
    const answers: BatchAnswer[] = [];
    for (let start = 0; start < requests.length; start += mostInBatch) {
      answers.push(...(await this.#batchOf(requests.slice(start, start + mostInBatch), options)));
    }
    return answers;
  }

  /** @param receive reads the body; called again if the first try broke off */
  async download(
    path: string,
    receive: (body: Readable) => Promise<void>,
    options: RequestOptions = {},
  ): Promise<void> {
    const { client, mailbox } = this.#access;
    await this.#persist(1, options, (signal) =>
      client.download({ path: this.#whole(path), mailbox, headers: preferring(options.headers), signal, receive }),
    );
  }

  /**
   * POSTs to a URL that Graph has created for the purpose and that itself grants access.
   * @param url a secret @returns the answer's JSON
   */
  async post(url: string, json: Record<string, unknown>, options: RequestOptions = {}): Promise<unknown> {
    const { client, mailbox } = this.#access;
    const headers = preferring(options.headers);
    return await this.#persist(1, { once: true, ...options }, async (signal) =>
      parsed(
        (await client.requestUrl({ method: 'POST', url, mailbox, body: jsonBody(json), headers, signal })).text,
        true,
      ),
    );
  }

  /** Links from Graph are absolute and lead to the same service. */
  #whole(path: string): string {
    if (path.startsWith('/v1.0/')) return path;
    if (path.startsWith('/')) return `${this.root}${path}`;
    const { pathname, search } = new URL(path);
    return pathname + search;
  }

  async #batchOf(requests: readonly BatchedRequest[], options: RequestOptions): Promise<BatchAnswer[]> {
    const answers = new Map<string, BatchAnswer>();
    const deadline = this.#deadline(options);
    let left = requests.map((request, index) => ({ request, id: String(index) }));
    for (let tries = 0; left.length > 0; tries++) {
      const { client, mailbox } = this.#access;
      const relative = this.root.replace(/^\/v1\.0/, '');
      const json = {
        requests: left.map(({ id, request: { method, path, json, headers } }) => ({
          ...{ id, method, url: `${relative}${path}` },
          ...(json !== undefined && { body: json }),
          headers: { ...preferring(headers), ...(json !== undefined && { 'Content-Type': 'application/json' }) },
        })),
      };
      const body = jsonBody(json);
      const answer = await this.#persist(left.length, options, async (signal) =>
        parsed(
          (await client.request({ method: 'POST', path: '/v1.0/$batch', mailbox, body, maxAnswerBytes, signal })).text,
          true,
        ),
      );
      const waitMs = this.#sort(answer as { responses?: BatchResponse[] }, left, answers);
      const failed = (id: string) => {
        const known = answers.get(id);
        const isAgain = (status: number) => again.has(status) && !(options.once === true && maybeDone.has(status));
        if (known === undefined) return options.once !== true;
        return 'error' in known && isAgain(known.error.status);
      };
      left = left.filter(({ id }) => failed(id));
      const nextMs = Math.max(waitMs ?? backoffMs(tries), this.heldMs);
      if (left.length === 0 || this.#access.clock.now() + nextMs > deadline) break;
      await this.#throttle.wait(nextMs, options);
    }
    const unanswered = new GraphUnansweredError(true, new Error('The batch has no answer to a request.'));
    return requests.map((_, index) => {
      const known = answers.get(String(index));
      if (known === undefined) throw unanswered;
      return known;
    });
  }

  /** @returns how long Graph asks the bridge to wait; undefined if it does not say */
  #sort(
    { responses }: { readonly responses?: readonly BatchResponse[] },
    asked: readonly { readonly id: string }[],
    answers: Map<string, BatchAnswer>,
  ): number | undefined {
    const ids = new Set(asked.map(({ id }) => id));
    let waitMs: number | undefined;
    for (const { id = '', status = 0, headers = {}, body } of responses ?? []) {
      if (!ids.has(id)) continue;
      if (status >= 200 && status < 300) {
        answers.set(id, { json: body });
        continue;
      }
      const lowered = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
      const error = graphErrorOf(status, lowered, JSON.stringify(body ?? {}), this.#access.clock.now());
      answers.set(id, { error });
      if (error.retryAfterMs === undefined) continue;
      if (status === 429) this.#throttle.hold(error, error.retryAfterMs);
      waitMs = Math.max(waitMs ?? 0, error.retryAfterMs);
    }
    return waitMs;
  }

  /** Retries until it succeeds or patience ends. */
  async #persist<Result>(
    count: number,
    options: RequestOptions,
    attempt: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const { background = false, once = false, signal } = options;
    const deadline = this.#deadline(options);
    const release = background ? await this.#background.acquire(signal ?? never) : undefined;
    try {
      for (let tries = 0; ; tries++) {
        await this.#throttle.turn(count, options, deadline);
        try {
          const leftMs = Math.max(1, deadline - this.#access.clock.now());
          return await within(options.patienceMs === undefined ? requestTimeoutMs : leftMs, signal, attempt);
        } catch (error) {
          signal?.throwIfAborted();
          const waitMs = this.#afterFailure(error, once, tries);
          if (waitMs === undefined || this.#access.clock.now() + waitMs > deadline) throw error;
          await this.#throttle.wait(waitMs, options);
        }
      }
    } finally {
      release?.();
    }
  }

  /** @returns how long to wait before the next try; undefined for no retry */
  #afterFailure(error: unknown, once: boolean, tries: number): number | undefined {
    if (error instanceof GraphError && again.has(error.status)) {
      if (once && maybeDone.has(error.status)) return undefined;
      const waitMs = error.retryAfterMs ?? backoffMs(tries);
      if (error.status === 429) this.#throttle.hold(error, waitMs);
      return waitMs;
    }
    if (error instanceof GraphUnansweredError && !(once && error.mayBeDone)) return backoffMs(tries);
    return undefined;
  }

  #deadline({ background, patienceMs }: RequestOptions): number {
    const usualMs = background === true ? usualPatienceMs.background : usualPatienceMs.client;
    return this.#access.clock.now() + (patienceMs ?? usualMs);
  }
}

/** @throws GraphUnansweredError if it takes longer */
async function within<Result>(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  attempt: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    return await attempt(signal === undefined ? timeout : AbortSignal.any([signal, timeout]));
  } catch (error) {
    throw timeout.aborted ? new GraphUnansweredError(true, error) : error;
  }
}

const never = new AbortController().signal;

interface BatchResponse {
  readonly id?: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

function isBody(json: object): json is NonNullable<GraphRequest['body']> {
  return 'open' in json && 'contentType' in json;
}

/** Requests IDs that stay the same when a message moves. */
function preferring(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { Prefer, ...others } = headers;
  return { ...others, Prefer: ['IdType="ImmutableId"', ...(Prefer === undefined ? [] : [Prefer])].join(', ') };
}

function backoffMs(tries: number): number {
  return Math.min(longestWaitMs, firstWaitMs * 2 ** tries);
}

/** @throws GraphUnansweredError if it is not JSON because the answer broke off */
function parsed(text: string, mayBeDone: boolean): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new GraphUnansweredError(mayBeDone, error);
  }
}
