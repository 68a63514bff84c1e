import type { Lease } from './lease.ts';

/** A lease of this instance. Times are of the monotonic clock. */
export interface HeldLease {
  readonly lease: Lease;
  /** When a client last used it for its own delivery. */
  usedAtMs: number;
  /** The instance that asks for it, and since when. */
  request?: { readonly by: string; readonly sinceMs: number } | undefined;
  /** It is being handed over: nothing new begins. */
  isLeaving: boolean;
}

/** The leases of this instance, compared with those in the store. */
export class HeldLeases {
  readonly #held = new Map<string, HeldLease>();
  /** Fences of leases given back, until the store has recorded that. */
  readonly #givenBack = new Map<string, number>();
  /** Fences of the latest leases that have ended here. */
  readonly #ended = new Map<string, number>();

  get size(): number {
    return this.#held.size;
  }

  all(): Iterable<HeldLease> {
    return this.#held.values();
  }

  of(key: string): HeldLease | undefined {
    return this.#held.get(key);
  }

  /** Whether this instance still has this very lease. */
  has({ key, fence }: Lease): boolean {
    return this.#held.get(key)?.lease.fence === fence;
  }

  /** Whether it is newer than every lease of the key that this instance has had: an ended one does not come back. */
  isNew({ key, fence }: Lease): boolean {
    return !this.#held.has(key) && fence > (this.#ended.get(key) ?? Number.NEGATIVE_INFINITY);
  }

  /** @param usedAtMs -Infinity if no client waits */
  add(lease: Lease, usedAtMs: number): void {
    this.#held.set(lease.key, { lease, usedAtMs, isLeaving: false });
  }

  /** It is about to be given back. @returns whether it was held */
  remove(lease: Lease): boolean {
    if (!this.has(lease)) return false;
    this.#end(lease);
    this.givingBack([lease]);
    return true;
  }

  /** The same for all. @returns those that were held */
  clear(): Lease[] {
    const leases = Array.from(this.#held.values(), ({ lease }) => lease);
    for (const lease of leases) this.#end(lease);
    return leases;
  }

  /** What is given back is not won again, though a claim under way may name it. */
  givingBack(leases: readonly Lease[]): void {
    for (const { key, fence } of leases) {
      this.#givenBack.set(key, fence);
      this.#ended.set(key, fence);
    }
  }

  /** The store has them back, or could not be asked: then it names them again. */
  givenBack(leases: readonly Lease[]): void {
    for (const { key, fence } of leases) if (this.#givenBack.get(key) === fence) this.#givenBack.delete(key);
  }

  /**
   * Compares with the store.
   * @returns those that are lost, removed here; and those that this instance has without knowing
   */
  compare(inStore: readonly Lease[]): { readonly lost: readonly Lease[]; readonly unknown: readonly Lease[] } {
    const fences = new Map(inStore.map(({ key, fence }) => [key, fence]));
    const lost = Array.from(this.#held.values(), ({ lease }) => lease).filter(
      ({ key, fence }) => fences.get(key) !== fence,
    );
    for (const lease of lost) this.#end(lease);
    const unknown = inStore.filter((lease) => !this.has(lease) && this.#givenBack.get(lease.key) !== lease.fence);
    return { lost, unknown };
  }

  #end({ key, fence }: Lease): void {
    this.#held.delete(key);
    this.#ended.set(key, fence);
  }
}
