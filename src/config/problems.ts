import type { z } from 'zod';
import { suggestion } from './nearest.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** A problem of a configuration. */
export interface Problem {
  readonly path: Path;
  readonly text: string;
  /** The configuration is right, but a secret is not where it says. */
  readonly secretUnavailable?: boolean;
}

/** `listeners[0].port`, `connections["a b"].grant`; the whole file is `(file)`. */
export function pathText(path: Path): string {
  const text = path
    .map((part) => {
      if (typeof part === 'number') return `[${part}]`;
      return /^[\w$-]+$/.test(String(part)) ? `.${String(part)}` : `[${JSON.stringify(part)}]`;
    })
    .join('');
  return text === '' ? '(file)' : text.replace(/^\./, '');
}

/** The line for a problem in an error message. */
export function problemLine(problem: Problem): string {
  return `${pathText(problem.path)}: ${problem.text}`;
}

/**
 * Turns schema issues into problems for people. Values are quoted only if they should have been one of a few words,
 * never where a secret can be.
 * @param raw the parsed file, to report what was found there
 */
export function problemsOf(issue: Issue, raw: unknown, base: Path = []): Problem[] {
  const path = [...base, ...issue.path];
  const found = valueAt(raw, path);
  const one = (text: string): Problem[] => [{ path, text }];
  switch (issue.code) {
    case 'unrecognized_keys': {
      const texts = issue.message.split('\n');
      return issue.keys.map((key, index) => ({ path: [...path, key], text: texts[index] ?? 'unknown key' }));
    }
    case 'invalid_type':
      if (found === undefined) return one('missing');
      return one(`must be ${typeNames[issue.expected] ?? issue.expected}, not ${kindOf(found)}`);
    case 'invalid_value':
      return one(found === undefined ? 'missing' : oneOf(issue.values.map(String), found));
    case 'too_small':
      return one(smallText(issue));
    case 'too_big':
      return one(bigText(issue));
    case 'invalid_key':
      return one(issue.issues[0]?.message ?? 'not a valid name');
    case 'invalid_union':
      return unionProblems(issue, raw, path, found);
    case 'custom':
      return [
        { path, text: issue.message, ...(issue.params?.unavailable === true ? { secretUnavailable: true } : {}) },
      ];
    default:
      return one(issue.message);
  }
}

/** Zod's message if the schema has none of its own. */
const unionWithoutWords = 'Invalid input';

function unionProblems(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  raw: unknown,
  path: Path,
  found: unknown,
): Problem[] {
  if ('options' in issue && Array.isArray(issue.options)) {
    return [{ path, text: found === undefined ? 'missing' : oneOf(issue.options.map(String), found) }];
  }
  // The intended branch is the only one that does not reject the kind of value outright.
  const meant = (issue.errors as Issue[][]).filter((issues) => !issues.some((inner) => rejectsKind(inner, found)));
  const [only] = meant;
  if (meant.length !== 1 || only === undefined)
    return [{ path, text: found === undefined ? 'missing' : issue.message }];
  // One of a few words was intended: the union's own message names the alternatives.
  const [word] = only;
  if (word?.code === 'invalid_value' && word.path.length === 0 && issue.message !== unionWithoutWords) {
    return [{ path, text: `${issue.message}${suggestion(String(found), word.values.map(String))}` }];
  }
  return only.flatMap((inner) => problemsOf(inner, raw, path));
}

function rejectsKind(issue: Issue, found: unknown): boolean {
  if (issue.path.length > 0) return false;
  return issue.code === 'invalid_type' || (issue.code === 'invalid_value' && typeof found !== 'string');
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
};

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return Number.isInteger(value) ? 'a number' : 'a fraction';
  return typeNames[typeof value] ?? typeof value;
}

function oneOf(values: readonly string[], found: unknown): string {
  const list = values.map((value) => `"${value}"`).join(', ');
  return `must be ${values.length > 1 ? 'one of ' : ''}${list}${typeof found === 'string' ? suggestion(found, values) : ''}`;
}

function smallText(issue: Extract<Issue, { code: 'too_small' }>): string {
  if (issue.origin === 'string') return 'must not be empty';
  if (issue.origin === 'array') return 'must hold at least one entry';
  return `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
}

function bigText(issue: Extract<Issue, { code: 'too_big' }>): string {
  if (issue.origin === 'string') return `must be at most ${issue.maximum} characters`;
  return `must be at most ${issue.maximum}`;
}

function valueAt(raw: unknown, path: Path): unknown {
  let value = raw;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}
