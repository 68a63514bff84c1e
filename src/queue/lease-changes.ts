import type { Log } from '../base/log.ts';
import type { Destination } from './destination.ts';
import type { DestinationLimits } from './limits/destinations.ts';
import type { OpenDestinations } from './open-destinations.ts';
import type { Lease } from './ownership/lease.ts';
import type { Ownership, OwnershipEvents } from './ownership/ownership.ts';

export interface LeaseChangesOptions {
  readonly ownership: Ownership;
  readonly log: Log;
  readonly limits: DestinationLimits;
  /** Closes what is open at the upstream for a mailbox; default: nothing is open. */
  closeSessions?(destination: string): Promise<void>;
  /** Opens the destinations that have mail and are this instance's. */
  lookForMail(): void;
}

/** Starts and stops the delivery of destinations as their leases come and go. */
export class LeaseChanges implements OwnershipEvents {
  readonly #options: LeaseChangesOptions;
  readonly #destinations: OpenDestinations;
  /** Fences of leases that are being handed over or are gone: nothing begins under them any more. */
  readonly #ended = new Map<string, number>();

  constructor(options: LeaseChangesOptions, destinations: OpenDestinations) {
    this.#options = options;
    this.#destinations = destinations;
  }

  /** The lease by which this instance may begin to deliver a destination. */
  leaseOf(destination: string): Lease | undefined {
    const lease = this.#options.ownership.leaseOf(destination);
    return lease && this.#ended.get(lease.key) !== lease.fence ? lease : undefined;
  }

  gained(lease: Lease): void {
    this.#ended.delete(lease.key);
    // Another instance has sent under the lease, so the usage remembered here is too low.
    this.#options.limits.renew();
    this.#options.lookForMail();
  }

  async handOver(lease: Lease): Promise<void> {
    this.#ended.set(lease.key, lease.fence);
    const destinations = this.#destinations.ofLease(lease);
    const closed = Promise.all(destinations.map((each) => each.close()));
    await closed;
    await this.closeSessions(destinations);
    this.#destinations.forget(destinations, closed);
  }

  lost(lease: Lease): void {
    this.#ended.set(lease.key, lease.fence);
    const destinations = this.#destinations.ofLease(lease);
    if (destinations.length === 0) return;
    this.#options.log.warn(
      { lease: lease.key, fence: lease.fence },
      'a lease was lost: what was under way is broken off',
    );
    for (const each of destinations) each.lose();
    const closed = Promise.all(destinations.map((each) => each.close()));
    this.#destinations.forget(destinations, closed);
    void this.closeSessions(destinations);
  }

  /** Closes what is open at the upstream for them. Never rejects. */
  async closeSessions(destinations: readonly Destination[]): Promise<void> {
    const { closeSessions, log } = this.#options;
    if (!closeSessions) return;
    const closing = destinations.map(async ({ key }) => {
      try {
        await closeSessions(key);
      } catch (error) {
        log.error({ error, destination: key }, 'queue: cannot close the sessions of a mailbox');
      }
    });
    await Promise.all(closing);
  }
}
