import { sourceNetwork } from '../../accounts/networks.ts';
import type { Clock } from '../../base/clock.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const mostPerHour = 60;

/**
 * Decides which attempts of unknown callers get a line in the audit log: one per network and minute, 60 per hour
 * overall. Otherwise anybody who reaches the port could push out what was done.
 */
export class StrangerLines {
  readonly #clock: Clock;
  /** The lines of the last hour, oldest first: never more than the limit per hour. */
  #lines: { readonly network: string; readonly atMs: number }[] = [];
  #leftOut = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns how many attempts before this one have no line; undefined if this one gets none either */
  take(address: string): number | undefined {
    const nowMs = this.#clock.now();
    const network = sourceNetwork(address);
    this.#lines = this.#lines.filter(({ atMs }) => Math.abs(nowMs - atMs) < hourMs);
    const isSoon = this.#lines.some((line) => line.network === network && Math.abs(nowMs - line.atMs) < minuteMs);
    if (isSoon || this.#lines.length >= mostPerHour) {
      this.#leftOut += 1;
      return undefined;
    }
    this.#lines.push({ network, atMs: nowMs });
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }
}
