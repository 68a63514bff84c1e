import { join } from 'node:path';
import type { QuickRetry } from '../base/http/quick-retry.ts';
import type { InUse } from '../base/in-use.ts';
import { KeyedSemaphore } from '../base/semaphore.ts';
import { GraphClient } from '../graph/client/client.ts';
import { type CourierKind, courierKinds } from '../message/courier-kind.ts';
import type { Courier } from '../queue/courier.ts';
import type { TokenResource } from '../tokens/token-source.ts';
import type { ClosableCourier, CourierModule, CourierParts, UpstreamAccess } from './descriptor.ts';
import { ExchangeSmtpCourier } from './exchange-smtp/courier.ts';
import { SmtpFallback } from './exchange-smtp/fallback.ts';
import type { LoginOf } from './login-of.ts';
import type { DeliveryPolicy } from './policy.ts';
import { couriers } from './registry.ts';
import { CopyNotes } from './sent-items/copy-notes.ts';
import { GraphSentItems } from './sent-items/graph.ts';
import { ImapSentItems } from './sent-items/imap.ts';
import { Marker } from './sent-items/marker.ts';
import { PermittedSentItems, PersonSentItems, type SentItems } from './sent-items/sent-items.ts';
import { wrapped } from './wrappers/wrapped.ts';

/**
 * The SMTP sessions that each mailbox may have, over all connections: two may be of the same mailboxes, and after a
 * reload the old ones still deliver.
 * @param concurrentPerMailbox in place of what Microsoft allows
 */
export function smtpPermitsOf(concurrentPerMailbox?: number): KeyedSemaphore {
  return new KeyedSemaphore(concurrentPerMailbox ?? couriers.smtp.concurrentPerMailbox);
}

/** Every courier, loaded. */
export type CourierModules = Readonly<Record<CourierKind, CourierModule>>;

/** Loads every courier. */
export async function loadCouriers(): Promise<CourierModules> {
  const loaded = courierKinds.map(async (kind) => [kind, await couriers[kind].load()] as const);
  return Object.fromEntries(await Promise.all(loaded)) as CourierModules;
}

/** What the couriers of one connection are made of. */
export interface ConnectionCouriersOptions extends UpstreamAccess {
  readonly modules: CourierModules;
  getToken(resource: TokenResource, refused?: string): Promise<string>;
  /** Whose name Exchange wants at an SMTP login for a mailbox, where a person signed in; undefined where the app acts. */
  readonly smtpLogin: LoginOf | undefined;
  /** Who acts for a mailbox: the person who signed in, or the mailbox itself. */
  readonly actsFor: LoginOf;
  readonly sendAs: CourierParts['sendAs'];
  readonly retry: QuickRetry;
  readonly concurrentPerMailbox?: number;
  readonly graphMimeBytes: number;
  readonly smtpPermits: KeyedSemaphore;
  /** Of the key of the markers and the notes on copies; both are made at first use. */
  readonly folder: string;
  /** A copy that is not in Sent Items this long after an attempt will not appear any more. */
  readonly settleMs: number;
  /** Counts the attempts under way. */
  readonly inUse: InUse;
}

/** The couriers of one connection, each made when it is first asked for. */
export class ConnectionCouriers {
  /** Of the whole connection: other requests for the same mailboxes count in the same limits. */
  readonly client: GraphClient;
  readonly #options: ConnectionCouriersOptions;
  readonly #parts: Omit<CourierParts, 'policy'>;
  readonly #sentItems: SentItems;
  readonly #made = new Map<string, Courier>();
  readonly #closable = new Set<ClosableCourier>();

  /** @throws Error of the file system */
  constructor(options: ConnectionCouriersOptions) {
    this.#options = options;
    this.#parts = partsOf(options);
    this.client = this.#parts.client;
    this.#closable.add(this.#parts.exchangeSmtp);
    this.#sentItems = sentItemsOf(options, this.client);
  }

  /** The courier of a kind for accounts that want the same. */
  of(kind: CourierKind, policy: DeliveryPolicy): Courier {
    const key = `${kind} ${policy.envelope} ${policy.onAmbiguity}`;
    let courier = this.#made.get(key);
    if (!courier) {
      courier = this.#make(kind, policy);
      this.#made.set(key, courier);
    }
    return courier;
  }

  /** Leaves the connections that are idle, to make room for others; deliveries under way go on. */
  async leaveIdle(): Promise<void> {
    await Promise.all([...this.#closable].map((courier) => courier.close?.()));
  }

  #make(kind: CourierKind, policy: DeliveryPolicy): Courier {
    const { modules, inUse, actsFor, clock, settleMs } = this.#options;
    const { marker, copies } = this.#parts;
    const courier = modules[kind].create({ ...this.#parts, policy });
    this.#closable.add(courier);
    const { onAmbiguity } = policy;
    const look = { sentItems: this.#copiesOf(kind), marker, copies, onAmbiguity, clock, settleMs };
    return wrapped(courier, { inUse, actsFor, look });
  }

  /** Where the copies are of what a courier sends. */
  #copiesOf(kind: CourierKind): SentItems {
    const { smtpLogin, actsFor } = this.#options;
    return smtpLogin ? new PersonSentItems(this.#sentItems, actsFor, couriers[kind].copiesAt) : this.#sentItems;
  }
}

function partsOf(options: ConnectionCouriersOptions): Omit<CourierParts, 'policy'> {
  const { http, clock, endpoints, sessions, getToken, smtpLogin, retry, concurrentPerMailbox, folder } = options;
  const marker = Marker.withKeyFile(join(folder, 'marker-key'));
  const copies = new CopyNotes(join(folder, 'copies'), marker);
  const client = new GraphClient({
    http,
    origin: endpoints.graph,
    getToken: ({ refused }) => getToken('graph', refused),
    retry,
    clock,
    concurrentPerMailbox: concurrentPerMailbox ?? couriers.graph.concurrentPerMailbox,
  });
  const exchangeSmtp = new ExchangeSmtpCourier({
    ...sessions,
    endpoint: endpoints.smtp,
    getToken: ({ refused }) => getToken('exchange', refused),
    ...(smtpLogin && { loginOf: smtpLogin }),
    marker,
    copies,
    retry,
    permits: options.smtpPermits,
  });
  const smtpFallback = new SmtpFallback(exchangeSmtp, clock);
  const { sendAs, graphMimeBytes } = options;
  return {
    http,
    clock,
    endpoints,
    sessions,
    client,
    sendAs,
    graphMimeBytes,
    exchangeSmtp,
    smtpFallback,
    marker,
    copies,
  };
}

function sentItemsOf(options: ConnectionCouriersOptions, client: GraphClient): SentItems {
  const { clock, endpoints, sessions, getToken, sendAs } = options;
  const { extraCa } = sessions;
  const byImap = new ImapSentItems({
    endpoint: endpoints.imap,
    ...(extraCa !== undefined && { extraCa }),
    getToken: ({ refused }) => getToken('exchange', refused),
  });
  return new PermittedSentItems([new GraphSentItems(client, sendAs), byImap], clock);
}
