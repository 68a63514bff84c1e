import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { Dispatcher } from 'undici';
import type { HttpClientOptions } from './options.ts';
import type { ProxySettings } from './proxy.ts';
import { loadUndici } from './undici.ts';

/** Connections lent to one request. */
export interface Loan {
  readonly dispatcher: Dispatcher;
  /** Call once, when the response has been read to its end or the request has failed. */
  release(): void;
}

/**
 * What was opened between two calls of `renew`. The requests are counted here because undici's own `close` forgets
 * those in progress, so that `destroy` could no longer reach them.
 */
interface Generation {
  readonly dispatcher: Dispatcher;
  active: number;
}

/** The connections of one HTTP client; none before the first loan. */
export class HttpConnections {
  readonly #options: HttpClientOptions;
  readonly #proxy: ProxySettings | undefined;
  readonly #generations = new Set<Generation>();
  #current: Generation | undefined;
  #secureContext: SecureContext | undefined;

  constructor(options: HttpClientOptions, proxy: ProxySettings | undefined) {
    this.#options = options;
    this.#proxy = proxy;
  }

  lend(): Loan {
    this.#current ??= this.#open();
    const used = this.#current;
    used.active += 1;
    return {
      dispatcher: used.dispatcher,
      release: () => {
        used.active -= 1;
        this.#dropIfIdle(used);
      },
    };
  }

  /** Later loans get new connections; the old ones end with the requests that use them. */
  renew(): void {
    const old = this.#current;
    this.#current = undefined;
    if (old) this.#dropIfIdle(old);
  }

  async close(): Promise<void> {
    this.#current = undefined;
    await Promise.all([...this.#generations].map(({ dispatcher }) => dispatcher.destroy()));
    this.#generations.clear();
  }

  #open(): Generation {
    this.#secureContext ??= trust(this.#options.ca);
    const dispatcher = makeDispatcher(this.#options, this.#proxy, this.#secureContext).compose(askBeforeSending);
    const generation = { dispatcher, active: 0 };
    this.#generations.add(generation);
    return generation;
  }

  #dropIfIdle(generation: Generation): void {
    if (generation === this.#current || generation.active > 0 || !this.#generations.delete(generation)) return;
    generation.dispatcher.destroy().catch(() => {});
  }
}

/** See `HttpRequest.beforeSending`. */
export interface BeforeSending {
  readonly beforeSending?: () => void;
}

/**
 * Undici starts a request once it has a connection for it, and writes in the same turn; an error thrown at the start
 * ends it.
 */
const askBeforeSending: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
  const { beforeSending } = options as BeforeSending;
  if (beforeSending) {
    const start = handler.onRequestStart?.bind(handler);
    handler.onRequestStart = (...args) => {
      beforeSending();
      start?.(...args);
    };
  }
  return dispatch(options, handler);
};

function makeDispatcher(
  options: HttpClientOptions,
  proxy: ProxySettings | undefined,
  secureContext: SecureContext,
): Dispatcher {
  const { Agent, EnvHttpProxyAgent, Pool } = loadUndici();
  const timeout = options.connectTimeoutMs ?? 10_000;
  // Only HTTP/1.1: one slow upload then holds one connection, not every request to that host.
  const connect = { timeout, secureContext, allowH2: false };
  const common = {
    connect,
    allowH2: false,
    headersTimeout: options.headersTimeoutMs ?? 60_000,
    bodyTimeout: options.bodyTimeoutMs ?? 60_000,
    connections: options.connections ?? 32,
  };
  if (!proxy) return new Agent(common);
  return new EnvHttpProxyAgent({
    ...common,
    ...proxy,
    requestTls: connect,
    proxyTls: connect,
    // Without it, a proxy that accepts CONNECT and never answers would hold the request for five minutes.
    clientFactory: (origin, given) => new Pool(origin, { ...given, headersTimeout: timeout }),
  });
}

/** One context for all connections: reading some 150 CA certificates again for each would cost time and memory. */
function trust(ca: string | Buffer | undefined): SecureContext {
  const minVersion = 'TLSv1.2';
  if (ca === undefined) return createSecureContext({ minVersion });
  return createSecureContext({ minVersion, ca: [...getCACertificates('default'), ca] });
}
