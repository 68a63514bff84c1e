import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { readPem } from '../../base/files/pem-file.ts';
import { createHttpClient, type HttpClient } from '../../base/http/client.ts';
import type { Log } from '../../base/log.ts';
import { isPersonalTenant } from '../../base/personal-accounts.ts';
import { KeyedSemaphore } from '../../base/semaphore.ts';
import { type CloudEndpoints, resolveCloud } from '../../config/clouds.ts';
import type { Config, Connection } from '../../config/schema.ts';
import { probeConnection } from '../../couriers/connection-probe.ts';
import { ExchangeSmtpCourier } from '../../couriers/exchange-smtp/courier.ts';
import { SmtpWay } from '../../couriers/exchange-smtp/way.ts';
import { GraphCourier } from '../../couriers/graph/courier.ts';
import type { DeliveryPolicy } from '../../couriers/policy.ts';
import { CopyNotes } from '../../couriers/sent-items/copy-notes.ts';
import { GraphSentItems } from '../../couriers/sent-items/graph.ts';
import { ImapSentItems } from '../../couriers/sent-items/imap.ts';
import { LookFirstCourier } from '../../couriers/sent-items/look-first.ts';
import { Marker } from '../../couriers/sent-items/marker.ts';
import {
  EitherSentItems,
  LoginSentItems,
  PermittedSentItems,
  type SentItems,
} from '../../couriers/sent-items/sent-items.ts';
import type { OpenUpstream } from '../../exchange/reading/connect.ts';
import { openImapUpstream } from '../../exchange/reading/imap.ts';
import { openPop3Upstream } from '../../exchange/reading/pop3.ts';
import { GraphClient } from '../../graph/client/client.ts';
import { sweepDrafts } from '../../graph/upload/draft.ts';
import type { CourierKind } from '../../message/courier-kind.ts';
import type { ConnectionPart, ConnectionTrouble } from '../../message/delivery.ts';
import { withNullSenderFallback } from '../../notices/null-sender.ts';
import type { Courier } from '../../queue/courier.ts';
import { microsoftConcurrency } from '../../queue/limits/limits.ts';
import type { TokenResource } from '../../tokens/token-source.ts';
import { withSpelledOutRemedies } from './spelled-out-remedies.ts';
import { type ConnectionTokens, openConnectionTokens, type PersonalAccess } from './tokens.ts';

const probeTimeoutMs = 10_000;

/** One connection of the configuration, ready to be used. */
export class Upstream {
  readonly name: string;
  readonly endpoints: CloudEndpoints;
  /** PEM certificates trusted besides those of the system. */
  readonly ca: string | undefined;
  readonly #config: Config;
  readonly #http: HttpClient;
  readonly #tokens: ConnectionTokens;
  readonly #couriers = new Map<string, Courier>();
  readonly #clock: Clock;
  readonly #smtpPermits: KeyedSemaphore;
  #sending: SendingParts | undefined;
  #inUse = 0;
  #isClosed = false;
  #whenUnused: (() => void) | undefined;

  private constructor(
    name: string,
    config: Config,
    parts: {
      endpoints: CloudEndpoints;
      ca: string | undefined;
      http: HttpClient;
      tokens: ConnectionTokens;
      clock: Clock;
      smtpPermits: KeyedSemaphore;
    },
  ) {
    this.name = name;
    this.#config = config;
    this.endpoints = parts.endpoints;
    this.ca = parts.ca;
    this.#http = parts.http;
    this.#tokens = parts.tokens;
    this.#clock = parts.clock;
    this.#smtpPermits = parts.smtpPermits;
  }

  /**
   * Prepares a connection; nothing is sent before it is needed.
   * @param smtpPermits shared with other connections, which may be of the same mailboxes
   * @throws BridgeError `tls-material-unreadable`, `client-certificate-invalid`, `authority-invalid`,
   *   `tenant-invalid`
   */
  static async open(
    name: string,
    config: Config,
    clock: Clock,
    log: Log,
    smtpPermits = smtpPermitsOf(config),
  ): Promise<Upstream> {
    const connection = config.connections[name] as Connection;
    const endpoints = resolveCloud(connection.cloud, connection.tenantId);
    const ca = endpoints.caFile === undefined ? undefined : await readPem(endpoints.caFile);
    const proxy = config.proxy?.reveal();
    const http = createHttpClient({ ca, proxy });
    const tokens = await openConnectionTokens(name, config, { endpoints, http, clock, log });
    return new Upstream(name, config, { endpoints, ca, http, tokens, clock, smtpPermits });
  }

