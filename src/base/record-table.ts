import { BridgeError, errorText } from './errors.ts';

/** Every kind of {@link StoredRecord}, by purpose. */
export const recordKinds = {
  /** A store's data about itself. */
  store: 'store',
  /** Recent messages by fingerprint: the ID of each. */
  duplicate: 'duplicate',
  /** How often a message was received again, by its ID. */
  drops: 'drops',
  /** The recipients of a message's copy, by its marker. */
  copy: 'copy',
  /** Secret keys. */
  key: 'key',
  /** A person's sign-in, encrypted, by the name of its connection. */
  signIn: 'sign-in',
  /** Holder of the lock of a sign-in, by the same name. */
  signInLock: 'sign-in-lock',
  /** Sign-ins that could not be opened, by that name and the time. */
  signInUnreadable: 'sign-in-unreadable',
  /** App passwords, by login and name. */
  appPassword: 'app-password',
  /** When an app password was last used, by its ID; ISO 8601. */
  appPasswordUse: 'app-password-use',
  /**
   * One record whose version grows with every change of an app password, so that nobody has to read them all to find no
   * change.
   */
  appPasswordChange: 'app-password-change',
  /** Blocks, and failures that have reached half of the limit, as reported by an instance. */
  loginFailures: 'login-failures',
  /** An active alert, by its ID. */
  alert: 'alert',
  /** News of an alert that the webhook has not yet accepted, by instance and time. */
  alertPost: 'alert-post',
  /** Invitations to `/connect`, by ID. */
  invitation: 'invitation',
} as const;

/** A small fact of one kind, by its key. */
export interface StoredRecord {
  readonly value: string;
  /** Grows with each change of the record. */
  readonly version: number;
  /** Expiry, in milliseconds since 1970; undefined: never. */
  readonly expiresAtMs?: number;
}

/** Options for writing a record. */
export interface RecordOptions {
  readonly expiresAtMs?: number;
  /**
   * A power failure may undo the write; a crash of the process does not. Default: false. Cheaper if many are written.
   */
  readonly soft?: boolean;
}

/**
 * Small facts that outlive a process and are shared by all instances of a store: duplicates seen, keys, sign-ins. Kinds
 * and keys are any text up to 1,000 characters; values up to 1 MB.
 */
export interface RecordTable {
  /** Undefined if there is none, or it has expired. */
  get(kind: string, key: string, nowMs: number): Promise<StoredRecord | undefined>;
  /** Records that have not expired, by key; optionally only keys with a prefix. */
  list(kind: string, nowMs: number, prefix?: string): Promise<ReadonlyMap<string, StoredRecord>>;
  /** Writes a record unless there is one. @returns the existing one, which stays, or undefined if it was written */
  add(
    kind: string,
    key: string,
    value: string,
    nowMs: number,
    options?: RecordOptions,
  ): Promise<StoredRecord | undefined>;
  /**
   * Writes a record in place of any other, or with `ifVersion` only in place of that version (0: of none, not even one
   * that has expired but is not purged yet: {@link add} replaces those).
   * @returns its version; undefined if another version is there
   */
  put(
    kind: string,
    key: string,
    value: string,
    options?: RecordOptions & { readonly ifVersion?: number },
  ): Promise<number | undefined>;
  delete(kind: string, key: string): Promise<void>;
  /** Removes expired records. */
  purge(nowMs: number): Promise<void>;
}

/**
 * Creates the error of a call rejected by a table of records: data shared by instances could not be read or changed.
 * @param what begins the sentence: `The sign-in of …`
 */
export function sharedStoreUnavailable(what: string, cause: unknown): BridgeError {
  const message = `${what} in the store that the instances share, which cannot be used now (${errorText(cause).replace(/\.$/, '')}).`;
  return new BridgeError('shared-store-unavailable', message, { cause });
}
