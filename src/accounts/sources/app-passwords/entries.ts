import { join } from 'node:path';
import type { SecretDigest } from './secret.ts';

/** An app password as it is kept: never the password itself. */
export interface AppPassword extends SecretDigest {
  /** Of this very password; another one of the same name has another. */
  readonly id: string;
  /** Who logs in with it, as {@link folded}. */
  readonly login: string;
  /** What it is for. Unique for a login, without regard to case. */
  readonly name: string;
  /** ISO 8601. */
  readonly madeAt: string;
  /** Username of the account that it was made for; `*@domain` of one for many. Left out where that is not known. */
  readonly account?: string;
}

/** Where the app passwords of a data folder are. */
export function appPasswordFiles(dataDir: string) {
  return {
    passwords: join(dataDir, 'app-passwords.json'),
    uses: join(dataDir, 'app-passwords-used.json'),
    lock: join(dataDir, 'app-passwords.lock'),
  };
}

/** A few hundred bytes each: tens of thousands of them. */
export const maxAppPasswordBytes = 8 * 1024 * 1024;

const version = 1;

/** @throws Error what is wrong with the content, in words that follow the name of its file */
export function readEntries(content: Buffer): AppPassword[] {
  const { passwords } = parsed(content) as { readonly passwords?: unknown };
  if (!Array.isArray(passwords) || !passwords.every(isEntry)) throw new Error('is damaged');
  return passwords;
}

export function writtenEntries(entries: readonly AppPassword[]): Buffer {
  return Buffer.from(`${JSON.stringify({ version, passwords: entries }, null, 1)}\n`);
}

/** When each was used last, by its id; ISO 8601. Throws as {@link readEntries} does. */
export function readUses(content: Buffer): Map<string, string> {
  const { used } = parsed(content) as { readonly used?: unknown };
  const entries = typeof used === 'object' && used !== null ? Object.entries(used) : [];
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

export function writtenUses(uses: ReadonlyMap<string, string>): Buffer {
  return Buffer.from(`${JSON.stringify({ version, used: Object.fromEntries(uses) }, null, 1)}\n`);
}

/** One as it is kept by itself. */
export function writtenEntry(entry: AppPassword): string {
  return JSON.stringify({ version, ...entry });
}

/** Undefined for what is none, or of a later version. */
export function readEntry(text: string): AppPassword | undefined {
  try {
    const { version: found, ...entry } = parsed(Buffer.from(text)) as { readonly version: number };
    void found;
    return isEntry(entry) ? entry : undefined;
  } catch {
    return undefined;
  }
}

function parsed(content: Buffer): object {
  let value: unknown;
  try {
    value = JSON.parse(content.toString('utf8'));
  } catch {
    throw new Error('is damaged');
  }
  const found = (value as { readonly version?: unknown } | null)?.version;
  if (typeof found === 'number' && found > version) throw new Error('was written by a later version of mailbridge');
  if (found !== version) throw new Error('is damaged');
  return value as object;
}

function isEntry(value: unknown): value is AppPassword {
  const entry = value as Partial<Record<keyof AppPassword, unknown>> | null;
  const texts = [entry?.id, entry?.login, entry?.name, entry?.madeAt, entry?.salt, entry?.digest];
  const isAccount = entry?.account === undefined || typeof entry.account === 'string';
  return isAccount && texts.every((text) => typeof text === 'string' && text !== '');
}
