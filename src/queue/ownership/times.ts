/** Times between instances. */
export interface OwnershipTimes {
  /** An instance that has not renewed its leases for this long has lost them. */
  readonly leaseMs: number;
  /** How much earlier it stops trusting them itself: what it sends then may take a while to arrive. */
  readonly marginMs: number;
  /** Between two renewals, each with a look at what waits. */
  readonly beatMs: number;
  /** Mail that its preferred instance leaves alone for this long is taken by another. */
  readonly leftAloneMs: number;
  /** How long a destination stays here after the latest delivery of a waiting client that brought it here. */
  readonly stayMs: number;
  /** A destination without such a delivery for this long is handed over to an instance whose client waits. */
  readonly quietMs: number;
  /** With such deliveries, it is handed over after this long anyway: both instances take turns. */
  readonly turnMs: number;
  /**
   * An instance gets nothing for balance before it has lived for this long, which is longer than a lease: one renewal,
   * perhaps its last, is enough for a lease.
   */
  readonly settleMs: number;
}

export const usualTimes: OwnershipTimes = {
  leaseMs: 10_000,
  marginMs: 2_000,
  beatMs: 2_000,
  leftAloneMs: 5_000,
  stayMs: 30_000,
  quietMs: 1_000,
  turnMs: 3_000,
  settleMs: 10_500,
};
