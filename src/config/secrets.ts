import { closeSync, openSync, readSync } from 'node:fs';
import { inspect } from 'node:util';
import { systemErrorCode } from '../base/errors.ts';

/** A secret in the configuration file: itself, or where it is. */
export type SecretSource = string | { readonly env: string } | { readonly file: string };

const hidden = '[secret]';

/** A secret in memory. Printing, logging and JSON show `[secret]`; only {@link reveal} returns it. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }

  [inspect.custom](): string {
    return hidden;
  }
}

/** Environment variables by name, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

const maxSecretBytes = 64 * 1024;

/**
 * Fetches a secret from its source.
 * @param resolvePath makes a path of the configuration file absolute
 * @returns the secret, or what is wrong, safe to show: it names the variable or the file, never the content
 */
export function fetchSecret(
  source: SecretSource,
  env: Environment,
  resolvePath: (path: string) => string,
): { readonly secret: string } | { readonly problem: string } {
  if (typeof source === 'string') return source === '' ? { problem: 'must not be empty' } : { secret: source };
  if ('env' in source) {
    const value = env[source.env];
    if (value === undefined) return { problem: `environment variable ${source.env} is not set` };
    return value === '' ? { problem: `environment variable ${source.env} is empty` } : { secret: value };
  }
  const path = resolvePath(source.file);
  try {
    const content = readBounded(path);
    if (content === undefined) return { problem: `file ${path} is larger than ${maxSecretBytes} bytes` };
    // Editors and `echo` end a file with a line break that is not part of the secret.
    const secret = content.replace(/(\r?\n)+$/, '');
    return secret === '' ? { problem: `file ${path} is empty` } : { secret };
  } catch (error) {
    return { problem: `file ${path} cannot be read (${systemErrorCode(error) ?? 'unknown error'})` };
  }
}

/** Reads a file that may be a pipe; undefined if it is larger than any secret. */
function readBounded(path: string): string | undefined {
  const buffer = Buffer.alloc(maxSecretBytes + 1);
  const file = openSync(path, 'r');
  try {
    let length = 0;
    while (length <= maxSecretBytes) {
      const count = readSync(file, buffer, length, buffer.length - length, null);
      if (count === 0) return buffer.toString('utf8', 0, length);
      length += count;
    }
    return undefined;
  } finally {
    closeSync(file);
  }
}
