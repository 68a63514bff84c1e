import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from '@azure/msal-node';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { HttpClient } from '../../base/http/client.ts';
import { knownSecrets, scrub } from './scrub.ts';

/** Entra ID's answer in place of a token: Microsoft identity platform documentation, "Error codes". */
export interface EntraErrorBody {
  readonly error?: string;
  readonly errorDescription?: string;
  readonly errorCodes: readonly number[];
  readonly suberror?: string;
  readonly correlationId?: string;
  readonly traceId?: string;
  readonly timestamp?: string;
}

/** Why the last request of a {@link MsalNetwork} failed. */
export type RecordedFailure =
  /** No answer came; `error` is what the HTTP client threw. */
  | { readonly kind: 'network'; readonly error: unknown }
  /** The answer was not a success; `body` is undefined if it is not JSON, `status` if it came with a redirect. */
  | {
      readonly kind: 'answer';
      readonly host: string;
      readonly status: number | undefined;
      readonly contentType: string;
      readonly retryAfter: string | undefined;
      readonly requestId: string | undefined;
      readonly body: EntraErrorBody | undefined;
    };

// A token answer has a few kilobytes.
const maxAnswerBytes = 256 * 1024;

/**
 * The network of one token request, on top of our own HTTP client. The Microsoft library drops much of what went wrong
 * (all of a network error, in some grants the AADSTS code); this class keeps it. Create a new one for each request.
 */
export class MsalNetwork implements INetworkModule {
  readonly #http: HttpClient;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  #failure: RecordedFailure | undefined;
  #askedAtMs = 0;
  #expiresInMs = 0;

  /**
   * @param timeoutMs for one whole request with its answer; the library itself has no limit
   * @param options `signal` aborts the current request
   */
  constructor(
    http: HttpClient,
    timeoutMs: number,
    options: { readonly clock?: Clock; readonly signal?: AbortSignal | undefined } = {},
  ) {
    this.#http = http;
    this.#timeoutMs = timeoutMs;
    this.#clock = options.clock ?? systemClock;
    this.#signal = options.signal;
  }

  /** The failure of the last request, if it failed. Contains no secrets. */
  get failure(): RecordedFailure | undefined {
    return this.#failure;
  }

  /** Lifetime of the token just received, in milliseconds; 0 if the answer does not say. */
  get expiresInMs(): number {
    return this.#expiresInMs;
  }

  /** When the token just received expires, by the given clock. */
  get expiresAtMs(): number {
    return this.#askedAtMs + this.#expiresInMs;
  }

  sendGetRequestAsync<T>(url: string, options?: NetworkRequestOptions, timeoutMs?: number) {
    return this.#send<T>('GET', url, options, ['token_endpoint'], timeoutMs);
  }

  sendPostRequestAsync<T>(url: string, options?: NetworkRequestOptions) {
    return this.#send<T>('POST', url, options, ['access_token', 'device_code']);
  }

  async #send<T>(
    method: 'GET' | 'POST',
    url: string,
    options: NetworkRequestOptions | undefined,
    wanted: readonly string[],
    timeoutMs = this.#timeoutMs,
  ): Promise<NetworkResponse<T>> {
    this.#failure = undefined;
    this.#askedAtMs = this.#clock.now();
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const { host, protocol } = new URL(url);
      // An openid-configuration can name any endpoint, and a secret is never sent in clear.
      if (protocol !== 'https:') throw new Error(`the token endpoint at ${host} is not https`);
      const response = await this.#http.request({
        method,
        url,
        headers: options?.headers ?? {},
        body: options?.body,
        signal: this.#signal ? AbortSignal.any([this.#signal, timeout]) : timeout,
      });
      const { status, headers } = response;
      const json = parseObject(await response.text({ maxBytes: maxAnswerBytes }));
      if (status >= 300 || !wanted.some((name) => json?.[name] !== undefined)) {
        this.#failure = {
          kind: 'answer',
          host,
          status,
          contentType: headers['content-type'] ?? 'no content type',
          retryAfter: headers['retry-after'],
          requestId: identifier(headers['x-ms-request-id']),
          body: json && entraErrorBody(json, knownSecrets(options?.body)),
        };
      }
      this.#expiresInMs = Math.max(0, Number(json?.expires_in) * 1000) || 0;
      // The library reads the body without checking its type first.
      const body = json
        ? { ...json, ...safeCodes(json) }
        : { error: 'invalid_response', error_description: 'not JSON' };
      return { status, headers: { ...headers }, body: body as T };
    } catch (error) {
      this.#failure = { kind: 'network', error };
      throw error;
    }
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function safeCodes(json: Record<string, unknown>): Record<string, unknown> {
  return json.error_codes === undefined ? {} : { error_codes: numbers(json.error_codes) };
}

function numbers(value: unknown): number[] {
  return Array.isArray(value) ? value.filter((each) => Number.isSafeInteger(each)) : [];
}

/** Extracts the known fields of an error answer, each checked for its form, without the secrets of the request. */
export function entraErrorBody(json: Readonly<Record<string, unknown>>, secrets: readonly string[]): EntraErrorBody {
  const description = json.error_description;
  const fields = {
    error: identifier(json.error),
    errorDescription: typeof description === 'string' ? scrub(description, secrets) : undefined,
    suberror: identifier(json.suberror),
    correlationId: identifier(json.correlation_id),
    traceId: identifier(json.trace_id),
    timestamp: typeof json.timestamp === 'string' ? /^[\d:. TZ-]{8,40}$/.exec(json.timestamp)?.[0] : undefined,
  };
  // Scrubbing again does not change the description, and drops an ID that is or contains a secret.
  const present = Object.entries(fields).filter(([, value]) => value !== undefined && scrub(value, secrets) === value);
  return { ...Object.fromEntries(present), errorCodes: numbers(json.error_codes) };
}

/** A short name or ID, or undefined for anything else: any server that answers could put anything here. */
function identifier(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.:-]{1,64}$/.test(value) ? value : undefined;
}
