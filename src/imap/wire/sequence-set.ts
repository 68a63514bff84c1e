import { ImapSyntaxError } from '../reply.ts';

/** Ranges of sequence numbers or UIDs; `*` is Infinity until the largest is known. */
export type SequenceSet = readonly { readonly from: number; readonly to: number }[];

/** A message set in a command: ranges, or `$`, the result of the last saved search (RFC 5182). */
export type MessageSet = SequenceSet | 'saved';

/** Maximum ranges in one command; more are refused. */
const maxRanges = 100_000;

/** @throws ImapSyntaxError */
export function parseSequenceSet(text: string): SequenceSet {
  const ranges = text.split(',').map((range) => {
    const match = /^(\d+|\*)(?::(\d+|\*))?$/.exec(range);
    if (match === null) throw new ImapSyntaxError('A message set is malformed.');
    const from = bound(match[1] ?? '');
    const to = match[2] === undefined ? from : bound(match[2]);
    return { from, to };
  });
  if (ranges.length > maxRanges) throw new ImapSyntaxError('A message set has too many ranges.');
  return ranges;
}

function bound(text: string): number {
  if (text === '*') return Number.POSITIVE_INFINITY;
  const value = Number(text);
  if (value === 0 || value > 0xffffffff) throw new ImapSyntaxError('A message number is out of range.');
  return value;
}

/**
 * Returns the members of `numbers` (ascending) that are in the set, each once, ascending. `*` is the largest of them
 * (RFC 9051: even if the other end is larger).
 */
export function selectNumbers(set: SequenceSet, numbers: readonly number[]): number[] {
  const selected: number[] = [];
  let next = 0;
  for (const { from, to } of spans(set, numbers.at(-1))) {
    next = Math.max(next, firstAtLeast(numbers, from));
    for (; next < numbers.length && (numbers[next] as number) <= to; next++) selected.push(numbers[next] as number);
  }
  return selected;
}

/** Returns the numbers from 1 to `count` that are in the set, each once, ascending. */
export function selectUpTo(set: SequenceSet, count: number): number[] {
  const selected: number[] = [];
  let next = 1;
  for (const { from, to } of spans(set, count)) {
    next = Math.max(next, from);
    for (; next <= Math.min(to, count); next++) selected.push(next);
  }
  return selected;
}

/** Tells whether a number is in a set. */
export type Membership = (number: number) => boolean;

/** @param largest what `*` stands for; undefined if there is none */
export function membership(set: SequenceSet, largest: number | undefined): Membership {
  const joined: { from: number; to: number }[] = [];
  for (const { from, to } of spans(set, largest)) {
    const last = joined.at(-1);
    if (last !== undefined && from <= last.to + 1) last.to = Math.max(last.to, to);
    else joined.push({ from, to });
  }
  const starts = joined.map(({ from }) => from);
  return (number) => {
    const at = firstAtLeast(starts, number + 1) - 1;
    return at >= 0 && number <= (joined[at]?.to ?? 0);
  };
}

/** The ranges with `*` resolved, smaller end first, ascending. */
function spans(set: SequenceSet, largest: number | undefined): { from: number; to: number }[] {
  if (largest === undefined || largest === 0) return [];
  const known = (bound: number): number => (bound === Number.POSITIVE_INFINITY ? largest : bound);
  return set
    .map(({ from, to }) => ({ from: Math.min(known(from), known(to)), to: Math.max(known(from), known(to)) }))
    .sort((left, right) => left.from - right.from);
}

/** Returns the index of the first of `numbers` (ascending) that is at least `least`. */
export function firstAtLeast(numbers: readonly number[], least: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] as number) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Formats UIDs (ascending) as a set: `1:3,7`. */
export function formatSequenceSet(numbers: readonly number[]): string {
  const ranges: string[] = [];
  for (let start = 0; start < numbers.length; ) {
    let end = start;
    while (end + 1 < numbers.length && numbers[end + 1] === (numbers[end] as number) + 1) end++;
    ranges.push(start === end ? `${numbers[start]}` : `${numbers[start]}:${numbers[end]}`);
    start = end + 1;
  }
  return ranges.join(',');
}

/** Formats as a set, `1:3,7`, the numbers from 1 to `last` that are in `set` but not among `numbers` (ascending). */
export function formatGaps(numbers: readonly number[], set: SequenceSet, last: number): string {
  const ranges: string[] = [];
  const add = (from: number, to: number): void => {
    if (from <= to) ranges.push(from === to ? `${from}` : `${from}:${to}`);
  };
  let next = 1;
  for (const { from, to } of spans(set, last)) {
    next = Math.max(next, from);
    const end = Math.min(to, last);
    for (let at = firstAtLeast(numbers, next); at < numbers.length && (numbers[at] as number) <= end; at++) {
      add(next, (numbers[at] as number) - 1);
      next = (numbers[at] as number) + 1;
    }
    add(next, end);
    next = Math.max(next, end + 1);
  }
  return ranges.join(',');
}
