import { readFile } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';
import { BridgeError, errorText } from '../base/errors.ts';
import { createHttpClient, type HttpClient } from '../base/http.ts';
import type { Log } from '../base/log.ts';
import { type CloudEndpoints, resolveCloud } from '../config/clouds.ts';
import type { Config, Connection, ConnectionOf } from '../config/schema.ts';
import { ExchangeSmtpCourier } from '../couriers/exchange-smtp.ts';
import { GraphCourier } from '../couriers/graph.ts';
import type { OpenUpstream } from '../exchange/connect-upstream.ts';
import { openImapUpstream } from '../exchange/imap-upstream.ts';
import { openPop3Upstream } from '../exchange/pop3-upstream.ts';
import { GraphClient } from '../graph/client.ts';
import type { Courier } from '../queue/courier.ts';
import type { CourierKind } from '../queue/message.ts';
import type { ClientCredential } from '../tokens/client-credentials.ts';
import { createTokenSource, type TokenResource, type TokenSource } from '../tokens/token-source.ts';

/** One connection of the configuration, ready to be used. */
export class Upstream {
  readonly name: string;
  readonly endpoints: CloudEndpoints;
  /** PEM certificates trusted besides those of the system. */
  readonly ca: string | undefined;
  readonly #config: Config;
  readonly #http: HttpClient;
  readonly #tokens: TokenSource;
  readonly #couriers = new Map<CourierKind, Courier>();
  #inUse = 0;
  #whenUnused: (() => void) | undefined;

  private constructor(
    name: string,
    config: Config,
    parts: { endpoints: CloudEndpoints; ca: string | undefined; http: HttpClient; tokens: TokenSource },
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
   *   `tenant-invalid`, `grant-unavailable`
   */
  static async open(name: string, config: Config, clock: Clock, log: Log): Promise<Upstream> {
    const connection = config.connections[name] as Connection;
    if (connection.grant !== 'client-credentials') {
      throw new BridgeError('grant-unavailable', `Connection ${name}: the grant ${connection.grant} is not available.`);
    }
    const endpoints = resolveCloud(connection.cloud);
    const ca = endpoints.caFile === undefined ? undefined : await readPem(endpoints.caFile);
    const proxy = config.proxy?.reveal();
    const http = createHttpClient({ ca, proxy });
    const tokens = createTokenSource({
      name,
      tenantId: connection.tenantId,
      clientId: connection.clientId,
      credential: await credentialOf(connection),
      authority: endpoints.authority,
      scopes: scopesOf(connection.scopes, endpoints),
      http,
      clock,
      log,
    });
    return new Upstream(name, config, { endpoints, ca, http, tokens });
  }

  async getToken(resource: TokenResource, refused?: string): Promise<string> {
    const token = await this.#tokens.getToken(resource, refused === undefined ? {} : { refused });
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

/** The scopes by resource: the configured ones, or the cloud's own. Graph and Exchange never share a token. */
function scopesOf(configured: readonly string[] | undefined, { graph, graphScope, exchangeScope }: CloudEndpoints) {
  const isGraph = (scope: string) => scope.startsWith(graph) || scope.startsWith(new URL(graphScope).origin);
  const forGraph = configured?.filter(isGraph) ?? [];
  const forExchange = configured?.filter((scope) => !isGraph(scope)) ?? [];
  return {
    graph: forGraph.length > 0 ? forGraph : [graphScope],
    exchange: forExchange.length > 0 ? forExchange : [exchangeScope],
  };
}

async function credentialOf(connection: ConnectionOf<'client-credentials'>): Promise<ClientCredential> {
  const { clientSecret, clientCertificate } = connection;
  if (clientSecret) return { kind: 'secret', secret: () => clientSecret.reveal() };
  if (!clientCertificate) throw new Error('a client credentials connection without a credential');
  return {
    kind: 'certificate',
    certPem: await readPem(clientCertificate.cert),
    keyPem: await readPem(clientCertificate.key),
  };
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new BridgeError('tls-material-unreadable', `${file} cannot be read: ${errorText(cause)}.`, { cause });
  }
}
