import { X509Certificate } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { BridgeError } from '../errors.ts';
import { type BeforeSending, HttpConnections } from './connections.ts';
import { httpFailure } from './failure.ts';
import type { HttpClientOptions } from './options.ts';
import { proxySettings } from './proxy.ts';

/** One request. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is read as fast as the other side accepts it, and destroyed if the request fails. */
  readonly body?: string | Buffer | Readable | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Called once a connection is available, right before the first byte is written to it. If it throws, the request
   * ends, and nothing of it is sent.
   */
  readonly beforeSending?: (() => void) | undefined;
  /** Overrides the client's setting, for requests known to take long. */
  readonly headersTimeoutMs?: number | undefined;
  /** Overrides the client's setting. */
  readonly bodyTimeoutMs?: number | undefined;
}

/** The response, whatever its status. Its body must be consumed: with `text`, with `discard`, or by reading `body`. */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; several fields with the same name are joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as a stream, for large responses. Its errors are raw; {@link httpFailure} translates them. */
  readonly body: Readable;
  /**
   * The body as UTF-8.
   * @param options `maxBytes`: default 4 MiB; a longer body closes the connection
   * @throws BridgeError `upstream-answer-invalid` if it is longer
   */
  text(options?: { maxBytes?: number }): Promise<string>;
  /** Discards the body so that the connection can serve the next request. */
  discard(): Promise<void>;
}

/** Requests to other hosts, over kept-alive connections. Redirects are not followed. */
export interface HttpClient {
  /**
   * @throws BridgeError `upstream-name-unknown`, `upstream-unreachable`, `upstream-timeout`,
   * `upstream-connection-lost`, `upstream-certificate-untrusted`, `upstream-tls-failed`, `upstream-answer-invalid`,
   * `proxy-refused`; the reason of `signal` if it was aborted by anything but a timeout
   */
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Later requests open new connections; current ones finish on theirs. For a host that answered 503. */
  renewConnections(): void;
  /** Closes every connection; current requests fail. */
  close(): Promise<void>;
}

const defaultMaxTextBytes = 4 * 1024 * 1024;

/**
 * Creates an HTTP client. Nothing is loaded or opened before its first request.
 * @throws BridgeError `proxy-invalid`, `tls-material-unreadable`
 */
export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  const proxy = proxySettings(options.proxy, options.env ?? process.env);
  if (options.ca !== undefined) assertCertificates(options.ca);
  const connections = new HttpConnections(options, proxy);
  let closed = false;

  return {
    async request(request) {
      const url = new URL(request.url);
      const peer = hostAndPort(url);
      if (closed) throw new BridgeError('upstream-connection-lost', `No request to ${peer}: the client is closed.`);
      if (url.protocol !== 'https:' && url.protocol !== 'http:') {
        throw new TypeError(`HTTP client asked for ${url.protocol}`);
      }
      const loan = connections.lend();
      try {
        const response = await loan.dispatcher.request({
          origin: url.origin,
          path: url.pathname + url.search,
          method: request.method,
          headers: request.headers ?? {},
          body: request.body ?? null,
          ...perRequest(request),
        } satisfies RequestOptions);
        response.body.once('close', loan.release);
        return answer(response, peer, request.signal);
      } catch (error) {
        loan.release();
        throw httpFailure(error, peer, request.signal);
      }
    },
    renewConnections: () => connections.renew(),
    close() {
      closed = true;
      return connections.close();
    },
  };
}

/** The options of undici, and those of {@link askBeforeSending}. */
type RequestOptions = Dispatcher.RequestOptions & BeforeSending;

/** The options whose absence is not the same as `undefined`. */
function perRequest(
  request: HttpRequest,
): Pick<RequestOptions, 'signal' | 'beforeSending' | 'headersTimeout' | 'bodyTimeout'> {
  return {
    ...(request.signal === undefined ? {} : { signal: request.signal }),
    ...(request.beforeSending === undefined ? {} : { beforeSending: request.beforeSending }),
    ...(request.headersTimeoutMs === undefined ? {} : { headersTimeout: request.headersTimeoutMs }),
    ...(request.bodyTimeoutMs === undefined ? {} : { bodyTimeout: request.bodyTimeoutMs }),
  };
}

function answer(response: Dispatcher.ResponseData, peer: string, signal: AbortSignal | undefined): HttpResponse {
  const { body } = response;
  return {
    status: response.statusCode,
    headers: singleStrings(response.headers),
    body,
    async text({ maxBytes = defaultMaxTextBytes } = {}) {
      const chunks: Buffer[] = [];
      let size = 0;
      try {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          size += chunk.length;
          if (size > maxBytes) {
            throw new BridgeError('upstream-answer-invalid', `The answer of ${peer} exceeds ${maxBytes} bytes.`);
          }
          chunks.push(chunk);
        }
      } catch (error) {
        throw httpFailure(error, peer, signal);
      }
      return new TextDecoder().decode(Buffer.concat(chunks, size));
    },
    async discard() {
      await body.dump().catch(() => {});
    },
  };
}

function singleStrings(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) result[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return result;
}

function assertCertificates(ca: string | Buffer): void {
  try {
    new X509Certificate(ca);
  } catch (cause) {
    throw new BridgeError('tls-material-unreadable', 'The CA file contains no certificate in PEM form.', { cause });
  }
}

function hostAndPort(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === 'http:' ? '80' : '443')}`;
}
