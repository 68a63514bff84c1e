import type { Lease } from './lease.ts';

/** What an instance does about what it may deliver. */
export interface OwnershipEvents {
  /** This instance may deliver from now on. What the store says of limits, attempts and mail is read anew. */
  gained(lease: Lease): void;
  /**
   * Another instance is to deliver: starts nothing more, and resolves when nothing is under way and no session of ours
   * is open for it. The lease holds until then. Never rejects.
   */
  handOver(lease: Lease): Promise<void>;
  /** The lease is lost: breaks off what is under way. What it comes to cannot be written any more. */
  lost(lease: Lease): void;
}

/**
 * Which destinations this instance delivers. Where one instance alone uses a store that is all of them
 * ({@link soleOwnership}); otherwise each destination is one instance's at a time.
 */
export interface Ownership {
  /** By which lease this instance delivers a destination; undefined where it does not. */
  leaseOf(destination: string): Lease | undefined;
  /**
   * Whether a lease holds right now, by this machine's monotonic clock: asked before anything is sent. False as soon as
   * another instance might have it.
   */
  holds(lease: Lease): boolean;
  /** Mail waits for a destination that is not ours: somebody should have it, and perhaps this instance. */
  wanted(destination: string): void;
  /**
   * A client waits for a delivery of its own: asks for the destination and waits for it.
   * @returns undefined where it did not come within `patienceMs`
   */
  acquire(destination: string, patienceMs: number): Promise<Lease | undefined>;
  /** Begins to own. Rejects where the store cannot be reached. */
  start(events: OwnershipEvents): Promise<void>;
  /**
   * This instance is about to end: gains nothing more, and hands over each lease as soon as nothing is under way by it.
   * The others go on with it meanwhile.
   */
  retire(): void;
  /** Gives up everything; deliveries have ended before. Never rejects. */
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
