import { folded } from '../../account.ts';
import { parsePasswordHash } from '../../passwords.ts';

/** A problem with a line of a password file. Quotes neither its hash nor anything else in it. */
export interface LineProblem {
  /** From 1. */
  readonly line: number;
  readonly text: string;
}

/** The content of a password file. */
export interface PasswordLines {
  /** Hashes from `mailbridge hash-password`, by name as {@link folded}. */
  readonly hashes: ReadonlyMap<string, string>;
  readonly problems: readonly LineProblem[];
  /** It is empty, or its last line is neither complete nor terminated. */
  readonly looksCut: boolean;
}

const longestLine = 1024;
const longestName = 255;

/**
 * Parses lines of `name:hash`; blank lines, and those that begin with `#`, are ignored. An invalid line gives nobody
 * access; the others are valid.
 */
export function readPasswordLines(content: Buffer): PasswordLines {
  const hashes = new Map<string, string>();
  const lineOf = new Map<string, number>();
  const problems: LineProblem[] = [];
  const text = content.toString('utf8').replace(/^\uFEFF/, '');
  const lines = text.split('\n');
  for (const [index, ended] of lines.entries()) {
    const line = index + 1;
    const read = readLine(ended.replace(/\r$/, ''));
    if (read === undefined) continue;
    if (typeof read === 'string') problems.push({ line, text: read });
    else if (lineOf.has(read.name))
      problems.push({ line, text: `the name stands in line ${lineOf.get(read.name)} already` });
    else {
      hashes.set(read.name, read.hash);
      lineOf.set(read.name, line);
    }
  }
  const isLastWrong = problems.at(-1)?.line === lines.length;
  return { hashes, problems, looksCut: content.length === 0 || isLastWrong };
}

/** Returns a name and a hash, or what is wrong; undefined for an ignored line. */
function readLine(line: string): { readonly name: string; readonly hash: string } | string | undefined {
  if (line.length > longestLine) return `longer than ${longestLine} characters`;
  if (/^\s*(?:#|$)/.test(line)) return undefined;
  const colon = line.indexOf(':');
  if (colon === -1) return 'not a name, a colon and a hash';
  const name = line.slice(0, colon);
  const hash = line.slice(colon + 1).trim();
  const nameFault = faultOfName(name);
  if (nameFault !== undefined) return nameFault;
  if (parsePasswordHash(hash) !== undefined) return { name: folded(name), hash };
  if (hash.startsWith('$scrypt$')) return 'a damaged or too costly hash; make one with "mailbridge hash-password"';
  return 'not a hash of "mailbridge hash-password", and no other kind is supported';
}

function faultOfName(name: string): string | undefined {
  if (name === '') return 'no name before the colon';
  if (name.length > longestName) return `a name of more than ${longestName} characters`;
  if (name.includes('\uFFFD')) return 'not UTF-8';
  return isLoginName(name) ? undefined : 'a name with control characters, or with a space at an end';
}

/** Tells whether a name is allowed in a password file or in the configuration. */
export function isLoginName(name: string): boolean {
  return /^[^\p{Cc}\s](?:[^\p{Cc}]*[^\p{Cc}\s])?$/u.test(name);
}
