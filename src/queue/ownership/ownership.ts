import type { Lease } from './lease.ts';

/** Reactions of an instance to changes in what it may deliver. */
export interface OwnershipEvents {
  /** This instance may deliver from now on. Limits, attempts and mail are read again from the store. */
  gained(lease: Lease): void;
  /**
   * Another instance is to deliver: starts nothing more, and resolves when nothing is under way and no session of ours
   * is open for it. The lease holds until then. Never rejects.
   */
  handOver(lease: Lease): Promise<void>;
  /** The lease is lost: aborts what is under way. Outcomes can no longer be written. */
  lost(lease: Lease): void;
}

/**
 * Which destinations this instance delivers. If only one instance uses a store, those are all ({@link soleOwnership});
 * otherwise each destination belongs to one instance at a time.
 */
export interface Ownership {
  /** The lease by which this instance delivers a destination; undefined if it does not. */
  leaseOf(destination: string): Lease | undefined;
  /**
   * Whether a lease holds right now, by this machine's monotonic clock; asked before anything is sent. False as soon as
   * another instance might have it.
   */
  holds(lease: Lease): boolean;
  /** Mail waits for a destination that is not ours: some instance should own it, perhaps this one. */
  wanted(destination: string): void;
  /**
   * A client waits for its own delivery: requests the destination and waits for it.
   * @returns undefined if it did not come within `patienceMs`
   */
  acquire(destination: string, patienceMs: number): Promise<Lease | undefined>;
  /** Begins to own. Rejects if the store cannot be reached. */
  start(events: OwnershipEvents): Promise<void>;
  /**
   * This instance is about to stop: gains nothing more, and hands over each lease as soon as nothing is under way under
   * it. The others continue with it meanwhile.
   */
  retire(): void;
  /** Gives up everything; deliveries have already ended. Never rejects. */
  stop(): Promise<void>;
}

/** For a store that no other instance uses. */
export function soleOwnership(nowMs: number): Ownership {
  const leaseOf = (destination: string): Lease => ({ key: destination, fence: 0, sinceMs: nowMs });
  return {
    leaseOf,
    holds: () => true,
    wanted: () => {},
    acquire: async (destination) => leaseOf(destination),
    start: async () => {},
    retire: () => {},
    stop: async () => {},
  };
}
