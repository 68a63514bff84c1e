import { Latencies } from './latencies.ts';

/** What happened in one step. */
export interface HistoryCell {
  readonly counts: { accepted: number; delivered: number; deferred: number; failed: number };
  queued: number | undefined;
  readonly latencies: Latencies;
}

/** Steps by their number since 1970: number, accepted, delivered, deferred, failed, queued or null, latencies. */
export type KeptTier = readonly (readonly [number, number, number, number, number, number | null, readonly number[]])[];

/** The last steps of one length. */
export class Tier {
  readonly #stepMs: number;
  readonly #steps: number;
  readonly #cells = new Map<number, HistoryCell>();

  constructor({ stepMs, steps }: { readonly stepMs: number; readonly steps: number }) {
    this.#stepMs = stepMs;
    this.#steps = steps;
  }

  /** The cell of this moment, created if needed. */
  cell(nowMs: number): HistoryCell {
    const step = Math.floor(nowMs / this.#stepMs);
    const known = this.#cells.get(step);
    if (known) return known;
    const cell = newCell();
    this.#cells.set(step, cell);
    this.#forget(step);
    return cell;
  }

  /** All steps up to now, oldest first; undefined for those of which nothing is known. */
  last(nowMs: number): { readonly fromMs: number; readonly cells: readonly (HistoryCell | undefined)[] } {
    const first = this.#first(Math.floor(nowMs / this.#stepMs));
    const cells = Array.from({ length: this.#steps }, (_, index) => this.#cells.get(first + index));
    return { fromMs: first * this.#stepMs, cells };
  }

  kept(nowMs: number): KeptTier {
    this.#forget(Math.floor(nowMs / this.#stepMs));
    return [...this.#cells].map(([step, { counts, queued, latencies }]) => [
      ...([step, counts.accepted, counts.delivered, counts.deferred, counts.failed] as const),
      queued ?? null,
      latencies.kept(),
    ]);
  }

  restore(kept: unknown, nowMs: number): void {
    if (!Array.isArray(kept)) return;
    const now = Math.floor(nowMs / this.#stepMs);
    for (const entry of kept.slice(0, this.#steps) as unknown[]) {
      const cell = cellOf(entry);
      if (cell && cell.step <= now) this.#cells.set(cell.step, cell);
    }
    this.#forget(now);
  }

  /** Forgets what is too old, and what lies in the future because the clock was set back. */
  #forget(now: number): void {
    const first = this.#first(now);
    for (const step of this.#cells.keys()) if (step < first || step > now) this.#cells.delete(step);
  }

  #first(now: number): number {
    return now - this.#steps + 1;
  }
}

function newCell(): HistoryCell {
  return {
    counts: { accepted: 0, delivered: 0, deferred: 0, failed: 0 },
    queued: undefined,
    latencies: new Latencies(),
  };
}

/** Undefined if a file contains something else. */
function cellOf(entry: unknown): (HistoryCell & { readonly step: number }) | undefined {
  if (!Array.isArray(entry)) return undefined;
  const [step, accepted, delivered, deferred, failed, queued, latencies] = entry as unknown[];
  const numbers = [step, accepted, delivered, deferred, failed];
  if (!numbers.every((each) => Number.isSafeInteger(each)) || !Array.isArray(latencies)) return undefined;
  const cell = newCell();
  Object.assign(cell.counts, { accepted, delivered, deferred, failed });
  cell.queued = Number.isSafeInteger(queued) ? (queued as number) : undefined;
  cell.latencies.restore(latencies as number[]);
  return { ...cell, step: step as number };
}