  /** Whatever fails now fails because of that. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The sign-in behind the tokens, where a person's it is. */
  get person(): PersonalAccess | undefined {
    return this.#tokens.person;
  }

  /** Who acts for a mailbox: the person who signed in, or the mailbox itself. @throws BridgeError of the store */
  async actsFor(mailbox: string): Promise<string> {
    return (await this.person?.store.read())?.username ?? mailbox;
  }

  /** Whose name Exchange wants at an SMTP login for a mailbox. @throws BridgeError of the store or of the token */
  async smtpLogin(mailbox: string): Promise<string> {
    // A password signs in only when a token is asked for.
    if (this.person) await this.getToken('exchange');
    return this.actsFor(mailbox);
  }

  /** A personal account has no other mailbox than its own. */
  get #sendAs(): 'mailbox' | 'me' {
    return isPersonalTenant(this.#config.connections[this.name]?.tenantId) ? 'me' : 'mailbox';
  }

  async getToken(resource: TokenResource, refused?: string): Promise<string> {
    const token = await this.#tokens.source.getToken(resource, refused === undefined ? {} : { refused });
    return token.value;
  }

  /** Name of the host that a kind of courier hands messages to. */
  hostName(kind: CourierKind): string {
    return kind === 'smtp' ? this.endpoints.smtp.host : new URL(this.endpoints.graph).hostname;
  }

  /** The courier of a kind for accounts that want the same, made when first asked for. */
  courier(kind: CourierKind, policy: DeliveryPolicy): Courier {
    const key = `${kind} ${policy.envelope} ${policy.onAmbiguity}`;
    let courier = this.#couriers.get(key);
    if (!courier) {
      courier = this.#counted(this.#lookFirst(kind, policy));
      this.#couriers.set(key, courier);
    }
    return courier;
  }

