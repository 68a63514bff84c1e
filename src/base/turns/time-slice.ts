import { setImmediate as nextTurn } from 'node:timers/promises';

/** Items sorted before yielding to other work. */
const sortedAtOnce = 5_000;

/** Milliseconds that a command works before yielding. */
const sliceMs = 20;

/**
 * Cuts the work of one command into slices, so that one over a hundred thousand messages does not block everything
 * else. Use `if (slice.isOver) await slice.next();` in the loop.
 */
export class TimeSlice {
  readonly #signal: AbortSignal | undefined;
  #beganMs = performance.now();

  /** @param signal aborted when nobody waits for the work any more */
  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** Whether it is time to yield. */
  get isOver(): boolean {
    return performance.now() - this.#beganMs >= sliceMs;
  }

  /** Yields to other work. @throws the signal's reason */
  async next(): Promise<void> {
    await nextTurn();
    this.#signal?.throwIfAborted();
    this.#beganMs = performance.now();
  }
}

/** Sorts like `toSorted`, yielding to other work in between. */
export async function sortedInSlices<Item>(
  items: readonly Item[],
  compare: (left: Item, right: Item) => number,
  slice: TimeSlice,
): Promise<Item[]> {
  let runs: Item[][] = [];
  for (let start = 0; start < items.length; start += sortedAtOnce) {
    runs.push(items.slice(start, start + sortedAtOnce).sort(compare));
    if (slice.isOver) await slice.next();
  }
  while (runs.length > 1) {
    const longer: Item[][] = [];
    for (let at = 0; at < runs.length; at += 2) {
      longer.push(await merged(runs[at] ?? [], runs[at + 1] ?? [], compare, slice));
    }
    runs = longer;
  }
  return runs[0] ?? [];
}

async function merged<Item>(
  left: readonly Item[],
  right: readonly Item[],
  compare: (left: Item, right: Item) => number,
  slice: TimeSlice,
): Promise<Item[]> {
  const all: Item[] = [];
  let [l, r] = [0, 0];
  while (l < left.length && r < right.length) {
    const [a, b] = [left[l] as Item, right[r] as Item];
    const isLeft = compare(a, b) <= 0;
    all.push(isLeft ? a : b);
    if (isLeft) l += 1;
    else r += 1;
    if (slice.isOver) await slice.next();
  }
  return all.concat(left.slice(l), right.slice(r));
}
