const units = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
] as const;

/** `3 d`, `14 min`, `82 s`: a duration in the largest unit of which it has at least two. */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${Number((ms / 1_000).toFixed(1))} s`;
  const seconds = Math.floor(ms / 1_000);
  const [size, unit] = units.find(([each]) => seconds >= 2 * each) ?? [1, 's'];
  return `${Math.floor(seconds / size)} ${unit}`;
}

const minute = 60_000;

/** Distances in milliseconds for durations on an axis: the first five or so labels differ. */
export const spanTicks: number[] = [
  ...[10, 50, 100, 500, 1_000, 5_000, 10_000, 20_000],
  ...[minute, 5 * minute, 20 * minute, 60 * minute, 360 * minute, 1_440 * minute],
];
