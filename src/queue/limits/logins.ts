import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { type CourierKind, courierKinds } from '../../message/courier-kind.ts';
import type { CourierTable } from '../courier.ts';
import type { QueueStore } from '../store.ts';
import { minuteMs, type OneLogin, type QueueLimits } from './limits.ts';
import { LoginLimit } from './login.ts';

export interface LoginLimitsOptions {
  readonly store: Pick<QueueStore, 'sentOfConnectionSince'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: QueueLimits;
  readonly couriers: CourierTable;
  /** Default: each mailbox logs in itself. */
  readonly oneLogin?: OneLogin;
  /** Lets a waiting mailbox ask again. */
  wake(destination: string): void;
}

/** The limits of one courier of a connection. */
interface OfConnection {
  readonly limits: ReadonlyMap<CourierKind, LoginLimit>;
  /** The stored usage is being read. */
  seeding: Promise<void> | undefined;
  isSeeded: boolean;
}

/** Limits shared by mailboxes for which one person logs in. */
export class LoginLimits {
  readonly #options: LoginLimitsOptions;
  readonly #connections = new Map<string, OfConnection>();

  constructor(options: LoginLimitsOptions) {
    this.#options = options;
  }

  /** Undefined if each mailbox logs in itself, or Microsoft counts by mailbox. */
  of(connection: string, courier: CourierKind): LoginLimit | undefined {
    const { couriers, oneLogin, log } = this.#options;
    if (!couriers[courier].limitsByLogin || !oneLogin?.(connection)) return undefined;
    const shared = this.#connection(connection);
    // The settings have changed since the mailbox was opened, or the store could not be read: it waits and asks again.
    if (!shared.isSeeded && !shared.seeding) {
      this.#seeded(connection, shared).catch((error: unknown) =>
        log.error({ error }, 'queue: cannot read or write the store'),
      );
    }
    return shared.limits.get(courier);
  }

  /** Reads the earlier usage if mailboxes share a login. @throws what the store throws */
  async ready(connection: string): Promise<void> {
    if (this.#options.oneLogin?.(connection)) await this.#seeded(connection, this.#connection(connection));
  }

  /** Another instance uses these logins from now on. */
  forget(connection: string): void {
    this.#connections.delete(connection);
  }

  #connection(connection: string): OfConnection {
    const { limits, couriers, wake } = this.#options;
    let shared = this.#connections.get(connection);
    if (!shared) {
      const counted = courierKinds.filter((courier) => couriers[courier].limitsByLogin);
      const limitOf = (courier: CourierKind) => {
        const concurrentPerMailbox = limits.concurrentPerMailbox ?? couriers[courier].concurrentPerMailbox;
        return new LoginLimit({ ...limits, concurrentPerMailbox }, undefined, wake);
      };
      shared = {
        limits: new Map(counted.map((courier) => [courier, limitOf(courier)])),
        seeding: undefined,
        isSeeded: false,
      };
      this.#connections.set(connection, shared);
    }
    return shared;
  }

  async #seeded(connection: string, shared: OfConnection): Promise<void> {
    if (shared.isSeeded) return;
    shared.seeding ??= this.#seed(connection, shared).finally(() => {
      shared.seeding = undefined;
    });
    await shared.seeding;
  }

  async #seed(connection: string, shared: OfConnection): Promise<void> {
    const { store, clock } = this.#options;
    const now = clock.now();
    const sent = await store.sentOfConnectionSince(connection, now - minuteMs, now);
    const ends = sent.map(({ endedAtMs }) => endedAtMs).sort((a, b) => a - b);
    shared.isSeeded = true;
    for (const limit of shared.limits.values()) limit.seed(ends);
  }
}