  /** An upstream connection logged in to a mailbox, for a client to be joined to. @throws BridgeError */
  openMailbox(protocol: 'imap' | 'pop3', mailbox: string, signal: AbortSignal): Promise<OpenUpstream> {
    const open = protocol === 'imap' ? openImapUpstream : openPop3Upstream;
    return this.#whileInUse(() =>
      open({
        ...this.endpoints[protocol],
        ...(this.ca === undefined ? {} : { ca: this.ca }),
        mailbox,
        getToken: ({ refused } = {}) => this.getToken('exchange', refused),
        connectTimeoutMs: 20_000,
        signal,
      }),
    );
  }

  /**
   * Deletes the drafts that an upload cut short left in a mailbox, as far as the app may look there.
   * @param olderThanMs longer than any attempt may take: a younger draft may be on its way
   */
  async sweepDrafts(mailbox: string, olderThanMs: number): Promise<void> {
    const place = { client: this.#sendingParts().client, mailbox, sendAs: this.#sendAs };
    const signal = AbortSignal.timeout(10 * 60_000);
    await sweepDrafts(place, { olderThanMs, nowMs: this.#clock.now(), signal });
  }

  /** Looks whether the trouble of a part is over, without a message. Never rejects. */
  probe(part: ConnectionPart): Promise<ConnectionTrouble | undefined> {
    const { hostname } = this.#config;
    return probeConnection(part, {
      getToken: (resource) => this.#tokens.source.getToken(resource, { anew: true }),
      http: this.#http,
      clock: this.#clock,
      graphOrigin: this.endpoints.graph,
      smtp: {
        endpoint: this.endpoints.smtp,
        ...(this.ca === undefined ? {} : { extraCa: this.ca }),
        ...(hostname === undefined ? {} : { clientName: hostname }),
        connectTimeoutMs: probeTimeoutMs,
      },
    });
  }

  /** Leaves the connections that are idle, to make room for others; deliveries under way go on. */
  async leaveIdle(): Promise<void> {
    await this.#sending?.smtp.close();
  }

  /** Closes once no delivery and no login to a mailbox is under way. */
  async close(): Promise<void> {
    await this.leaveIdle();
    if (this.#inUse > 0) {
      await new Promise<void>((resolve) => {
        this.#whenUnused = resolve;
      });
    }
    this.#isClosed = true;
    this.#tokens.source.close();
    await this.#tokens.close();
    await this.#http.close();
  }

  #counted(courier: Courier): Courier {
    return {
      deliver: (message, signal) =>
        this.#whileInUse(async () => {
          const report = await withNullSenderFallback(message, (each) => courier.deliver(each, signal));
          return await withSpelledOutRemedies(report, message, () => this.actsFor(message.mailbox));
        }),
    };
  }

  async #whileInUse<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#inUse++;
    try {
      return await work();
    } finally {
      if (--this.#inUse === 0) this.#whenUnused?.();
    }
  }

  #lookFirst(kind: CourierKind, { envelope, onAmbiguity }: DeliveryPolicy): Courier {
    const { smtp, smtpWay, client, sentItems, marker, copies } = this.#sendingParts();
    const { limits, queue } = this.#config;
    const maxMimeBytes = limits.graphMimeKilobytes * 1024;
    const courier =
      kind === 'smtp'
        ? smtp
        : new GraphCourier({ client, sendAs: this.#sendAs, maxMimeBytes, envelope, marker, smtp: smtpWay });
    const lookFirst = new LookFirstCourier({
      deliver: (message, signal) => courier.deliver(message, signal),
      sentItems: this.#copiesOf(kind, sentItems),
      marker,
      copies,
      onAmbiguity,
      clock: this.#clock,
      settleMs: queue.retryBaseSeconds * 1000,
    });
    return lookFirst;
  }

  /** Where the copies are of what a courier sends. */
  #copiesOf(kind: CourierKind, sentItems: SentItems): SentItems {
    if (!this.person) return sentItems;
    const loginOf = (mailbox: string) => this.actsFor(mailbox);
    return kind === 'smtp' ? new LoginSentItems(sentItems, loginOf) : new EitherSentItems(sentItems, loginOf);
  }

  #sendingParts(): SendingParts {
    this.#sending ??= this.#makeSendingParts();
    return this.#sending;
  }

  #makeSendingParts(): SendingParts {
    const { retry, limits, hostname, dataDir } = this.#config;
    const quickRetry = { ...retry, waitMs: retry.waitSeconds * 1000 };
    const marker = Marker.withKeyFile(join(dataDir, 'queue', 'marker-key'));
    const copies = new CopyNotes(join(dataDir, 'queue', 'copies'), marker);
    const client = new GraphClient({
      http: this.#http,
      origin: this.endpoints.graph,
      getToken: ({ refused }) => this.getToken('graph', refused),
      retry: quickRetry,
      clock: this.#clock,
      concurrentPerMailbox: limits.concurrentPerMailbox ?? microsoftConcurrency.graph,
    });
    const exchange = {
      ...(this.ca === undefined ? {} : { extraCa: this.ca }),
      getToken: ({ refused }: { readonly refused?: string }) => this.getToken('exchange', refused),
    };
    const smtp = new ExchangeSmtpCourier({
      ...exchange,
      endpoint: this.endpoints.smtp,
      ...(this.person && { loginOf: (mailbox: string) => this.smtpLogin(mailbox) }),
      ...(hostname === undefined ? {} : { clientName: hostname }),
      marker,
      copies,
      retry: quickRetry,
      permits: this.#smtpPermits,
    });
    const ways = [
      new GraphSentItems(client, this.#sendAs),
      new ImapSentItems({ ...exchange, endpoint: this.endpoints.imap }),
    ];
    const sentItems = new PermittedSentItems(ways, this.#clock);
    return { client, smtp, smtpWay: new SmtpWay(smtp, this.#clock), sentItems, marker, copies };
  }
}

/** The SMTP connections that Microsoft, or the configuration, allows each mailbox. */
export function smtpPermitsOf({ limits }: Config): KeyedSemaphore {
  return new KeyedSemaphore(limits.concurrentPerMailbox ?? microsoftConcurrency.smtp);
}

/** What the couriers of one connection share. */
interface SendingParts {
  readonly client: GraphClient;
  readonly smtp: ExchangeSmtpCourier;
  readonly smtpWay: SmtpWay;
  readonly sentItems: SentItems;
  readonly marker: Marker;
  readonly copies: CopyNotes;
}
