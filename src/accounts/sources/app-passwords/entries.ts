import { join } from 'node:path';
import type { SecretDigest } from './secret.ts';

/** An app password as stored: never the password itself. */
export interface AppPassword extends SecretDigest {
  /** ID of this password; another one with the same name has a different ID. */
  readonly id: string;
  /** The login name it is for, as {@link folded}. */
  readonly login: string;
  /** Its purpose. Unique for a login, ignoring case. */
  readonly name: string;
  /** ISO 8601. */
  readonly madeAt: string;
  /** Username of the account it was made for; `*@domain` for one for everybody. Absent if not known. */
  readonly account?: string;
}

/** Returns the paths of the app password files in a data folder. */
export function appPasswordFiles(dataDir: string) {
  return {
    passwords: join(dataDir, 'app-passwords.json'),
    uses: join(dataDir, 'app-passwords-used.json'),
    lock: join(dataDir, 'app-passwords.lock'),
  };
}

/** A few hundred bytes each: room for tens of thousands. */
export const maxAppPasswordBytes = 8 * 1024 * 1024;

const version = 1;

/** @throws Error what is wrong with the content, worded to follow the name of its file */
export function readEntries(content: Buffer): AppPassword[] {
  const { passwords } = parsed(content) as { readonly passwords?: unknown };
  if (!Array.isArray(passwords) || !passwords.every(isEntry)) throw new Error('is damaged');
  return passwords;
}

export function writtenEntries(entries: readonly AppPassword[]): Buffer {
  return Buffer.from(`${JSON.stringify({ version, passwords: entries }, null, 1)}\n`);
}

/** Reads when each was last used, by ID; ISO 8601. Throws like {@link readEntries}. */
export function readUses(content: Buffer): Map<string, string> {
  const { used } = parsed(content) as { readonly used?: unknown };
  const entries = typeof used === 'object' && used !== null ? Object.entries(used) : [];
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

export function writtenUses(uses: ReadonlyMap<string, string>): Buffer {
  return Buffer.from(`${JSON.stringify({ version, used: Object.fromEntries(uses) }, null, 1)}\n`);
}

/** Serializes a single entry. */
export function writtenEntry(entry: AppPassword): string {
  return JSON.stringify({ version, ...entry });
}

/** Undefined if it is not an entry, or one of a later version. */
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
