/**
 * The right of one instance to deliver what has one key: a destination, or all destinations of a connection whose
 * mailboxes share a login.
 */
export interface Lease {
  readonly key: string;
  /** Increases with each owner. The store refuses a write with any fence but the latest. */
  readonly fence: number;
  /**
   * When this instance became the owner, in milliseconds since 1970: no attempt of an earlier owner has been under way
   * since.
   */
  readonly sinceMs: number;
}

/** The answer to a renewal. Names of instances are unique. */
export interface LeaseNews {
  /** Live instances that do not retire, sorted: including this one, unless it retires. */
  readonly instances: readonly string[];
  /** Leases that this instance still has. */
  readonly held: readonly Lease[];
  /** Those of its keys that another instance asks for. */
  readonly requested: readonly { readonly key: string; readonly by: string }[];
}

/**
 * Records who delivers what in a store that several instances share. Lifetimes are measured by the store's clock. Every
 * call rejects while the store cannot be reached.
 */
export interface LeaseTable {
  /** The name of this instance in the store. */
  readonly self: string;
  /** Keeps this instance and its leases alive for this long from now. The first call registers it. */
  renew(leaseMs: number): Promise<LeaseNews>;
  /**
   * Becomes the owner of those keys that have none, or whose owner is dead. A key handed over to another instance by
   * name stays reserved for it for `leaseMs`, as long as it lives. @returns the leases won
   */
  claim(keys: readonly string[], nowMs: number): Promise<readonly Lease[]>;
  /** Asks the owner of a key to hand it over to this instance. */
  request(key: string): Promise<void>;
  /** Gives leases up, each for any instance or for the one named. A lease no longer ours stays as it is. */
  release(leases: readonly { readonly lease: Lease; readonly to?: string }[]): Promise<void>;
  /**
   * This instance takes nothing more: from now on the others divide the mail without it, and are notified of that at
   * once. Its leases hold for as long as it renews them.
   */
  retire(): Promise<void>;
  /** Gives up everything: this instance stops. */
  leave(): Promise<void>;
}
