import type { Clock } from '../../base/clock.ts';
import type { Lease } from './lease.ts';

/** A key that clients have waited for is still taken for this long after them: they will be back. */
const rememberedMs = 10_000;
/** The owner is asked again after this time: the request may have been lost with an earlier owner. */
const askAgainMs = 2_000;

type Resolve = (lease: Lease | undefined) => void;

interface WaitedFor {
  readonly clients: Set<Resolve>;
  /** When the last client waited, or will stop waiting. */
  lastMs: number;
  askedAtMs: number;
}

/** Clients that wait until this instance owns a key. Times are of the monotonic clock. */
export class WaitingClients {
  readonly #clock: Clock;
  readonly #monotonicMs: () => number;
  readonly #keys = new Map<string, WaitedFor>();

  constructor(clock: Clock, monotonicMs: () => number) {
    this.#clock = clock;
    this.#monotonicMs = monotonicMs;
  }

  /** Whether a client waits right now. */
  get isAny(): boolean {
    for (const { clients } of this.#keys.values()) if (clients.size > 0) return true;
    return false;
  }

  /** Resolves when the key is won; with undefined after `patienceMs`, or when it cannot be won. */
  wait(key: string, patienceMs: number): Promise<Lease | undefined> {
    const lastMs = this.#monotonicMs() + patienceMs;
    const waited = this.#keys.get(key) ?? { clients: new Set(), lastMs, askedAtMs: Number.NEGATIVE_INFINITY };
    this.#keys.set(key, waited);
    waited.lastMs = Math.max(waited.lastMs, lastMs);
    return new Promise((resolve) => {
      const end: Resolve = (lease) => {
        cancel();
        waited.clients.delete(end);
        resolve(lease);
      };
      const cancel = this.#clock.after(patienceMs, () => end(undefined));
      waited.clients.add(end);
    });
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  keys(): string[] {
    const nowMs = this.#monotonicMs();
    for (const [key, { clients, lastMs }] of this.#keys) {
      if (clients.size === 0 && lastMs + rememberedMs <= nowMs) this.#keys.delete(key);
    }
    return [...this.#keys.keys()];
  }

  /** Those keys whose owner is to be asked now, for a waiting client. */
  toAsk(keys: readonly string[]): string[] {
    const nowMs = this.#monotonicMs();
    return keys.filter((key) => {
      const waited = this.#keys.get(key);
      if (!waited || waited.clients.size === 0 || nowMs - waited.askedAtMs < askAgainMs) return false;
      waited.askedAtMs = nowMs;
      return true;
    });
  }

  /** When a client last waited for it; -Infinity: none has lately. */
  lastMs(key: string): number {
    const waited = this.#keys.get(key);
    return waited ? Math.min(waited.lastMs, this.#monotonicMs()) : Number.NEGATIVE_INFINITY;
  }

  won(lease: Lease): void {
    const clients = this.#keys.get(lease.key)?.clients ?? [];
    this.#keys.delete(lease.key);
    for (const end of [...clients]) end(lease);
  }

  /** Nobody needs to wait: the keys cannot be won. */
  refuse(): void {
    for (const { clients } of this.#keys.values()) for (const end of [...clients]) end(undefined);
    this.#keys.clear();
  }
}
