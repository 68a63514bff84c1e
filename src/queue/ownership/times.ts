/** How long things take between instances. */
export interface OwnershipTimes {
  /** An instance that has not renewed its leases for so long has none any more. */
  readonly leaseMs: number;
  /** So much earlier it stops trusting them itself: what it sends then may take a while to arrive. */
  readonly marginMs: number;
  /** Between two renewals, each with a look at what waits. */
  readonly beatMs: number;
  /** Mail that its preferred instance leaves alone for so long, another one takes. */
  readonly leftAloneMs: number;
  /** A destination that a client's own delivery brought here stays for so long after the latest one. */
  readonly stayMs: number;
  /** A destination without such a delivery for so long is handed over to an instance whose client waits. */
  readonly quietMs: number;
  /** With more of them, after so long all the same: both have their turns. */
  readonly turnMs: number;
  /**
   * Nothing is moved to another instance, for balance alone, before it has lived for so long: longer than a lease, which
   * one renewal makes, perhaps the last one.
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
