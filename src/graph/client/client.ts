import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { HttpClient, HttpResponse } from '../../base/http/client.ts';
import { KeyedSemaphore } from '../../base/semaphore.ts';
import { messageStart } from '../../message/message-start.ts';
import { GraphTokenError, GraphUnansweredError, graphErrorOf } from './error.ts';
import { type QuickRetry, withQuickRetry } from './quick-retry.ts';

/** What the client needs. */
export interface GraphClientOptions {
  /** Remains the property of the caller, who closes it. */
  readonly http: HttpClient;
  /** Origin of Graph, such as `https://graph.microsoft.com`. */
  readonly origin: string;
  /**
   * @param options.mailbox whose token; a token of the application itself serves all mailboxes
   * @param options.refused a token that Graph has just refused, so that another one is needed
   */
  readonly getToken: (options: { readonly mailbox: string; readonly refused?: string }) => Promise<string>;
  readonly retry: QuickRetry;
  /** The clock for dates in `Retry-After`; default {@link systemClock}. */
  readonly clock?: Clock;
  /**
   * Concurrent requests for one mailbox, further ones wait; default 4 (Microsoft: "Microsoft Graph service-specific
   * throttling limits", Outlook).
   */
  readonly concurrentPerMailbox?: number;
}

/** A body that can be sent more than once. */
export interface GraphRequestBody {
  readonly contentType: string;
  /** The exact length. */
  readonly octets: number;
  /** The body from the first octet, at each call; as a whole if it is small. */
  open(): Readable | Buffer;
}

/** One request. */
export interface GraphRequest {
  /**
   * PATCH is for flags and categories, and for names of folders: from 31 December 2026 the content of messages other
   * than drafts can only be changed with Mail-Advanced.ReadWrite.
   */
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Including the version: `/v1.0/me`. */
  readonly path: string;
  /** Whose token is used. */
  readonly mailbox: string;
  readonly body?: GraphRequestBody;
  /** Added to those of every request, or replacing them. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Called right before the first octet of each try is sent; if it throws, the request ends without anything being
   * sent.
   */
  readonly beforeSending?: () => void;
  /** About how much of the answer is read; default all of it. */
  readonly answerOctets?: number;
  /** Largest answer, in bytes; default 4 MiB. A longer one fails. */
  readonly maxAnswerBytes?: number;
  readonly signal: AbortSignal;
}

/** One request to a URL made by Graph, which itself grants access (Microsoft: "uploadSession"). */
export interface GraphUrlRequest extends Omit<GraphRequest, 'method' | 'path'> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** A secret. */
  readonly url: string;
}

/** A request whose answer is read as it arrives. */
export interface GraphDownload extends Pick<GraphRequest, 'path' | 'mailbox' | 'headers' | 'signal'> {
  /** Reads the body of a successful answer, to its end or until it fails. */
  receive(body: Readable): Promise<void>;
}

/** A successful answer, 200 to 299. */
export interface GraphResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly requestId: string | undefined;
}

/** Sends requests to Microsoft Graph: token, identification, throttling and errors. */
export class GraphClient {
  readonly #options: GraphClientOptions;
  readonly #permits: KeyedSemaphore;

  constructor(options: GraphClientOptions) {
    this.#options = options;
    this.#permits = new KeyedSemaphore(options.concurrentPerMailbox ?? 4);
  }

