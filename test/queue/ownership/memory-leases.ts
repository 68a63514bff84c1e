import type { Lease, LeaseNews, LeaseTable } from '../../../src/queue/ownership/lease.ts';

interface Row {
  owner: string | undefined;
  fence: number;
  sinceMs: number;
  meantFor: { readonly instance: string; readonly untilMs: number } | undefined;
  readonly requestedBy: Set<string>;
}

/**
 * The table of leases of a store that is a map: exact, with a clock of its own. It makes nothing easier than a store
 * may: a claim of an instance that lives no more is served, and one of its own lease gives that again.
 */
export class MemoryLeases {
  /** Called whenever instances come or go, or leases are released or requested. */
  onChange: () => void = () => {};
  /** How many leases have changed owner. */
  moves = 0;
  readonly #nowMs: () => number;
  readonly #rows = new Map<string, Row>();
  readonly #instances = new Map<string, { readonly untilMs: number; readonly leaseMs: number }>();
  readonly #retiring = new Set<string>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** The table as one instance sees it. */
  table(self: string): LeaseTable {
    return {
      self,
      renew: async (leaseMs) => this.#renew(self, leaseMs),
      claim: async (keys, nowMs) => keys.flatMap((key) => this.#claim(self, key, nowMs)),
      request: async (key) => this.#request(self, key),
      release: async (leases) => this.#release(self, leases),
      retire: async () => this.#retire(self),
      leave: async () => this.#leave(self),
    };
  }

  /** The live instance that has a key. */
  ownerOf(key: string): string | undefined {
    const owner = this.#rows.get(key)?.owner;
    return owner !== undefined && this.#lives(owner) ? owner : undefined;
  }

  #renew(self: string, leaseMs: number): LeaseNews {
    const isNew = !this.#lives(self);
    this.#instances.set(self, { untilMs: this.#nowMs() + leaseMs, leaseMs });
    const own = [...this.#rows].filter(([, { owner }]) => owner === self);
    if (isNew) this.onChange();
    return {
      instances: [...this.#instances.keys()].filter((name) => this.#takes(name)).toSorted(),
      held: own.map(([key, { fence, sinceMs }]) => ({ key, fence, sinceMs })),
      requested: own.flatMap(([key, { requestedBy }]) =>
        [...requestedBy].filter((by) => !this.#retiring.has(by)).map((by) => ({ key, by })),
      ),
    };
  }

  #claim(self: string, key: string, nowMs: number): Lease[] {
    const row = this.#rows.get(key);
    if (row?.owner === self) return [{ key, fence: row.fence, sinceMs: row.sinceMs }];
    if (row?.owner !== undefined && this.#lives(row.owner)) return [];
    if (row?.meantFor && row.meantFor.untilMs > this.#nowMs()) {
      const { instance } = row.meantFor;
      if (instance !== self && this.#takes(instance)) return [];
    }
    const fence = (row?.fence ?? 0) + 1;
    this.#rows.set(key, { owner: self, fence, sinceMs: nowMs, meantFor: undefined, requestedBy: new Set() });
    this.moves++;
    return [{ key, fence, sinceMs: nowMs }];
  }

  #request(self: string, key: string): void {
    const row = this.#rows.get(key);
    if (!row || row.owner === undefined || row.owner === self) return;
    row.requestedBy.add(self);
    this.onChange();
  }

  #release(self: string, leases: readonly { readonly lease: Lease; readonly to?: string }[]): void {
    for (const { lease, to } of leases) {
      const row = this.#rows.get(lease.key);
      if (row?.owner !== self || row.fence !== lease.fence) continue;
      const { leaseMs } = this.#instances.get(self) ?? { leaseMs: 0 };
      row.owner = undefined;
      row.requestedBy.clear();
      row.meantFor = to === undefined ? undefined : { instance: to, untilMs: this.#nowMs() + leaseMs };
    }
    this.onChange();
  }

  #retire(self: string): void {
    this.#retiring.add(self);
    this.onChange();
  }

  #leave(self: string): void {
    this.#retiring.delete(self);
    this.#instances.delete(self);
    for (const row of this.#rows.values()) {
      row.requestedBy.delete(self);
      if (row.owner !== self) continue;
      row.owner = undefined;
      row.requestedBy.clear();
    }
    this.onChange();
  }

  #takes(instance: string): boolean {
    return this.#lives(instance) && !this.#retiring.has(instance);
  }

  #lives(instance: string): boolean {
    return (this.#instances.get(instance)?.untilMs ?? Number.NEGATIVE_INFINITY) > this.#nowMs();
  }
}
