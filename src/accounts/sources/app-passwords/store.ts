import { randomBytes } from 'node:crypto';
import { BridgeError } from '../../../base/errors.ts';
import type { AppPassword } from './entries.ts';
import { digestOf, makeSecret } from './secret.ts';

/** An app password, for people to see. */
export interface ListedAppPassword {
  readonly login: string;
  readonly name: string;
  /** ISO 8601. */
  readonly madeAt: string;
  /** ISO 8601, to the minute; undefined: never. */
  readonly lastUsedAt: string | undefined;
  /** Username of the account that it was made for; undefined: not known. */
  readonly account: string | undefined;
}

/** An app password as it goes from one store to another: never the password itself. */
export interface KeptAppPassword {
  readonly entry: AppPassword;
  /** ISO 8601; undefined: never. */
  readonly lastUsedAt: string | undefined;
}

/**
 * The app passwords of a data folder, or of instances that share them, for those who make and remove them. Bridges may
 * run meanwhile. Every call throws BridgeError `app-passwords-unusable`, or `shared-store-unavailable`.
 */
export interface AppPasswordStore {
  /** By login and name. */
  list(): Promise<ListedAppPassword[]>;
  /**
   * Makes an app password.
   * @param login as `folded` gives it
   * @param account username of the account that it is for; undefined: not known
   * @returns the password, which is kept nowhere
   * @throws BridgeError `app-password-exists`
   */
  add(login: string, name: string, now: Date, account?: string): Promise<string>;
  /** Puts a new password in the place of one, which ends. As {@link add}. @throws BridgeError `app-password-unknown` */
  rotate(login: string, name: string, now: Date, account?: string): Promise<string>;
  /** @throws BridgeError `app-password-unknown` */
  remove(login: string, name: string): Promise<void>;
  /** All that there are, for another store. */
  all(): Promise<KeptAppPassword[]>;
  /** Takes app passwords of another store; one of the same login and name that is here stays. @returns those taken */
  take(kept: readonly KeptAppPassword[]): Promise<readonly KeptAppPassword[]>;
  /** Removes those of these ids that are still there. */
  drop(ids: ReadonlySet<string>): Promise<void>;
}

/** Whether an app password is the one of that login and name. */
export function isOf(entry: Pick<AppPassword, 'login' | 'name'>, login: string, name: string): boolean {
  return entry.login === login && entry.name.toLowerCase() === name.toLowerCase();
}

/** Makes an app password: what its owner types, and what is kept of it. */
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

/** What `list` gives. */
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
