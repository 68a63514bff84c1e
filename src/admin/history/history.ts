import type { BridgeEvents, MessageEvent, TimedHop } from '../metrics/events.ts';
import { type KeptTier, Tier } from './tier.ts';

/** The ranges of the history. */
export const historyRanges = ['hour', 'day', 'week'] as const;
export type HistoryRange = (typeof historyRanges)[number];

/** The values kept for each step. */
export const historySeries = [
  'accepted',
  'delivered',
  'deferred',
  'failed',
  'queued',
  'latencyP50Ms',
  'latencyP95Ms',
] as const;
export type HistorySeries = (typeof historySeries)[number];

/** What happened in a range, oldest step first. */
export interface HistoryView {
  readonly stepSeconds: number;
  /** Start of the first step, ISO 8601. */
  readonly from: string;
  /** A value for each step; null if nothing is known: the bridge did not run, or nothing was delivered. */
  readonly series: Readonly<Record<HistorySeries, readonly (number | null)[]>>;
}

const second = 1000;
const minute = 60 * second;

const tiers = {
  hour: { stepMs: 10 * second, steps: 360 },
  day: { stepMs: minute, steps: 1440 },
  week: { stepMs: 10 * minute, steps: 1008 },
} as const;

/** What is written to disk. */
export interface KeptHistory {
  readonly version: 1;
  readonly tiers: Readonly<Record<HistoryRange, KeptTier>>;
}

const counted = ['accepted', 'delivered', 'deferred', 'failed'] as const;

/** Samples of a bridge's activity: fine ones of the last hour, coarser ones of the last day and week. */
export class History implements Pick<BridgeEvents, 'message' | 'hop'> {
  readonly #tiers: Readonly<Record<HistoryRange, Tier>> = {
    hour: new Tier(tiers.hour),
    day: new Tier(tiers.day),
    week: new Tier(tiers.week),
  };
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  message({ kind }: MessageEvent): void {
    const series = counted.find((each) => each === kind);
    if (series) this.#each((cell) => cell.counts[series]++);
  }

  hop(hop: TimedHop, _courier: string, ms: number): void {
    if (hop === 'whole') this.#each((cell) => cell.latencies.add(ms));
  }

  /** The bridge runs, and this many messages are queued now; undefined: unknown. */
  sample(queued: number | undefined): void {
    this.#each((cell) => {
      cell.queued = queued ?? cell.queued;
    });
  }

  view(range: HistoryRange): HistoryView {
    const { stepMs } = tiers[range];
    const { fromMs, cells } = this.#tiers[range].last(this.#nowMs());
    const column = (of: (cell: NonNullable<(typeof cells)[number]>) => number | undefined) =>
      cells.map((cell) => (cell && of(cell)) ?? null);
    const percentile = (share: number) => column(({ latencies }) => latencies.percentile(share));
    return {
      stepSeconds: stepMs / second,
      from: new Date(fromMs).toISOString(),
      series: {
        accepted: column(({ counts }) => counts.accepted),
        delivered: column(({ counts }) => counts.delivered),
        deferred: column(({ counts }) => counts.deferred),
        failed: column(({ counts }) => counts.failed),
        queued: column(({ queued }) => queued),
        latencyP50Ms: percentile(0.5),
        latencyP95Ms: percentile(0.95),
      },
    };
  }

  kept(): KeptHistory {
    const nowMs = this.#nowMs();
    const { hour, day, week } = this.#tiers;
    return { version: 1, tiers: { hour: hour.kept(nowMs), day: day.kept(nowMs), week: week.kept(nowMs) } };
  }

  /** Restores what an earlier run has kept; anything that is not a history is skipped. */
  restore(kept: unknown): void {
    const { version, tiers: found } = (kept ?? {}) as Partial<KeptHistory>;
    if (version !== 1) return;
    for (const range of historyRanges) this.#tiers[range].restore(found?.[range], this.#nowMs());
  }

  #each(change: (cell: ReturnType<Tier['cell']>) => void): void {
    const nowMs = this.#nowMs();
    for (const range of historyRanges) change(this.#tiers[range].cell(nowMs));
  }
}
