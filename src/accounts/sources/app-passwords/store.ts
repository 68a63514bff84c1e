import { randomBytes } from 'node:crypto';
import { BridgeError } from '../../../base/errors.ts';
import type { AppPassword } from './entries.ts';
import { digestOf, makeSecret } from './secret.ts';

/** An app password in a listing. */
export interface ListedAppPassword {
  readonly login: string;
  readonly name: string;
  /** ISO 8601. */
  readonly madeAt: string;
  /** ISO 8601, to the minute; undefined if never used. */
  readonly lastUsedAt: string | undefined;
  /** Username of the account it was made for; undefined if not known. */
  readonly account: string | undefined;
}

/** An app password as moved from one store to another: never the password itself. */
export interface KeptAppPassword {
  readonly entry: AppPassword;
  /** ISO 8601; undefined if never used. */
  readonly lastUsedAt: string | undefined;
}

/**
 * The app passwords of a data folder, or of instances that share them, for commands that make and remove them. Bridges
 * can run meanwhile. Every call throws BridgeError `app-passwords-unusable`, or `shared-store-unavailable`.
 */
export interface AppPasswordStore {
  /** Ordered by login and name. */
  list(): Promise<ListedAppPassword[]>;
  /**
   * Makes an app password.
   * @param login as returned by `folded`
   * @param account username of the account it is for; undefined if not known
   * @returns the password, which is not stored anywhere
   * @throws BridgeError `app-password-exists`
   */
  add(login: string, name: string, now: Date, account?: string): Promise<string>;
  /**
   * Replaces a password with a new one; the old one stops working. Like {@link add}.
   * @throws BridgeError `app-password-unknown`
   */
  rotate(login: string, name: string, now: Date, account?: string): Promise<string>;
  /** @throws BridgeError `app-password-unknown` */
  remove(login: string, name: string): Promise<void>;
  /** Returns all of them, for another store. */
  all(): Promise<KeptAppPassword[]>;
  /** Takes app passwords from another store; existing ones with the same login and name stay. @returns those taken */
  take(kept: readonly KeptAppPassword[]): Promise<readonly KeptAppPassword[]>;
  /** Removes those with these IDs that still exist. */
  drop(ids: ReadonlySet<string>): Promise<void>;
}

/** Tells whether an app password has that login and name. */
export function isOf(entry: Pick<AppPassword, 'login' | 'name'>, login: string, name: string): boolean {
  return entry.login === login && entry.name.toLowerCase() === name.toLowerCase();
}

/** Makes an app password: the text its owner types, and its stored form. */
export function made(
  login: string,
  name: string,
  now: Date,
  account: string | undefined,
): { readonly secret: string; readonly entry: AppPassword } {
  const secret = makeSecret();
  const id = randomBytes(9).toString('base64url');
  const madeFor = account === undefined ? {} : { account };
  return { secret, entry: { id, login, name, madeAt: now.toISOString(), ...madeFor, ...digestOf(secret) } };
}

/** The result of `list`. */
export function listed(kept: readonly KeptAppPassword[]): ListedAppPassword[] {
  return kept
    .map(({ entry: { login, name, madeAt, account }, lastUsedAt }) => ({ login, name, madeAt, lastUsedAt, account }))
    .toSorted((a, b) => a.login.localeCompare(b.login) || a.name.localeCompare(b.name));
}

export function appPasswordExists(login: string, name: string): BridgeError {
  return new BridgeError('app-password-exists', `${login} already has an app password "${name}".`);
}

/** @param entries those of all logins */
export function appPasswordUnknown(
  login: string,
  name: string,
  entries: readonly Pick<AppPassword, 'login' | 'name'>[],
): BridgeError {
  const own = entries.filter((entry) => entry.login === login).map((entry) => `"${entry.name}"`);
  const has = own.length === 0 ? 'It has none' : `It has ${own.join(', ')}`;
  return new BridgeError('app-password-unknown', `${login} has no app password "${name}". ${has}.`);
}
