import { AsyncLocalStorage } from 'node:async_hooks';
import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from '@azure/msal-node';
import type { HttpClient } from '../../base/http/client.ts';
import { entraErrorBody, type RecordedFailure } from '../entra/msal-network.ts';

/** One request for a token of a managed identity. */
export interface ManagedIdentityExchange {
  readonly http: HttpClient;
  /** For each request with its answer. Azure Arc needs two. */
  readonly timeoutMs: number;
  /** Why the last request failed. Contains no secrets. */
  failure: RecordedFailure | undefined;
}

// A token answer has a few kilobytes.
const maxAnswerBytes = 256 * 1024;

const exchanges = new AsyncLocalStorage<ManagedIdentityExchange>();

/** Runs work of the Microsoft library, whose requests become part of the exchange. */
export function inExchange<T>(exchange: ManagedIdentityExchange, work: () => Promise<T>): Promise<T> {
  return exchanges.run(exchange, work);
}

/**
 * The network of all requests for managed identity tokens. The library keeps the first network it is given for the life
 * of the process (a static field), so there is only one, and the data of a request is in its asynchronous context. The
 * endpoints are the machine's own (`http://169.254.169.254`, `http://127.0.0.1:…`), so plain HTTP is right.
 */
export const managedIdentityNetwork: INetworkModule = {
  sendGetRequestAsync: (url, options) => send('GET', url, options),
  sendPostRequestAsync: (url, options) => send('POST', url, options),
};

async function send<T>(
  method: 'GET' | 'POST',
  url: string,
  options: NetworkRequestOptions | undefined,
): Promise<NetworkResponse<T>> {
  const exchange = exchanges.getStore();
  if (exchange === undefined) throw new Error('a request outside of an exchange');
  exchange.failure = undefined;
  try {
    const response = await exchange.http.request({
      method,
      url,
      headers: options?.headers ?? {},
      body: options?.body,
      signal: AbortSignal.timeout(exchange.timeoutMs),
    });
    const { status, headers } = response;
    const json = parseObject(await response.text({ maxBytes: maxAnswerBytes }));
    if (status >= 300 || typeof json?.access_token !== 'string') {
      exchange.failure = {
        kind: 'answer',
        host: new URL(url).host,
        status,
        contentType: headers['content-type'] ?? 'no content type',
        retryAfter: headers['retry-after'],
        requestId: undefined,
        body: json && entraErrorBody(inFormOfEntra(json), Object.values(options?.headers ?? {}).filter(isLong)),
      };
    }
    const body = json ?? { error: 'invalid_response', error_description: 'not JSON' };
    return { status, headers: { ...headers }, body: body as T };
  } catch (error) {
    exchange.failure = { kind: 'network', error };
    throw error;
  }
}

/**
 * Every service formats its errors differently: `{error, error_description}`, `{error: {code, message}}`, `{message}`.
 */
function inFormOfEntra(json: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const inner = typeof json.error === 'object' && json.error !== null ? (json.error as Record<string, unknown>) : {};
  return {
    ...json,
    error: inner.code ?? json.error ?? json.code,
    error_description: json.error_description ?? inner.message ?? json.message,
  };
}

/** Long enough to be the secret that App Service and others require in a header, rather than a plain `true`. */
function isLong(value: string): boolean {
  return value.length >= 16;
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
