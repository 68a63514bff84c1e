/**
 * The right of one instance to deliver what has one key: a destination, or all destinations of a connection whose
 * mailboxes share a login.
 */
export interface Lease {
  readonly key: string;
  /** Grows with each owner. The store refuses a write with another than the latest. */
  readonly fence: number;
  /** When this instance became the owner, in milliseconds since 1970: no attempt of an earlier one is under way since. */
  readonly sinceMs: number;
}

/** What a renewal tells. Names of instances are unique. */
export interface LeaseNews {
  /** Instances that live and do not retire, sorted: this one included, unless it does. */
  readonly instances: readonly string[];
  /** Leases that this instance still has. */
  readonly held: readonly Lease[];
  /** Keys of these that another instance asks for. */
  readonly requested: readonly { readonly key: string; readonly by: string }[];
}

/**
 * Who delivers what, kept in a store that several instances share. Lifetimes are measured by the store's clock. Every
 * call rejects while the store cannot be reached.
 */
export interface LeaseTable {
  /** The name of this instance in the store. */
  readonly self: string;
  /** This instance lives for so long from now, and its leases with it. The first call enters it. */
  renew(leaseMs: number): Promise<LeaseNews>;
  /**
   * Becomes the owner of those keys that have none, or whose owner lives no more; one that was handed over to another
   * instance by name is that one's for `leaseMs`, as long as it lives. @returns the leases won
   */
  claim(keys: readonly string[], nowMs: number): Promise<readonly Lease[]>;
  /** Asks the owner of a key to hand it over to this instance. */
  request(key: string): Promise<void>;
  /** Gives leases up, each for any instance or for the one named. One that is no longer ours stays as it is. */
  release(leases: readonly { readonly lease: Lease; readonly to?: string }[]): Promise<void>;
  /**
   * This instance takes nothing more: the others divide what has mail without it from now on, and hear of that at once.
   * Its leases hold for as long as it renews them.
   */
  retire(): Promise<void>;
  /** Gives up everything: this instance ends. */
  leave(): Promise<void>;
}
