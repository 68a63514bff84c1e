import type { Clock } from '../../base/clock.ts';
import { readCertificates } from '../../base/files/pem-file.ts';
import { createHttpClient, type HttpClient } from '../../base/http/client.ts';
import { InUse } from '../../base/in-use.ts';
import { isPersonalTenant } from '../../base/personal-accounts.ts';
import type { KeyedSemaphore } from '../../base/semaphore.ts';
import { type CloudEndpoints, resolveCloud } from '../../config/clouds.ts';
import type { Config, Connection } from '../../config/schema.ts';
import {
  ConnectionCouriers,
  type CopyRemoval,
  type CourierModules,
  loadCouriers,
  smtpPermitsOf,
} from '../../couriers/connection-couriers.ts';
import { probeConnection } from '../../couriers/connection-probe.ts';
import type { UpstreamAccess } from '../../couriers/descriptor.ts';
import type { DeliveryPolicy } from '../../couriers/policy.ts';
import { couriers } from '../../couriers/registry.ts';
import { noMemory, type SendingMemory } from '../../couriers/sent-items/sending-memory.ts';
import type { OpenUpstream } from '../../exchange/reading/connect.ts';
import { sweepDrafts } from '../../graph/upload/draft.ts';
import type { CourierKind } from '../../message/courier-kind.ts';
import type { ConnectionPart, ConnectionTrouble } from '../../message/delivery.ts';
import { ownConnection } from '../../message/own-connection.ts';
import type { Courier } from '../../queue/courier.ts';
import { openMailbox } from '../../reading/upstream.ts';
import type { TokenResource } from '../../tokens/token-source.ts';
import { type ConnectionTokens, openConnectionTokens, type PersonalAccess, type TokenParts } from './tokens.ts';

/** What an upstream needs besides the configuration. */
export interface UpstreamOptions extends Pick<TokenParts, 'clock' | 'log' | 'signIn' | 'shared' | 'observation'> {
  /** Recognizes copies of what it sends; called once, when something is to be sent. Default: recognizes none. */
  memory?(): SendingMemory;
  /** Shared with other connections, which may serve the same mailboxes. Default: its own. */
  readonly smtpPermits?: KeyedSemaphore;
}

/** What an upstream is built from. */
interface UpstreamParts {
  readonly endpoints: CloudEndpoints;
  readonly ca: string | undefined;
  readonly http: HttpClient;
  readonly tokens: ConnectionTokens;
  readonly clock: Clock;
  readonly smtpPermits: KeyedSemaphore;
  readonly modules: CourierModules;
  readonly observation: UpstreamOptions['observation'];
  /** The connection in the configuration, whoever signs in for it. */
  readonly connection: string;
  memory(): SendingMemory;
}

/** One connection of the configuration, ready for use. */
export class Upstream {
  readonly name: string;
  readonly endpoints: CloudEndpoints;
  /** PEM certificates trusted in addition to those of the system. */
  readonly ca: string | undefined;
  readonly #config: Config;
  readonly #parts: UpstreamParts;
  readonly #access: UpstreamAccess;
  readonly #inUse = new InUse();
  /** Those of mailboxes with their own sign-in, by mailbox in lower case. */
  readonly #owned = new Map<string, Upstream>();
  #couriers: ConnectionCouriers | undefined;
  #isClosed = false;

  private constructor(name: string, config: Config, parts: UpstreamParts) {
    const { endpoints, ca, http, clock } = parts;
    this.name = name;
    this.endpoints = endpoints;
    this.ca = ca;
    this.#config = config;
    this.#parts = parts;
    const { hostname } = config;
    const sessions = {
      ...(ca === undefined ? {} : { extraCa: ca }),
      ...(hostname === undefined ? {} : { clientName: hostname }),
    };
    this.#access = { http, clock, endpoints, sessions };
  }

  /**
   * Prepares a connection; nothing is sent before it is needed.
   * @throws BridgeError `tls-material-unreadable`, `app-not-registered`, `client-certificate-invalid`,
   *   `authority-invalid`, `tenant-invalid`, `token-key-needed`, `token-key-invalid`, `token-key-unusable`
   */
  static async open(name: string, config: Config, options: UpstreamOptions): Promise<Upstream> {
    const { memory, smtpPermits, ...parts } = options;
    const { clock } = parts;
    const connection = config.connections[name] as Connection;
    const endpoints = resolveCloud(connection.cloud, connection.tenantId);
    const ca = endpoints.caFile === undefined ? undefined : await readCertificates(endpoints.caFile);
    const proxy = config.proxy?.reveal();
    const http = createHttpClient({ ca, proxy });
    const tokens = await openConnectionTokens(name, config, { endpoints, http, ...parts });
    const modules = await loadCouriers();
    return new Upstream(name, config, {
      ...{ endpoints, ca, http, tokens, clock, modules, connection: name, observation: parts.observation },
      memory: memory ?? (() => noMemory(clock)),
      smtpPermits: smtpPermits ?? smtpPermitsOf(config.limits.concurrentPerMailbox),
    });
  }

  /** Whether messages are stored through mailbox import. */
  get mailboxImport(): boolean {
    return this.#config.connections[this.#parts.connection]?.mailboxImport ?? false;
  }

  /** Whether each mailbox is reached with its own sign-in. */
  get hasOwners(): boolean {
    return this.#parts.tokens.ofOwner !== undefined;
  }