  /**
   * Makes one request, repeated as `retry` says, its body sent as a whole each time. A refused token is renewed once.
   * @throws GraphError for a status of 300 or above; GraphUnansweredError; GraphTokenError; the reason of the signal if
   * it ends the wait between two tries; what {@link GraphRequest.beforeSending} throws
   */
  async request(request: GraphRequest): Promise<GraphResponse> {
    return withQuickRetry(this.#options.retry, request.signal, () => this.#authorized(request));
  }

  /**
   * Makes one request without a token, which its host must not get. It is not repeated, because its effect depends on
   * what was done before.
   * @throws as {@link request} does, except GraphTokenError
   */
  async requestUrl(request: GraphUrlRequest): Promise<GraphResponse> {
    return this.#successOf(await this.#send(request, request.url, {}));
  }

  /**
   * Makes a GET whose body goes to {@link GraphDownload.receive}, once. A refused token is renewed once.
   * @throws as {@link request} does; what `receive` throws; GraphUnansweredError if the body breaks off
   */
  async download(download: GraphDownload): Promise<GraphResponse> {
    const { receive, ...rest } = download;
    const request: GraphRequest = { ...rest, method: 'GET' };
    return withQuickRetry(this.#options.retry, request.signal, () =>
      this.#authorized(request, async (response) => {
        const { status, headers } = response;
        if (status !== 200) return await readAnswer(response, request);
        await receive(response.body);
        return { status, headers, text: '', requestId: headers['request-id'] };
      }),
    );
  }

  /** How requests are repeated. */
  get retry(): QuickRetry {
    return this.#options.retry;
  }

  async #authorized(request: GraphRequest, receive?: Receive): Promise<GraphResponse> {
    const token = await this.#token({ mailbox: request.mailbox });
    const answer = await this.#sendWith(token, request, receive);
    // 403 too: the next token has permissions granted since this one was issued.
    if (answer.status !== 401 && answer.status !== 403) return this.#successOf(answer);
    const renewed = await this.#token({ mailbox: request.mailbox, refused: token });
    return this.#successOf(renewed === token ? answer : await this.#sendWith(renewed, request, receive));
  }

  #successOf(answer: GraphResponse): GraphResponse {
    return successOf(answer, (this.#options.clock ?? systemClock).now());
  }

  async #token(options: { readonly mailbox: string; readonly refused?: string }): Promise<string> {
    try {
      return await this.#options.getToken(options);
    } catch (error) {
      throw new GraphTokenError(error);
    }
  }

  #sendWith(token: string, request: GraphRequest, receive?: Receive): Promise<GraphResponse> {
    const headers = { authorization: `Bearer ${token}` };
    return this.#send(request, `${this.#options.origin}${request.path}`, headers, receive);
  }

  async #send(
    request: GraphRequest | GraphUrlRequest,
    url: string,
    headers: Readonly<Record<string, string>>,
    receive?: Receive,
  ): Promise<GraphResponse> {
    const release = await this.#permits.acquire(request.mailbox.toLowerCase(), request.signal);
    try {
      return await this.#exchange(request, url, headers, receive);
    } finally {
      release();
    }
  }

  async #exchange(
    request: GraphRequest | GraphUrlRequest,
    url: string,
    headers: Readonly<Record<string, string>>,
    receive: Receive = (response) => readAnswer(response, request),
  ): Promise<GraphResponse> {
    const { http } = this.#options;
    const guard = sendingGuard(request);
    const body = request.body?.open();
    const stream = body instanceof Readable ? body : undefined;
    // Its failure is the request's; it may come before anything listens.
    stream?.on('error', () => {});
    let bodySent = stream === undefined;
    stream?.once('end', () => {
      bodySent = true;
    });
    try {
      const response = await http.request({
        method: request.method,
        url,
        headers: { ...headersOf(request), ...headers },
        body,
        signal: request.signal,
        ...(guard && { beforeSending: guard.ask }),
      });
      // Microsoft asks for a new connection after 503: the old one may stick to a node in trouble.
      if (response.status === 503) http.renewConnections();
      return await receive(response);
    } catch (error) {
      if (guard?.refusal) throw guard.refusal.reason;
      // A lost GET has done nothing.
      throw new GraphUnansweredError(request.method !== 'GET' && bodySent && mayHaveArrived(error), error);
    } finally {
      // An answer may come before the whole body was read.
      stream?.destroy();
    }
  }
}

/** Keeps what {@link GraphRequest.beforeSending} throws, which is not a failure of the request. */
function sendingGuard({ beforeSending }: GraphRequest | GraphUrlRequest) {
  if (!beforeSending) return undefined;
  const guard = {
    refusal: undefined as { readonly reason: unknown } | undefined,
    ask(): void {
      try {
        beforeSending();
      } catch (reason) {
        guard.refusal = { reason };
        throw reason;
      }
    },
  };
  return guard;
}

function headersOf({ body, headers }: GraphRequest | GraphUrlRequest): Record<string, string> {
  return {
    accept: 'application/json',
    ...headers,
    'client-request-id': randomUUID(),
    'return-client-request-id': 'true',
    ...(body && { 'content-type': body.contentType, 'content-length': String(body.octets) }),
  };
}

/** Processes an answer. */
type Receive = (response: HttpResponse) => Promise<GraphResponse>;

async function readAnswer(
  response: HttpResponse,
  { answerOctets, maxAnswerBytes }: Pick<GraphRequest, 'answerOctets' | 'maxAnswerBytes'>,
): Promise<GraphResponse> {
  const { status, headers } = response;
  const whole = () => response.text(maxAnswerBytes === undefined ? {} : { maxBytes: maxAnswerBytes });
  const read = answerOctets === undefined ? whole() : messageStart(response.body, answerOctets).then(String);
  // The status decides, and it is known: a body that breaks off must not turn an accepted message into an unanswered
  // one.
  const text = await read.catch(() => '');
  return { status, headers, text, requestId: headers['request-id'] };
}

function successOf(answer: GraphResponse, nowMs: number): GraphResponse {
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw graphErrorOf(answer.status, answer.headers, answer.text, nowMs);
}

/** Failures unknown to the HTTP client, including an aborted signal, are treated as the worse case. */
function mayHaveArrived(error: unknown): boolean {
  const details = (error as { details?: { mayHaveArrived?: unknown } } | null | undefined)?.details;
  return details?.mayHaveArrived !== false;
}
