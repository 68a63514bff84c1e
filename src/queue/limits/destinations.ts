import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { DeliveryReport } from '../../message/delivery.ts';
import type { CourierTable } from '../courier.ts';
import type { Destination } from '../destination.ts';
import { connectionOf, destinationOf, type QueuedMessage } from '../message.ts';
import type { QueueStore } from '../store.ts';
import { ExternalLimit } from './external.ts';
import { FairPermits } from './fair-permits.ts';
import { GrantedPart } from './grants.ts';
import { dayMs, type IsInternal, type OneLogin, type QueueLimits, usualConcurrency } from './limits.ts';
import { LoginLimits } from './logins.ts';
import { DestinationMeter } from './meter.ts';
import { externalKey, externalPause, type LearnedPause, learnPause } from './pause.ts';

export interface DestinationLimitsOptions {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: QueueLimits;
  readonly couriers: CourierTable;
  /** Default: every recipient counts as external. */
  readonly isInternal?: IsInternal;
  /** Default: each mailbox logs in itself. */
  readonly oneLogin?: OneLogin;
}

/** The parts of a new destination that depend on the store. */
export interface DestinationParts {
  readonly key: string;
  readonly connection: string;
  /** Shared by the meters of the connection's destinations. */
  readonly external: ExternalLimit;
  readonly meter: DestinationMeter;
  readonly permits: FairPermits;
  readonly pause: LearnedPause | undefined;
  readonly learned: ReadonlyMap<string, LearnedPause>;
}

/** What the mailboxes of a connection share. */
interface Shared {
  readonly external: ExternalLimit;
  /** The read of the stored usage, under way or done; undefined: it has to be read again. */
  seeding: Promise<void> | undefined;
  /** Number of open destinations. */
  open: number;
}

/** The limits of all destinations of a bridge: their own, and those that they share. */
export class DestinationLimits {
  readonly #options: DestinationLimitsOptions;
  readonly #permits: FairPermits;
  readonly #logins: LoginLimits;
  readonly #shared = new Map<string, Shared>();
  readonly #destinations = new Map<string, Pick<Destination, 'wake'>>();
  /** For connections without any open destination. */
  readonly #closing = new Set<Promise<void>>();
  #learned: Promise<ReadonlyMap<string, LearnedPause>> | undefined;

  constructor(options: DestinationLimitsOptions) {
    this.#options = options;
    this.#permits = new FairPermits(options.limits.concurrentDeliveries ?? usualConcurrency);
    this.#logins = new LoginLimits({ ...options, wake: (destination) => this.#destinations.get(destination)?.wake() });
  }

