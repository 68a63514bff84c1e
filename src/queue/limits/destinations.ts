import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { CourierKind } from '../../message/courier-kind.ts';
import type { DeliveryReport } from '../../message/delivery.ts';
import type { CourierTable } from '../courier.ts';
import type { Destination } from '../destination.ts';
import { connectionOf, destinationOf, type QueuedMessage } from '../message.ts';
import type { QueueStore } from '../store.ts';
import { ExternalLimit } from './external.ts';
import { FairPermits } from './fair-permits.ts';
import { dayMs, type IsInternal, minuteMs, type OneLogin, type QueueLimits, usualConcurrency } from './limits.ts';
import { LoginLimit } from './login.ts';
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

/** What the destinations of a bridge have of limits: each its own, and those that they share. */
export class DestinationLimits {
  readonly #options: DestinationLimitsOptions;
  readonly #permits: FairPermits;
  readonly #externals = new Map<string, ExternalLimit>();
  readonly #logins = new Map<string, LoginLimit>();
  readonly #destinations = new Map<string, Pick<Destination, 'wake'>>();
  /** What was learned before a restart. A restart is an administrator's sign: what waits for one may be tried. */
  readonly #pauses: ReadonlyMap<string, LearnedPause>;

  constructor(options: DestinationLimitsOptions) {
    this.#options = options;
    this.#permits = new FairPermits(options.limits.concurrentDeliveries ?? usualConcurrency);
    const learned = options.store.pauses().filter((each) => !each.needsAdmin);
    this.#pauses = new Map(learned.map((each) => [each.key, each]));
  }

  /** The parts of a new destination. */
  of(key: string) {
    const { store, clock, limits, couriers } = this.#options;
    const connection = connectionOf(key);
    const meter = new DestinationMeter({
      destination: key,
      clock,
      limits,
      couriers,
      external: this.#external(connection),
      loginOf: (courier) => this.#login(connection, courier),
      isExternal: (address) => this.#isExternal(connection, address),
      sent: store.sentSince(key, clock.now() - dayMs),
    });
    return { key, connection, meter, permits: this.#permits, pause: this.#pauses.get(key) };
  }

  /** A destination has been made of its parts. */
  opened(key: string, destination: Pick<Destination, 'wake'>): void {
    this.#destinations.set(key, destination);
  }

  /** An attempt has ended: the pause of the tenant's external recipients that it calls for, or ends, is noted. */
  ended(message: QueuedMessage, startedAtMs: number, report: DeliveryReport): void {
    this.#learnExternal(message, startedAtMs, report);
  }

  #learnExternal(message: QueuedMessage, startedAtMs: number, report: DeliveryReport): void {
    const { store, clock, log } = this.#options;
    const { connection } = message;
    const isExternal = (address: string) => this.#isExternal(connection, address);
    const limit = this.#external(connection);
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

  #isExternal(connection: string, address: string): boolean {
    return this.#options.isInternal?.(connection, address) !== true;
  }

  #external(connection: string): ExternalLimit {
    let external = this.#externals.get(connection);
    if (!external) {
      const { store, clock, limits } = this.#options;
      external = new ExternalLimit(limits.externalRecipientsPerDay);
      external.pause = this.#pauses.get(externalKey(connection));
      const sent = store.externalSince(connection, clock.now() - dayMs);
      for (const each of sent.toSorted((a, b) => a.endedAtMs - b.endedAtMs)) {
        external.settle(each.destination, 0, each.endedAtMs, each.external);
      }
      this.#externals.set(connection, external);
    }
    return external;
  }

  /** What a login shares; undefined where each mailbox logs in itself, or Microsoft counts for the mailbox. */
  #login(connection: string, courier: CourierKind): LoginLimit | undefined {
    const { store, clock, limits, couriers, oneLogin } = this.#options;
    const { limitsByLogin, concurrentPerMailbox } = couriers[courier];
    if (!limitsByLogin || !oneLogin?.(connection)) return undefined;
    const key = `${connection} ${courier}`;
    let login = this.#logins.get(key);
    if (!login) {
      const sent = store.sentOfConnectionSince(connection, clock.now() - minuteMs);
      const ends = sent.map(({ endedAtMs }) => endedAtMs);
      login = new LoginLimit(
        { ...limits, concurrentPerMailbox: limits.concurrentPerMailbox ?? concurrentPerMailbox },
        ends.sort((a, b) => a - b),
        (destination) => this.#destinations.get(destination)?.wake(),
      );
      this.#logins.set(key, login);
    }
    return login;
  }
}
