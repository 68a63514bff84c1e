import type { Clock } from '../base/clock.ts';
import { createHttpClient, type HttpClient } from '../base/http.ts';
import type { Log } from '../base/log.ts';
import { type CloudEndpoints, resolveCloud } from '../config/clouds.ts';
import type { Config, Connection } from '../config/schema.ts';
import { ExchangeSmtpCourier } from '../couriers/exchange-smtp.ts';
import { GraphCourier } from '../couriers/graph.ts';
import type { OpenUpstream } from '../exchange/connect-upstream.ts';
import { openImapUpstream } from '../exchange/imap-upstream.ts';
import { openPop3Upstream } from '../exchange/pop3-upstream.ts';
import { GraphClient } from '../graph/client.ts';
import type { Courier } from '../queue/courier.ts';
import type { CourierKind } from '../queue/message.ts';
import type { TokenResource } from '../tokens/token-source.ts';
import { type ConnectionTokens, openConnectionTokens, type PersonalAccess, readPem } from './connection-tokens.ts';

/** One connection of the configuration, ready to be used. */
export class Upstream {
  readonly name: string;
  readonly endpoints: CloudEndpoints;
  /** PEM certificates trusted besides those of the system. */
  readonly ca: string | undefined;
  readonly #config: Config;
  readonly #http: HttpClient;
  readonly #tokens: ConnectionTokens;
  readonly #couriers = new Map<CourierKind, Courier>();
  #inUse = 0;
  #whenUnused: (() => void) | undefined;

  private constructor(
    name: string,
    config: Config,
    parts: { endpoints: CloudEndpoints; ca: string | undefined; http: HttpClient; tokens: ConnectionTokens },
  ) {
    this.name = name;
    this.#config = config;
    this.endpoints = parts.endpoints;
    this.ca = parts.ca;
    this.#http = parts.http;
    this.#tokens = parts.tokens;
  }

  /**
   * Prepares a connection; nothing is sent before it is needed.
   * @throws BridgeError `tls-material-unreadable`, `client-certificate-invalid`, `authority-invalid`,
   *   `tenant-invalid`
   */
  static async open(name: string, config: Config, clock: Clock, log: Log): Promise<Upstream> {
    const connection = config.connections[name] as Connection;
    const endpoints = resolveCloud(connection.cloud);
    const ca = endpoints.caFile === undefined ? undefined : await readPem(endpoints.caFile);
    const proxy = config.proxy?.reveal();
    const http = createHttpClient({ ca, proxy });
    const tokens = await openConnectionTokens(name, config, { endpoints, http, clock, log });
    return new Upstream(name, config, { endpoints, ca, http, tokens });
  }

  /** The sign-in behind the tokens, where a person's it is. */
  get person(): PersonalAccess | undefined {
    return this.#tokens.person;
  }

  async getToken(resource: TokenResource, refused?: string): Promise<string> {
    const token = await this.#tokens.source.getToken(resource, refused === undefined ? {} : { refused });
    return token.value;
  }

  /** The courier of a kind, made when first asked for. */
  courier(kind: CourierKind): Courier {
    let courier = this.#couriers.get(kind);
    if (!courier) {
      courier = this.#counted(kind === 'graph' ? this.#graphCourier() : this.#smtpCourier());
      this.#couriers.set(kind, courier);
    }
    return courier;
  }

  /** An upstream connection logged in to a mailbox, for a client to be joined to. @throws BridgeError */
  openMailbox(protocol: 'imap' | 'pop3', mailbox: string, signal: AbortSignal): Promise<OpenUpstream> {
    const open = protocol === 'imap' ? openImapUpstream : openPop3Upstream;
    return open({
      ...this.endpoints[protocol],
      ...(this.ca === undefined ? {} : { ca: this.ca }),
      mailbox,
      getToken: ({ refused } = {}) => this.getToken('exchange', refused),
      connectTimeoutMs: 20_000,
      signal,
    });
  }

  /** Closes once no delivery is under way. */
  async close(): Promise<void> {
    if (this.#inUse > 0) {
      await new Promise<void>((resolve) => {
        this.#whenUnused = resolve;
      });
    }
    await Promise.all([...this.#couriers.values()].map((courier) => courier.close()));
    await this.#tokens.close();
    await this.#http.close();
  }

  #counted(courier: Courier): Courier {
    return {
      close: () => courier.close(),
      deliver: async (message, signal) => {
        this.#inUse++;
        try {
          return await courier.deliver(message, signal);
        } finally {
          if (--this.#inUse === 0) this.#whenUnused?.();
        }
      },
    };
  }

  #graphCourier(): Courier {
    const { retry, limits } = this.#config;
    const { mode, statusCodes, maxAttempts, multiplyWait, waitSeconds } = retry;
    return new GraphCourier({
      client: new GraphClient({
        http: this.#http,
        origin: this.endpoints.graph,
        getToken: ({ refused }) => this.getToken('graph', refused),
        retry: { mode, statusCodes, maxAttempts, multiplyWait, waitMs: waitSeconds * 1000 },
      }),
      sendAs: 'mailbox',
      maxMimeBytes: limits.graphMimeKilobytes * 1024,
    });
  }

  #smtpCourier(): Courier {
    return new ExchangeSmtpCourier({
      endpoint: this.endpoints.smtp,
      ...(this.ca === undefined ? {} : { extraCa: this.ca }),
      ...(this.#config.hostname === undefined ? {} : { clientName: this.#config.hostname }),
      getToken: ({ refused }) => this.getToken('exchange', refused),
      maxConnectionsPerMailbox: this.#config.limits.concurrentPerMailbox,
    });
  }
}
