import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isShownOnPurpose } from './exceptions.ts';
import { formsOf, isDistinctive, minLength, secretPatterns } from './forms.ts';
import type { NotedSecret, Origin, SecretKind } from './record.ts';

/** A secret where it must not be. */
export interface Leak {
  readonly what: string;
  /** Its first three characters. */
  readonly beginning: string;
  readonly origin: Origin;
  /** The line number, from 1. */
  readonly line: number;
  /** The beginning of its line, up to the first secret in it. */
  readonly before: string;
}

/** What a search looked for, where, and what it found. */
export interface SearchResult {
  readonly leaks: readonly Leak[];
  /** How many different secrets of each kind were searched for. */
  readonly secrets: ReadonlyMap<SecretKind, number>;
  /** Secrets too short or too ordinary to search for. */
  readonly ordinary: readonly string[];
  readonly octets: number;
  readonly processes: number;
}

const maxBefore = 100;

/** Searches everything that the processes of a run have written for all secrets that they recorded. */
export function searchRun(folder: string): SearchResult {
  const files = readdirSync(folder);
  const noted = new Map<string, Set<SecretKind>>();
  for (const file of files.filter((name) => name.endsWith('.secrets'))) {
    for (const [kind, value] of notedIn(join(folder, file))) {
      noted.set(value, (noted.get(value) ?? new Set<SecretKind>()).add(kind));
    }
  }
  const secrets = new Map([...noted].filter(([value]) => isDistinctive(value)));
  const index = new SecretIndex(secrets.keys());
  const leaks: Leak[] = [];
  const processes = new Set<string>();
  let octets = 0;
  for (const file of files.filter((name) => name.endsWith('.output'))) {
    const { origin, text } = outputIn(join(folder, file));
    processes.add(`${origin.test} ${origin.pid ?? ''}`);
    octets += text.length;
    leaks.push(...leaksIn(text, origin, index, secrets));
  }
  const ordinary = [...noted.keys()].filter((value) => value !== '' && !secrets.has(value));
  return { leaks, secrets: countByKind(secrets), ordinary, octets, processes: processes.size };
}

function notedIn(path: string): readonly NotedSecret[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  // A killed process may have left half a line.
  lines.pop();
  return lines.map((line) => JSON.parse(line) as NotedSecret);
}

function outputIn(path: string): { readonly origin: Origin; readonly text: string } {
  const content = readFileSync(path, 'latin1');
  const end = content.indexOf('\n');
  return {
    origin: JSON.parse(Buffer.from(content.slice(0, end), 'latin1').toString()) as Origin,
    text: content.slice(end + 1),
  };
}

function countByKind(secrets: ReadonlyMap<string, ReadonlySet<SecretKind>>): ReadonlyMap<SecretKind, number> {
  const counts = new Map<SecretKind, number>();
  for (const kinds of secrets.values()) for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** The first leak of every line. */
function* leaksIn(
  text: string,
  origin: Origin,
  index: SecretIndex,
  secrets: ReadonlyMap<string, ReadonlySet<SecretKind>>,
): Generator<Leak> {
  const finds = [...index.findIn(text)].map(({ at, secret }) => {
    const kinds = secrets.get(secret) ?? new Set<SecretKind>();
    return { at, what: [...kinds].join(', '), allowed: isShownOnPurpose(origin, kinds) };
  });
  for (const [what, pattern] of secretPatterns) {
    for (const { index: at } of text.matchAll(pattern)) finds.push({ at, what, allowed: false });
  }
  finds.sort((one, other) => one.at - other.at);
  let told = -1;
  let secretFrom = -1;
  for (const { at, what, allowed } of finds) {
    const start = text.lastIndexOf('\n', at - 1) + 1;
    // The text after a secret in its line may be more of it.
    if (secretFrom < start) secretFrom = at;
    if (allowed || told === start) continue;
    told = start;
    const line = text.slice(0, start).split('\n').length;
    const before = text.slice(Math.max(start, secretFrom - maxBefore), secretFrom);
    yield { what, beginning: text.slice(at, at + 3), origin, line, before };
  }
}

/** Finds any of many secrets in one pass, by the first characters of their forms. */
class SecretIndex {
  readonly #byHead = new Map<string, { readonly form: string; readonly secret: string }[]>();

  constructor(secrets: Iterable<string>) {
    for (const secret of secrets) {
      for (const form of formsOf(secret)) {
        const head = form.slice(0, minLength);
        const others = this.#byHead.get(head);
        if (others === undefined) this.#byHead.set(head, [{ form, secret }]);
        else others.push({ form, secret });
      }
    }
  }

  *findIn(text: string): Generator<{ readonly at: number; readonly secret: string }> {
    for (let at = 0; at + minLength <= text.length; at++) {
      const candidates = this.#byHead.get(text.slice(at, at + minLength));
      const found = candidates?.find(({ form }) => text.startsWith(form, at));
      if (found) yield { at, secret: found.secret };
    }
  }
}
