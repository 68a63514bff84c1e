import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { changesAt } from './operators.ts';
import { placesOf } from './syntax.ts';

/** One fault in one file. */
export interface Mutant {
  /** Relative to the project, with slashes. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly operator: string;
  /** The lines that change, before and after. */
  readonly before: string;
  readonly after: string;
  /** The whole file after the change. */
  readonly source: string;
}

/** Every mutant of a room, ordered by file and position. */
export function mutantsOf(project: string, room: string): Mutant[] {
  const files = globSync(`src/${room}/**/*.ts`, { cwd: project }).toSorted();
  return files.flatMap((file) => mutantsOfFile(file, readFileSync(join(project, file), 'utf8')));
}

/** Every mutant of a file; two with the same resulting text are one. */
export function mutantsOfFile(file: string, text: string): Mutant[] {
  const bySource = new Map<string, Mutant>();
  for (const { operator, start, end, text: other } of placesOf(text).flatMap((place) => changesAt(place, text))) {
    const source = `${text.slice(0, start)}${other}${text.slice(end)}`;
    if (source === text || bySource.has(source)) continue;
    const from = text.lastIndexOf('\n', start - 1) + 1;
    const to = text.indexOf('\n', end) < 0 ? text.length : text.indexOf('\n', end);
    bySource.set(source, {
      file,
      line: text.slice(0, start).split('\n').length,
      operator,
      before: text.slice(from, to),
      after: source.slice(from, to + source.length - text.length),
      source,
    });
  }
  return [...bySource.values()];
}

/** A random selection in random order, but the same for the same seed: its beginning is a sample, too. */
export function sample<T>(all: readonly T[], count: number, seed: number): T[] {
  const random = randomOf(seed);
  return all
    .map((each) => ({ each, at: random() }))
    .toSorted((one, other) => one.at - other.at)
    .slice(0, count)
    .map(({ each }) => each);
}

/** mulberry32: small, and the same on every machine. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
