import type { HeldLease, HeldLeases } from './held-leases.ts';
import type { Instances } from './instances.ts';
import type { OwnershipTimes } from './times.ts';

/** How long nothing more is given to an instance that left mail alone; doubled each time it does so again. */
const firstKeptMs = 15_000;
const longestKeptMs = 10 * 60_000;
const againWithinMs = 30_000;

/** Decides which leases of this instance another one should have. Times are of the monotonic clock. */
export class Balance {
  readonly #self: string;
  readonly #times: OwnershipTimes;
  readonly #instances: Instances;
  readonly #sinceMs = new Map<string, number>();
  /** Instances that left mail alone that was theirs to take: they get nothing until then. */
  readonly #inert = new Map<string, { readonly untilMs: number; readonly forMs: number }>();

  constructor(self: string, times: OwnershipTimes, instances: Instances) {
    this.#self = self;
    this.#times = times;
    this.#instances = instances;
  }

  joined(instance: string, nowMs: number): void {
    this.#sinceMs.set(instance, nowMs);
  }

  gone(instance: string): void {
    this.#sinceMs.delete(instance);
    this.#inert.delete(instance);
  }

  /** This instance has taken mail that another one should have taken long ago. */
  leftAlone(instance: string, nowMs: number): void {
    const known = this.#inert.get(instance);
    if (known && known.untilMs > nowMs) return;
    const isAgain = known !== undefined && nowMs - known.untilMs < againWithinMs;
    const forMs = isAgain ? Math.min(longestKeptMs, known.forMs * 2) : firstKeptMs;
    this.#inert.set(instance, { untilMs: nowMs + forMs, forMs });
  }

  /** The instance at which a client waits, if it is its turn. */
  requester({ request, usedAtMs }: HeldLease, nowMs: number): string | undefined {
    if (!request) return undefined;
    const { quietMs, turnMs } = this.#times;
    const isItsTurn = nowMs - usedAtMs >= quietMs || nowMs - request.sinceMs >= turnMs;
    return isItsTurn ? request.by : undefined;
  }

  /** The instance that a lease belongs to, if it may go there now. */
  destined({ lease, usedAtMs }: HeldLease, nowMs: number): string | undefined {
    const preferred = this.#instances.preferredFor(lease.key);
    if (preferred === undefined || preferred === this.#self) return undefined;
    const { settleMs, stayMs } = this.#times;
    const settled = nowMs - (this.#sinceMs.get(preferred) ?? nowMs) >= settleMs;
    const isInert = (this.#inert.get(preferred)?.untilMs ?? nowMs) > nowMs;
    return settled && !isInert && nowMs - usedAtMs >= stayMs ? preferred : undefined;
  }

  /** Notes which instance asks for which lease. */
  requested(held: HeldLeases, requests: readonly { readonly key: string; readonly by: string }[], nowMs: number): void {
    const by = new Map(requests.map((each) => [each.key, each.by]));
    for (const each of held.all()) {
      const asking = by.get(each.lease.key);
      if (asking === undefined) each.request = undefined;
      else each.request = { by: asking, sinceMs: each.request?.sinceMs ?? nowMs };
    }
  }
}
