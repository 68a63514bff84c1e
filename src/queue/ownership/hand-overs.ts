import type { Clock } from '../../base/clock.ts';
import type { Balance } from './balance.ts';
import type { HeldLease, HeldLeases } from './held-leases.ts';
import type { Lease, LeaseTable } from './lease.ts';
import type { LeaseCalls } from './lease-calls.ts';
import type { OwnershipLog } from './ownership-log.ts';
import type { WaitingMail } from './waiting-mail.ts';

/** How many leave for balance at a time, and how often. */
const mostLeaving = 50;
const everyMs = 200;
/** A request that has to wait for its turn is looked at again after this time. */
const nextTurnMs = 250;

export interface HandOversOptions {
  readonly leases: LeaseTable;
  readonly calls: LeaseCalls;
  readonly clock: Clock;
  readonly monotonicMs: () => number;
  readonly log: OwnershipLog;
  readonly held: HeldLeases;
  readonly mail: WaitingMail;
  readonly balance: Balance;
  /** Resolves when nothing is under way under a lease. Never rejects. */
  end(lease: Lease): Promise<void>;
  /** The hand-over is recorded in the store. */
  done(): void;
}

interface Leaving {
  readonly lease: Lease;
  /** Undefined: the preferred instance. */
  readonly to: string | undefined;
  /** A client waits there. */
  readonly isRequested: boolean;
}

/** Leases on their way to other instances: those that a client waits for at once, others a few at a time. */
export class HandOvers {
  readonly #options: HandOversOptions;
  #balancing = 0;
  #nextMs = Number.NEGATIVE_INFINITY;
  #ended: Leaving[] = [];

  constructor(options: HandOversOptions) {
    this.#options = options;
  }

  /** @returns after how many milliseconds there may be more to hand over; undefined: when something changes */
  look(): number | undefined {
    const turnMs = this.#lookAtRequests();
    return this.#lookAtBalance() ?? turnMs;
  }

  /** This instance stops: all leases leave, each as soon as it is idle. */
  leaveAll(): void {
    for (const each of this.#options.held.all()) if (!each.isLeaving) void this.#leave(each, undefined, false);
  }

  /** Gives up leases that are no longer held. Never rejects: the next renewal names those the store still has. */
  async giveBack(released: readonly { readonly lease: Lease; readonly to?: string }[]): Promise<void> {
    const { held, calls, leases, log } = this.#options;
    const given = released.map(({ lease }) => lease);
    held.givingBack(given);
    try {
      await calls.run(() => leases.release(released));
    } catch (error) {
      log.failed(error);
    } finally {
      held.givenBack(given);
    }
  }

  #lookAtRequests(): number | undefined {
    const { held, balance, monotonicMs } = this.#options;
    let againMs: number | undefined;
    for (const each of held.all()) {
      if (!each.request || each.isLeaving) continue;
      const to = balance.requester(each, monotonicMs());
      if (to === undefined) againMs = nextTurnMs;
      else void this.#leave(each, to, true);
    }
    return againMs;
  }

  #lookAtBalance(): number | undefined {
    const { held, balance, monotonicMs } = this.#options;
    const nowMs = monotonicMs();
    let started = 0;
    for (const each of held.all()) {
      const to = each.isLeaving ? undefined : balance.destined(each, nowMs);
      if (to === undefined) continue;
      if (nowMs < this.#nextMs) return this.#nextMs - nowMs;
      if (this.#balancing >= mostLeaving || started++ >= mostLeaving) {
        this.#nextMs = nowMs + everyMs;
        return everyMs;
      }
      this.#balancing++;
      void this.#leave(each, to, false).then(() => this.#balancing--);
    }
    return undefined;
  }

  async #leave(held: HeldLease, to: string | undefined, isRequested: boolean): Promise<void> {
    held.isLeaving = true;
    await this.#options.end(held.lease);
    // It may have been lost meanwhile.
    if (!this.#options.held.remove(held.lease)) return;
    this.#ended.push({ lease: held.lease, to, isRequested });
    if (this.#ended.length === 1) this.#options.clock.after(0, () => void this.#release());
  }

  async #release(): Promise<void> {
    const { mail, log, done } = this.#options;
    const ended = this.#ended;
    this.#ended = [];
    for (const { to } of ended) if (to !== undefined) log.handedOver(to);
    // If no mail waits, nobody would claim it, and it would be kept from those that need it.
    const isMeant = ({ lease, isRequested }: Leaving) => isRequested || mail.has(lease.key);
    await this.giveBack(
      ended.map(({ lease, to, isRequested }) =>
        to !== undefined && isMeant({ lease, to, isRequested }) ? { lease, to } : { lease },
      ),
    );
    done();
  }
}
