import { relative } from 'node:path';
import { secretKinds } from './record.ts';
import type { Leak, SearchResult } from './search.ts';

const maxShown = 50;

/** The result of a search in one line, and what is wrong, in separate lines. */
export interface SearchReport {
  readonly summary: string;
  readonly faults: readonly string[];
}

/** @param whole whether every test was run: then a kind of secret never seen is also an error */
export function reportOf(result: SearchResult, whole: boolean): SearchReport {
  const count = [...result.secrets.values()].reduce((sum, each) => sum + each, 0);
  const looked = `${number(count)} secrets looked for in ${number(result.octets)} octets of output from ${number(result.processes)} processes`;
  const faults = result.leaks.slice(0, maxShown).map(leakLine);
  if (result.leaks.length > maxShown) faults.push(`and ${number(result.leaks.length - maxShown)} more`);
  if (whole) faults.push(...nothingGathered(result));
  const found = result.leaks.length === 0 ? 'none found' : `found in ${number(result.leaks.length)} lines`;
  const ordinary = result.ordinary.length === 0 ? '' : `; ${number(result.ordinary.length)} too short or ordinary`;
  return { summary: `secret search: ${looked}: ${found}${ordinary}`, faults };
}

function leakLine({ what, beginning, origin, line, before }: Leak): string {
  const { command, pid, stream, test } = origin;
  // The arguments may contain the leak.
  const name = command?.[0]?.replace(/^.*[^A-Za-z-].*$/, '…');
  const who = name === undefined ? '' : ` of mailbridge ${name}${pid === undefined ? '' : ` (${pid})`}`;
  const file = relative(process.cwd(), test);
  return `${what} "${beginning}…" in the ${stream}${who}, line ${line}, ${file}: ${JSON.stringify(before)}`;
}

function nothingGathered({ secrets, octets, processes }: SearchResult): string[] {
  const missing = secretKinds.filter((kind) => !secrets.has(kind));
  return [
    ...(octets === 0 || processes === 0 ? ['no output was gathered from the whole test run'] : []),
    ...(missing.length > 0 ? [`the whole test run has used no secret of these kinds: ${missing.join(', ')}`] : []),
  ];
}

function number(value: number): string {
  return value.toLocaleString('en');
}