  /** Others have delivered meanwhile: shared usage and learned pauses are read again for the next destination. */
  renew(): void {
    this.#learned = undefined;
    for (const shared of this.#shared.values()) shared.seeding = undefined;
  }

  /**
   * The parts of a new destination, with its usage as stored.
   * @throws what the store throws; another call reads again
   */
  async of(key: string): Promise<DestinationParts> {
    const { store, clock, limits, couriers } = this.#options;
    const connection = connectionOf(key);
    const shared = this.#sharedBy(connection);
    const now = clock.now();
    const [learned, sent] = await Promise.all([
      this.#pauses(),
      store.sentSince(key, now - dayMs, now),
      this.#logins.ready(connection),
      this.#seeded(connection, shared),
    ]);
    const meter = new DestinationMeter({
      destination: key,
      clock,
      limits,
      couriers,
      external: shared.external,
      loginOf: (courier) => this.#logins.of(connection, courier),
      isExternal: (address) => this.#isExternal(connection, address),
      sent,
    });
    const { external } = shared;
    return { key, connection, external, meter, permits: this.#permits, pause: learned.get(key), learned };
  }

  /**
   * Whether the parts may still be opened. If the last open destination of the connection was closed since they were
   * requested, the shared usage is counted anew, and these parts would count separately.
   */
  areOfNow({ connection, external }: DestinationParts): boolean {
    return this.#shared.get(connection)?.external === external;
  }

  /** A destination has been made of its parts. */
  opened(key: string, destination: Pick<Destination, 'wake'>): void {
    this.#destinations.set(key, destination);
    this.#sharedBy(connectionOf(key)).open++;
  }

  /** Another instance delivers it by now: what is remembered of it goes stale. */
  closed(key: string): void {
    if (!this.#destinations.delete(key)) return;
    const connection = connectionOf(key);
    const shared = this.#sharedBy(connection);
    shared.open--;
    if (shared.open > 0) return;
    this.#shared.delete(connection);
    this.#logins.forget(connection);
    this.#close(shared);
  }

  /** Nothing is delivered any more. @returns resolves when unused grants are available to others. Never rejects */
  async stop(): Promise<void> {
    for (const shared of this.#shared.values()) this.#close(shared);
    await Promise.all(this.#closing);
  }

  #close({ external }: Shared): void {
    const closing = external.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  /** An attempt has ended: records the pause of the tenant's external recipients that it calls for or ends. */
  ended(message: QueuedMessage, startedAtMs: number, report: DeliveryReport): void {
    const { store, clock, log } = this.#options;
    const { connection } = message;
    const isExternal = (address: string) => this.#isExternal(connection, address);
    const limit = this.#sharedBy(connection).external;
    const asked = externalPause(report, isExternal);
    const failed = (error: unknown) => log.error({ error }, 'queue: cannot save a learned limit');
    if (asked) {
      limit.pause = learnPause(externalKey(connection), limit.pause, asked, startedAtMs, clock.now());
      store.setPause(limit.pause).catch(failed);
      const until = new Date(limit.pause.untilMs).toISOString();
      log.warn(
        { connection, destination: destinationOf(message), until },
        'the tenant has reached its limit of external recipients',
      );
      return;
    }
    if (!limit.pause || startedAtMs < limit.pause.untilMs) return;
    if (!report.recipients.some((each) => each.outcome === 'delivered' && isExternal(each.address))) return;
    limit.pause = undefined;
    store.endPause(externalKey(connection)).catch(failed);
  }

  /** Pauses learned before. A restart counts as an administrator's action: what waits for one may be tried. */
  #pauses(): Promise<ReadonlyMap<string, LearnedPause>> {
    if (this.#learned !== undefined) return this.#learned;
    const reading = this.#readPauses().catch((error: unknown) => {
      if (this.#learned === reading) this.#learned = undefined;
      throw error;
    });
    this.#learned = reading;
    return reading;
  }

  async #readPauses(): Promise<ReadonlyMap<string, LearnedPause>> {
    const learned = (await this.#options.store.pauses()).filter((each) => !each.needsAdmin);
    return new Map(learned.map((each) => [each.key, each]));
  }

  #isExternal(connection: string, address: string): boolean {
    return this.#options.isInternal?.(connection, address) !== true;
  }

  #sharedBy(connection: string): Shared {
    let shared = this.#shared.get(connection);
    if (!shared) {
      const limit = this.#options.limits.externalRecipientsPerDay;
      const external = new ExternalLimit(limit, limit === undefined ? undefined : this.#grantedPart(connection, limit));
      shared = { external, seeding: undefined, open: 0 };
      this.#shared.set(connection, shared);
    }
    return shared;
  }

  #grantedPart(connection: string, limit: number): GrantedPart | undefined {
    const { store, clock, log } = this.#options;
    const { grants } = store;
    if (!grants) return undefined;
    return new GrantedPart({
      ...{ grants, clock, connection, limit, windowMs: dayMs },
      onAnswer: () => {
        for (const [key, destination] of this.#destinations) if (connectionOf(key) === connection) destination.wake();
      },
      onFailure: (error) => {
        // An unreachable store is logged once, by the code that watches it.
        if (error instanceof BridgeError && error.code === 'queue-unreachable') return;
        log.error({ error, connection }, 'queue: cannot share the limit of external recipients');
      },
    });
  }

  #seeded(connection: string, shared: Shared): Promise<void> {
    if (shared.seeding !== undefined) return shared.seeding;
    const seeding = this.#seed(connection, shared).catch((error: unknown) => {
      if (shared.seeding === seeding) shared.seeding = undefined;
      throw error;
    });
    shared.seeding = seeding;
    return seeding;
  }

  async #seed(connection: string, { external }: Shared): Promise<void> {
    const { store, clock } = this.#options;
    const reading = external.counts ? store.externalSince(connection, clock.now() - dayMs) : [];
    const [pauses, sent] = await Promise.all([this.#pauses(), reading]);
    external.seed(sent, (destination) => this.#destinations.has(destination));
    const learned = pauses.get(externalKey(connection));
    if (learned && !(external.pause && external.pause.untilMs >= learned.untilMs)) external.pause = learned;
  }
}
