import type { Clock } from '../../base/clock.ts';
import type { Balance } from './balance.ts';
import type { HeldLeases } from './held-leases.ts';
import type { Instances } from './instances.ts';
import type { Lease, LeaseTable } from './lease.ts';
import type { LeaseCalls } from './lease-calls.ts';
import type { OwnershipLog } from './ownership-log.ts';
import type { WaitingClients } from './waiting-clients.ts';
import type { WaitingMail } from './waiting-mail.ts';

const mostAtOnce = 500;

export interface ClaimsOptions {
  readonly leases: LeaseTable;
  readonly calls: LeaseCalls;
  readonly clock: Clock;
  readonly monotonicMs: () => number;
  readonly log: OwnershipLog;
  readonly held: HeldLeases;
  readonly instances: Instances;
  readonly mail: WaitingMail;
  readonly clients: WaitingClients;
  readonly balance: Balance;
  /** Whether this instance may own anything now. */
  isActive(): boolean;
  gained(lease: Lease): void;
}

/** How this instance gets leases: for mail and for waiting clients. Every call rejects as the store does. */
export class Claims {
  readonly #options: ClaimsOptions;

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /** @param isNudged leases were released somewhere */
  async claim(isNudged: boolean): Promise<void> {
    const { mail, clients, held, isActive } = this.#options;
    if (!isActive()) return;
    const wanted = new Set([...clients.keys(), ...mail.take(isNudged)]);
    const keys = [...wanted].filter((key) => !held.of(key));
    for (let at = 0; at < keys.length && isActive(); at += mostAtOnce)
      await this.#claim(keys.slice(at, at + mostAtOnce));
  }

  /** Asks other owners for the keys that clients wait for. */
  async request(): Promise<void> {
    const { clients, held, calls, leases, isActive } = this.#options;
    const keys = clients.keys().filter((key) => !held.of(key));
    for (const key of clients.toAsk(keys)) if (isActive()) await calls.run(() => leases.request(key));
  }

  async #claim(keys: readonly string[]): Promise<void> {
    const { calls, leases, clock, instances } = this.#options;
    const chosenAmong = instances.names;
    await calls.run(
      () => leases.claim(keys, clock.now()),
      (won) => this.#won(won, chosenAmong),
    );
  }

  /** Without a valid lease of this instance they may already be another's: the next renewal shows that. */
  #won(leases: readonly Lease[], chosenAmong: readonly string[]): void {
    const { held, instances, isActive } = this.#options;
    if (!isActive()) return;
    for (const lease of leases) {
      if (!held.isNew(lease)) continue;
      if (chosenAmong === instances.names) this.#noteLeftAlone(lease.key);
      this.#gain(lease);
    }
  }

  #noteLeftAlone(key: string): void {
    const { instances, leases, clients, balance, monotonicMs } = this.#options;
    const preferred = instances.preferredFor(key);
    if (preferred === undefined || preferred === leases.self || clients.has(key)) return;
    balance.leftAlone(preferred, monotonicMs());
  }

  #gain(lease: Lease): void {
    const { held, mail, log, clients, gained } = this.#options;
    const { key } = lease;
    held.add(lease, clients.lastMs(key));
    mail.gained(key);
    log.gained(key);
    gained(lease);
    clients.won(lease);
  }
}
