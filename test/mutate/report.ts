import { whyEquivalent } from './equivalent.ts';
import type { Trial } from './trials.ts';

/** The results for the mutants of one room. */
export interface RoomResult {
  readonly room: string;
  /** All mutants that could have been tried. */
  readonly possible: number;
  readonly tried: number;
  readonly killed: number;
  readonly timeouts: number;
  /** Survivors that behave like the program. */
  readonly equivalent: number;
  readonly survived: number;
}

export function resultOf(room: string, possible: number, trials: readonly Trial[]): RoomResult {
  const count = (holds: (trial: Trial) => boolean) => trials.filter(holds).length;
  const survivors = trials.filter(({ fate }) => fate === 'survived');
  const equivalent = survivors.filter(({ mutant }) => whyEquivalent(mutant) !== undefined).length;
  return {
    room,
    possible,
    tried: trials.length,
    killed: count(({ fate }) => fate === 'killed'),
    timeouts: count(({ fate }) => fate === 'timeout'),
    equivalent,
    survived: survivors.length - equivalent,
  };
}

/** The share of killable mutants that were killed; a run that never ends would have been noticed, too. */
export function shareKilled({ tried, killed, timeouts, equivalent }: RoomResult): number {
  const killable = tried - equivalent;
  return killable === 0 ? 1 : (killed + timeouts) / killable;
}

/** One table for people, in Markdown. */
export function tableOf(results: readonly RoomResult[]): string {
  const rows = results.map((each) => [
    each.room,
    each.possible,
    each.tried,
    each.killed,
    each.timeouts,
    each.survived,
    each.equivalent,
    `${(shareKilled(each) * 100).toFixed(1)} %`,
  ]);
  const head = ['room', 'possible', 'tried', 'killed', 'timeout', 'survived', 'equivalent', 'score'];
  const lines = [head, head.map((_, column) => (column === 0 ? '---' : '---:')), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** A mutant that no test noticed: its place, and what it changed. */
export function survivorText({ mutant, tests }: Trial): string {
  const lines = (text: string, mark: string) => text.split('\n').map((line) => `${mark} ${line}`);
  const why = whyEquivalent(mutant);
  return [
    `${mutant.file}:${mutant.line} ${mutant.operator} survived ${tests.length} test files${why ? ` (equivalent: ${why})` : ''}`,
    ...lines(mutant.before, '  -'),
    ...lines(mutant.after, '  +'),
  ].join('\n');
}
