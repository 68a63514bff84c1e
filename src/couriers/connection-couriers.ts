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
import { GraphSentItems } from './sent-items/graph.ts';
import { ImapSentItems } from './sent-items/imap.ts';
import type { SendingMemory } from './sent-items/sending-memory.ts';
import { AllSentItems, PermittedSentItems, type Removal, type UnwantedCopy } from './sent-items/sent-items.ts';
import { wrapped } from './wrappers/wrapped.ts';

/**
 * Permits for the SMTP sessions of each mailbox, over all connections: two connections may serve the same mailboxes,
 * and after a reload the old ones still deliver.
 * @param concurrentPerMailbox replaces what Microsoft allows
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

/** What the couriers of one connection need. */
export interface ConnectionCouriersOptions extends UpstreamAccess {
  readonly modules: CourierModules;
  getToken(resource: TokenResource, refused?: string): Promise<string>;
  /** The login that Exchange wants for a mailbox if a person signed in; undefined if the app acts. */
  readonly smtpLogin: LoginOf | undefined;
  /** Who acts for a mailbox: the person who signed in, or the mailbox itself. */
  readonly actsFor: LoginOf;
  readonly sendAs: CourierParts['sendAs'];
  readonly retry: QuickRetry;
  readonly concurrentPerMailbox?: number;
  readonly graphMimeBytes: number;
  readonly smtpPermits: KeyedSemaphore;
  /** Recognizes copies of sent messages. */
  readonly memory: SendingMemory;
  /** A copy that is not in Sent Items this long after an attempt will never appear. */
  readonly settleMs: number;
  /** Counts the attempts under way. */
  readonly inUse: InUse;
}

/** Messages of one mailbox whose copies have to be removed. */
export interface CopyRemoval {
  readonly mailbox: string;
  readonly messages: readonly {
    readonly id: string;
    /** With its angle brackets. */
    readonly messageId: string;
    /** Called when the copies are found, right before they are removed. */
    mayGo(): boolean | Promise<boolean>;
  }[];
  /** Called for each finished message with its id and how many copies of it were removed. */
  onDone(id: string, removed: number): void;
}

/** The couriers of one connection, each created on first use. */
export class ConnectionCouriers {
  /** Shared by the whole connection: other requests for the same mailboxes count against the same limits. */
  readonly client: GraphClient;
  readonly #options: ConnectionCouriersOptions;
  readonly #parts: Omit<CourierParts, 'policy'>;
  readonly #copies: AllSentItems;
  readonly #made = new Map<string, Courier>();
  readonly #closable = new Set<ClosableCourier>();

  constructor(options: ConnectionCouriersOptions) {
    this.#options = options;
    this.#parts = partsOf(options);
    this.client = this.#parts.client;
    this.#closable.add(this.#parts.exchangeSmtp);
    this.#copies = copiesOf(options, this.client);
  }

  /** The courier of a kind for accounts with the same policy. */
  of(kind: CourierKind, policy: DeliveryPolicy): Courier {
    const key = `${kind} ${policy.envelope} ${policy.onAmbiguity} ${policy.couriers?.join()}`;
    let courier = this.#made.get(key);
    if (!courier) {
      courier = this.#make(kind, policy);
      this.#made.set(key, courier);
    }
    return courier;
  }

  /**
   * Removes the copies of messages from Sent Items, wherever they may be.
   * @returns false if the bridge may not
   * @throws if it failed for another reason, which may pass; what `onDone` was called for is done
   */
  removeCopies({ mailbox, messages, onDone }: CopyRemoval, signal: AbortSignal): Promise<boolean> {
    const { inUse } = this.#options;
    const { marker } = this.#parts;
    const ids = new Map<UnwantedCopy, string>();
    for (const { id, messageId, mayGo } of messages) {
      ids.set({ messageId, mayGo, isOwn: (value) => marker.isOwn(value, id) }, id);
    }
    const removal: Removal = {
      mailbox,
      copies: [...ids.keys()],
      onDone: (copy, removed) => onDone(ids.get(copy) as string, removed),
    };
    return inUse.during(() => this.#copies.remove(removal, signal));
  }

  /** Closes idle connections to make room for others; deliveries under way continue. */
  async leaveIdle(): Promise<void> {
    await Promise.all([...this.#closable].map((courier) => courier.close?.()));
  }

  #make(kind: CourierKind, policy: DeliveryPolicy): Courier {
    const { modules, inUse, actsFor, clock, settleMs } = this.#options;
    const { marker, copies } = this.#parts;
    const courier = modules[kind].create({ ...this.#parts, policy });
    this.#closable.add(courier);
    const { onAmbiguity, couriers: others = [] } = policy;
    const look = { kind, others, sentItems: this.#copies, marker, copies, onAmbiguity, clock, settleMs };
    return wrapped(courier, { inUse, actsFor, look });
  }
}

function partsOf(options: ConnectionCouriersOptions): Omit<CourierParts, 'policy'> {
  const { http, clock, endpoints, sessions, getToken, smtpLogin, retry, concurrentPerMailbox } = options;
  const { marker, copies } = options.memory;
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

/** Where copies of what the couriers send are kept. */
function copiesOf(options: ConnectionCouriersOptions, client: GraphClient): AllSentItems {
  const { clock, endpoints, sessions, getToken, sendAs, actsFor } = options;
  const { extraCa } = sessions;
  const byImap = new ImapSentItems({
    endpoint: endpoints.imap,
    ...(extraCa !== undefined && { extraCa }),
    getToken: ({ refused }) => getToken('exchange', refused),
  });
  const permitted = new PermittedSentItems([new GraphSentItems(client, sendAs), byImap], clock);
  return new AllSentItems(permitted, actsFor, (kind) => couriers[kind].copiesAt);
}
