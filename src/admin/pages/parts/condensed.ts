export type Values = readonly (number | null)[];

/** `per-minute`: the history counts what happened in each step. The others are for plain values. */
export type Join = 'per-minute' | 'mean' | 'most';

/** Values of steps, by name, oldest first. */
export interface StepValues<Key extends string> {
  readonly stepSeconds: number;
  /** Start of the first step, ISO 8601. */
  readonly from: string;
  readonly series: Readonly<Record<Key, Values>>;
}

/** More points make a plot restless, not richer. */
const mostPoints = 120;
/** Fewer steps make no plot. */
const fewestSteps = 30;

/**
 * Reduces a history to a readable number of steps by merging neighbours. The last one, still under way, is left out,
 * and so is the time before anything is known.
 */
export function condensed<Key extends string>(
  { from, stepSeconds, series }: StepValues<Key>,
  wanted: readonly { readonly key: NoInfer<Key>; readonly join: Join }[],
): { readonly times: readonly number[]; readonly columns: readonly Values[] } {
  const end = Math.max(0, ...wanted.map(({ key }) => series[key].length - 1));
  const steps = Math.min(end, Math.max(fewestSteps, end - firstKnown(wanted.map(({ key }) => series[key]))));
  const size = Math.max(1, Math.ceil(steps / mostPoints));
  const points = Math.floor(steps / size);
  // Counted from the newest: incomplete points are at the old end.
  const first = end - points * size;
  const start = new Date(from).getTime() / 1_000;
  return {
    times: Array.from({ length: points }, (_, i) => start + (first + i * size) * stepSeconds),
    columns: wanted.map(({ key, join }) =>
      Array.from({ length: points }, (_, i) => {
        const at = first + i * size;
        return joined(series[key].slice(at, at + size), join, stepSeconds);
      }),
    ),
  };
}

function firstKnown(columns: readonly Values[]): number {
  const found = columns.map((values) => values.findIndex((each) => each !== null)).filter((at) => at >= 0);
  return Math.min(Number.POSITIVE_INFINITY, ...found);
}

function joined(values: Values, join: Join, stepSeconds: number): number | null {
  const known = values.filter((each) => each !== null);
  if (known.length === 0) return null;
  if (join === 'most') return Math.max(...known);
  const mean = known.reduce((sum, each) => sum + each, 0) / known.length;
  return join === 'mean' ? mean : (mean * 60) / stepSeconds;
}
