import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { HttpClient, HttpResponse } from '../base/http.ts';
import { GraphTokenError, GraphUnansweredError, graphErrorOf } from './graph-error.ts';
import { type QuickRetry, withQuickRetry } from './quick-retry.ts';

/** What the client needs. */
export interface GraphClientOptions {
  /** Stays the caller's, who closes it. */
  readonly http: HttpClient;
  /** Origin of Graph, such as `https://graph.microsoft.com`. */
  readonly origin: string;
  /**
   * @param options.mailbox whose token; a token of the application itself serves all
   * @param options.refused a token that Graph has just refused; another one is wanted
   */
  readonly getToken: (options: { readonly mailbox: string; readonly refused?: string }) => Promise<string>;
  readonly retry: QuickRetry;
}

/** A body that can be sent more than once. */
export interface GraphRequestBody {
  readonly contentType: string;
  /** Exact. */
  readonly octets: number;
  /** From the first octet, at each call. */
  open(): Readable;
}

/** One request. */
export interface GraphRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With its version: `/v1.0/me`. */
  readonly path: string;
  /** Whose token is used. */
  readonly mailbox: string;
  readonly body?: GraphRequestBody;
  readonly signal: AbortSignal;
}

/** A success, 200 to 299. */
export interface GraphResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly requestId: string | undefined;
}

/** Requests to Microsoft Graph: token, identification, throttling and errors. */
export class GraphClient {
  readonly #options: GraphClientOptions;

  constructor(options: GraphClientOptions) {
    this.#options = options;
  }

  /**
   * One request, tried again as `retry` says, its body sent whole each time. A refused token is renewed once.
   * @throws GraphError for a status of 300 or above; GraphUnansweredError; GraphTokenError; the reason of the signal
   *   if it ends the wait between two tries
   */
  async request(request: GraphRequest): Promise<GraphResponse> {
    return withQuickRetry(this.#options.retry, request.signal, () => this.#authorized(request));
  }

  async #authorized(request: GraphRequest): Promise<GraphResponse> {
    const token = await this.#token({ mailbox: request.mailbox });
    const answer = await this.#send(request, token);
    // 403 too: a permission granted since the token was made is in the next one.
    if (answer.status !== 401 && answer.status !== 403) return successOf(answer);
    const renewed = await this.#token({ mailbox: request.mailbox, refused: token });
    return successOf(renewed === token ? answer : await this.#send(request, renewed));
  }

  async #token(options: { readonly mailbox: string; readonly refused?: string }): Promise<string> {
    try {
      return await this.#options.getToken(options);
    } catch (error) {
      throw new GraphTokenError(error);
    }
  }

  async #send(request: GraphRequest, token: string): Promise<GraphResponse> {
    const { http, origin } = this.#options;
    const body = request.body?.open();
    // Its failure is the request's; it may come before anybody listens.
    body?.on('error', () => {});
    let bodySent = body === undefined;
    body?.once('end', () => {
      bodySent = true;
    });
    try {
      const response = await http.request({
        method: request.method,
        url: `${origin}${request.path}`,
        headers: headersOf(request, token),
        body,
        signal: request.signal,
      });
      // Microsoft asks for a new connection after 503: the old one may stick to a node in trouble.
      if (response.status === 503) http.renewConnections();
      return await readAnswer(response);
    } catch (error) {
      // A GET that was lost has done nothing.
      throw new GraphUnansweredError(request.method !== 'GET' && bodySent && mayHaveArrived(error), error);
    } finally {
      // An answer may come before the whole body was wanted.
      body?.destroy();
    }
  }
}

function headersOf({ body }: GraphRequest, token: string): Record<string, string> {
  return {
    authorization: `Bearer ${token}`,
    accept: 'application/json',
    'client-request-id': randomUUID(),
    'return-client-request-id': 'true',
    ...(body && { 'content-type': body.contentType, 'content-length': String(body.octets) }),
  };
}

async function readAnswer(response: HttpResponse): Promise<GraphResponse> {
  const { status, headers } = response;
  // The status decides, and it is known: a body that breaks off must not make an accepted message an unanswered one.
  const text = await response.text().catch(() => '');
  return { status, headers, text, requestId: headers['request-id'] };
}

function successOf(answer: GraphResponse): GraphResponse {
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw graphErrorOf(answer.status, answer.headers, answer.text);
}

/** Failures that the HTTP client does not know, an ended signal among them, are taken for the worse case. */
function mayHaveArrived(error: unknown): boolean {
  const details = (error as { details?: { mayHaveArrived?: unknown } } | null | undefined)?.details;
  return details?.mayHaveArrived !== false;
}
