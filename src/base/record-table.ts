import { BridgeError, errorText } from './errors.ts';

/** Every kind of {@link StoredRecord}, by what it is for. */
export const recordKinds = {
  /** What a store notes of itself. */
  store: 'store',
  /** Messages that came a while ago, by their fingerprint: which one it was. */
  duplicate: 'duplicate',
  /** How often a message came again, by its id. */
  drops: 'drops',
  /** Whom a copy of a message is for, by its marker. */
  copy: 'copy',
  /** Secret keys. */
  key: 'key',
  /** A person's sign-in, encrypted, by the name of its connection. */
  signIn: 'sign-in',
  /** Who changes a sign-in at the moment, by the same name. */
  signInLock: 'sign-in-lock',
  /** Sign-ins that could not be opened, by that name and the time. */
  signInUnreadable: 'sign-in-unreadable',
  /** App passwords, by login and name. */
  appPassword: 'app-password',
  /** When an app password was used last, by its id; ISO 8601. */
  appPasswordUse: 'app-password-use',
  /** One record, whose version grows with every change of an app password: so nobody reads all of them to see none. */
  appPasswordChange: 'app-password-change',
  /** Who is blocked, or has failed half as often as that takes, as an instance tells of it. */
  loginFailures: 'login-failures',
  /** An alert that holds, by its id. */
  alert: 'alert',
  /** News of an alert that the webhook has not taken yet, by the instance and the time. */
  alertPost: 'alert-post',
  /** Invitations to `/connect`, by their ids. */
  invitation: 'invitation',
} as const;

/** A small fact of one kind, by its key. */
export interface StoredRecord {
  readonly value: string;
  /** Grows with each change of the record. */
  readonly version: number;
  /** Gone from then on, in milliseconds since 1970; undefined: it stays. */
  readonly expiresAtMs?: number;
}

/** How a record is written. */
export interface RecordOptions {
  readonly expiresAtMs?: number;
  /**
   * A loss of power may take it back; the loss of the process does not. Default: false. Cheaper where many are written.
   */
  readonly soft?: boolean;
}

/**
 * Small facts that outlive a process and that all instances of a store share: duplicates seen, keys, sign-ins. Kinds
 * and keys are any text up to 1,000 characters; values up to 1 MB.
 */
export interface RecordTable {
  /** Undefined where there is none, or it has expired. */
  get(kind: string, key: string, nowMs: number): Promise<StoredRecord | undefined>;
  /** Those that have not expired, by their keys; of keys that begin so. */
  list(kind: string, nowMs: number, prefix?: string): Promise<ReadonlyMap<string, StoredRecord>>;
  /** Writes a record unless there is one. @returns the one that was there and stays, or undefined: it is written */
  add(
    kind: string,
    key: string,
    value: string,
    nowMs: number,
    options?: RecordOptions,
  ): Promise<StoredRecord | undefined>;
  /**
   * Writes a record in place of any other, or with `ifVersion` in place of that version alone (0: of none, of none that
   * has expired and is not purged yet either: {@link add} takes the place of those).
   * @returns its version; undefined where another version is there
   */
  put(
    kind: string,
    key: string,
    value: string,
    options?: RecordOptions & { readonly ifVersion?: number },
  ): Promise<number | undefined>;
  delete(kind: string, key: string): Promise<void>;
  /** Removes what has expired. */
  purge(nowMs: number): Promise<void>;
}

/**
 * The error of a call that a table of records has rejected: what instances share could not be read or changed.
 * @param what begins the sentence: `The sign-in of …`
 */
export function sharedStoreUnavailable(what: string, cause: unknown): BridgeError {
  const message = `${what} in the store that the instances share, which cannot be used now (${errorText(cause).replace(/\.$/, '')}).`;
  return new BridgeError('shared-store-unavailable', message, { cause });
}
