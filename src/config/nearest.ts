/**
 * The candidate that a mistyped word probably means, or undefined if none is near: equal except for case, a prefix of
 * the other (at least three letters), or few letters wrong, missing, added or swapped.
 * @param wrongShare from 0 to 1: the share of letters that may be wrong; one always may
 */
export function nearest(word: string, candidates: readonly string[], wrongShare = 0.4): string | undefined {
  const lower = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const other = candidate.toLowerCase();
    const distance = isBeginning(lower, other) ? 0.5 : editDistance(lower, other);
    const allowed = Math.max(1, Math.floor(Math.max(lower.length, other.length) * wrongShare));
    if (distance <= allowed && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `; did you mean "x"?` for the nearest candidate, or nothing. */
export function suggestion(word: string, candidates: readonly string[], wrongShare?: number): string {
  const name = nearest(word, candidates, wrongShare);
  return name === undefined ? '' : `; did you mean "${name}"?`;
}

function isBeginning(a: string, b: string): boolean {
  return a !== b && Math.min(a.length, b.length) >= 3 && (a.startsWith(b) || b.startsWith(a));
}

/** Restricted Damerau-Levenshtein distance. Words of more than 64 letters count as far apart. */
function editDistance(a: string, b: string): number {
  if (a.length > 64 || b.length > 64) return Number.POSITIVE_INFINITY;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(
          (last[j] ?? 0) + 1,
          (row[j - 1] ?? 0) + 1,
          (last[j - 1] ?? 0) + change,
          swapped ? (beforeLast[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