  /** Those in use for mailboxes that have their own sign-in. */
  get owned(): readonly Upstream[] {
    return [...this.#owned.values()];
  }

  /**
   * The connection with the own sign-in of a mailbox, created on first use.
   * @returns undefined if the connection has one sign-in for all
   */
  ofOwner(mailbox: string): Upstream | undefined {
    const { ofOwner } = this.#parts.tokens;
    if (!ofOwner || this.#isClosed) return undefined;
    const owner = mailbox.toLowerCase();
    let owned = this.#owned.get(owner);
    if (!owned) {
      owned = new Upstream(ownConnection(this.name, owner), this.#config, { ...this.#parts, tokens: ofOwner(owner) });
      this.#owned.set(owner, owned);
    }
    return owned;
  }

  get http(): HttpClient {
    return this.#parts.http;
  }

  /** After this, any failure is caused by it. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The sign-in behind the tokens, if it is a person's. */
  get person(): PersonalAccess | undefined {
    return this.#parts.tokens.person;
  }

  /** Who acts for a mailbox: the person who signed in, or the mailbox itself. @throws BridgeError of the store */
  async actsFor(mailbox: string): Promise<string> {
    return (await this.person?.store.read())?.username ?? mailbox;
  }

  /** The login that Exchange wants for a mailbox over SMTP. @throws BridgeError of the store or of the token */
  async smtpLogin(mailbox: string): Promise<string> {
    // With a password, the sign-in only happens when a token is requested.
    if (this.person) await this.getToken('exchange');
    return this.actsFor(mailbox);
  }

  /** See {@link TokenSource.expiries}. */
  tokenExpiries(): Readonly<Partial<Record<TokenResource, number>>> {
    return this.#parts.tokens.source.expiries();
  }

  async getToken(resource: TokenResource, refused?: string): Promise<string> {
    const token = await this.#parts.tokens.source.getToken(resource, refused === undefined ? {} : { refused });
    return token.value;
  }

  /** Name of the host that a kind of courier hands messages to. */
  hostName(kind: CourierKind): string {
    return couriers[kind].hostName(this.endpoints);
  }

  /** The courier of a kind for accounts with the same policy, created on first use. */
  courier(kind: CourierKind, policy: DeliveryPolicy): Courier {
    return this.#sending().of(kind, policy);
  }

  /** See {@link ConnectionCouriers.removeCopies}. */
  removeCopies(removal: CopyRemoval, signal: AbortSignal): Promise<boolean> {
    return this.#sending().removeCopies(removal, signal);
  }

  /** An upstream session logged in to a mailbox, to be joined to a client. @throws BridgeError */
  openMailbox(protocol: 'imap' | 'pop3', mailbox: string, signal: AbortSignal): Promise<OpenUpstream> {
    const { observation } = this.#parts;
    const startedAtMs = performance.now();
    const opened = (isOpen: boolean) => observation?.mailboxOpened(protocol, performance.now() - startedAtMs, isOpen);
    return this.#inUse.during(async () => {
      try {
        const upstream = await openMailbox(this, protocol, mailbox, signal);
        opened(true);
        return upstream;
      } catch (error) {
        opened(false);
        throw error;
      }
    });
  }

  /**
   * Deletes the drafts that an interrupted upload left in a mailbox, as far as the app may look there.
   * @param olderThanMs longer than any attempt may take: a younger draft may still be uploaded
   */
  async sweepDrafts(mailbox: string, olderThanMs: number): Promise<void> {
    const place = { client: this.#sending().client, mailbox, sendAs: this.sendAs };
    const signal = AbortSignal.timeout(10 * 60_000);
    await sweepDrafts(place, { olderThanMs, nowMs: this.#parts.clock.now(), signal });
  }

  /** Checks whether the trouble of a part is over, without a message. Never rejects. */
  probe(part: ConnectionPart): Promise<ConnectionTrouble | undefined> {
    const { source } = this.#parts.tokens;
    return probeConnection(part, {
      ...this.#access,
      getToken: (resource) => source.getToken(resource, { anew: true }),
    });
  }

  /** Closes idle connections to make room for others; deliveries under way continue. */
  async leaveIdle(): Promise<void> {
    await this.#couriers?.leaveIdle();
    await Promise.all(this.owned.map((owned) => owned.leaveIdle()));
  }

  /** Closes once no delivery and no login to a mailbox is under way. */
  async close(): Promise<void> {
    await this.leaveIdle();
    await this.#inUse.unused();
    this.#isClosed = true;
    await Promise.all(this.owned.map((owned) => owned.close()));
    const { tokens, http, connection } = this.#parts;
    tokens.source.close();
    await tokens.close();
    if (connection === this.name) await http.close();
  }

  /** A personal account only has its own mailbox. */
  get sendAs(): 'mailbox' | 'me' {
    return isPersonalTenant(this.#config.connections[this.#parts.connection]?.tenantId) ? 'me' : 'mailbox';
  }

  /** Created on first use. */
  #sending(): ConnectionCouriers {
    this.#couriers ??= this.#openCouriers();
    return this.#couriers;
  }

  #openCouriers(): ConnectionCouriers {
    const { retry, limits, queue } = this.#config;
    const { concurrentPerMailbox } = limits;
    return new ConnectionCouriers({
      ...this.#access,
      getToken: (resource, refused) => this.getToken(resource, refused),
      smtpLogin: this.person && ((mailbox) => this.smtpLogin(mailbox)),
      actsFor: (mailbox) => this.actsFor(mailbox),
      sendAs: this.sendAs,
      retry: { ...retry, waitMs: retry.waitSeconds * 1000 },
      ...(concurrentPerMailbox === undefined ? {} : { concurrentPerMailbox }),
      graphMimeBytes: limits.graphMimeKilobytes * 1024,
      smtpPermits: this.#parts.smtpPermits,
      modules: this.#parts.modules,
      memory: this.#parts.memory(),
      settleMs: queue.retryBaseSeconds * 1000,
      inUse: this.#inUse,
    });
  }
}
