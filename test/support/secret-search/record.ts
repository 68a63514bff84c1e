import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

/** The folder that all processes of a test run write to, for {@link searchRun} to read at the end. */
export const folderVariable = 'SECRET_SEARCH_FOLDER';
/** The current test file, for the processes that it starts. */
export const testVariable = 'SECRET_SEARCH_TEST';

/** The kinds of secrets that a run must have used: a kind that is never seen means that its watch is broken. */
export const secretKinds = [
  'token',
  'refresh token',
  'authorization code',
  'code verifier',
  'device code',
  'client secret',
  'user password',
  'identity header',
  'import token',
  'upload token',
  'configured secret',
  'password at a login',
  'private key',
  'admin token',
  'admin session',
] as const;
export type SecretKind = (typeof secretKinds)[number];

/** A secret as a process records it: a line of JSON in a file that ends in `.secrets`. */
export type NotedSecret = readonly [kind: SecretKind, value: string];

/** The origin of a file that ends in `.output`: its first line, in JSON. The output follows, byte for byte. */
export interface Origin {
  /** The command line; undefined for output of the test's own process. */
  readonly command?: readonly string[];
  /** Of a separate process; undefined for one inside the test's process. */
  readonly pid?: number;
  readonly stream: 'standard output' | 'standard error' | 'console' | 'log';
  /** The test file. */
  readonly test: string;
}

const id = randomUUID();
const noted = new Set<string>();

/** Records a secret that must not appear in any output. Written to disk immediately: the process may be killed. */
export function noteSecret(kind: SecretKind, value: string): void {
  const folder = process.env[folderVariable];
  const line = `${JSON.stringify([kind, value] satisfies NotedSecret)}\n`;
  if (folder === undefined || noted.has(line)) return;
  noted.add(line);
  // A process that switches users cannot continue in its previous file.
  appendFileSync(join(folder, `${id}-${process.geteuid?.() ?? 0}.secrets`), line);
}

/** Opens a file for output. @returns a function that appends to it */
export function openOutput(origin: Omit<Origin, 'test'>): (text: string | Uint8Array) => void {
  const folder = process.env[folderVariable];
  if (folder === undefined) return () => {};
  const file = join(folder, `${randomUUID()}.output`);
  const whole: Origin = { ...origin, test: process.env[testVariable] ?? 'no test' };
  let begun = false;
  return (text) => {
    if (!begun) appendFileSync(file, `${JSON.stringify(whole)}\n`);
    begun = true;
    appendFileSync(file, text);
  };
}

/** Records everything written to a stream. @returns the stream itself */
export function recorded<T extends NodeJS.WritableStream>(stream: T, origin: Omit<Origin, 'test'>): T {
  const take = openOutput(origin);
  const write = stream.write as (...args: unknown[]) => boolean;
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
    take(chunk);
    return write.call(stream, chunk, ...rest);
  };
  return stream;
}
