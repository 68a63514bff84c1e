import { sourceNetwork } from '../../accounts/networks.ts';
import type { Clock } from '../../base/clock.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const mostPerHour = 60;

/**
 * Which attempts of strangers get a line in the audit log: one of a network in a minute, 60 in an hour over all. Else
 * whoever reaches the port could push out what was done.
 */
export class StrangerLines {
  readonly #clock: Clock;
  /** The lines of the last hour, the oldest first: never more than an hour may have. */
  #lines: { readonly network: string; readonly atMs: number }[] = [];
  #leftOut = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns how many attempts before this one have no line; undefined where this one gets none either */
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
