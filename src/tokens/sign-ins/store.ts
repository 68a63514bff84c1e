import type { Clock } from '../../base/clock.ts';
import { BridgeError, type ErrorCode } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { openSealed, type Seal, type SealFault, sealText } from './sealed-file.ts';

/** A person's sign-in, and the data to renew it. */
export interface SignIn {
  /** `https://host[:port]` */
  readonly authority: string;
  /** As configured. */
  readonly tenantId: string;
  readonly clientId: string;
  /** User principal name of the signed-in person. */
  readonly username: string;
  /** The person's own tenant (`tid`). */
  readonly homeTenantId: string;
  /** `oid` of the person in that tenant. Absent from what earlier versions stored. */
  readonly objectId?: string;
  /** Granted scopes, by resource, as Entra ID named them. */
  readonly scopes: { readonly graph?: readonly string[]; readonly exchange?: readonly string[] };
  readonly signedInAtMs: number;
  /** When the refresh token was last used. */
  readonly renewedAtMs: number;
  /** The Microsoft library's token cache, serialized. Contains the refresh token: as secret as a password. */
  readonly msalCache: string;
  /** Set once Entra ID has ended the sign-in: its answer. */
  readonly ended?: { readonly atMs: number; readonly aadsts?: string; readonly cause: string };
}

/** Result of a change to a sign-in. */
export interface SignInChange<T> {
  /** What to store; if absent, the sign-in stays unchanged. */
  readonly signIn?: SignIn | undefined;
  /** Returned by {@link SignInStore.update}. */
  readonly result: T;
}

/**
 * Stores the sign-in of one connection: a file, or a record shared by instances. Any number of processes can share it.
 * Data that cannot be opened is never overwritten: `read` and `update` refuse it, `replace` and `remove` move it aside.
 *
 * All methods throw BridgeError `sign-in-file-unusable`, or `shared-store-unavailable` for a record. When opening
 * stored data, they throw `sign-in-file-foreign`, `sign-in-file-newer`, `sign-in-file-damaged`,
 * `sign-in-file-key-wrong` or `sign-in-file-other-app`; when changing it, `sign-in-file-locked`; and what the key
 * throws.
 */
export interface SignInStore {
  /** Returns the sign-in, or undefined if nobody has signed in yet. Does not wait for the lock. */
  read(): Promise<SignIn | undefined>;
  /**
   * Reads, changes and writes under a lock shared by processes and instances. If `change` throws, nothing is written.
   */
  update<T>(change: (current: SignIn | undefined) => Promise<SignInChange<T>>): Promise<T>;
  /** Stores a new sign-in, replacing whatever was there. */
  replace(signIn: SignIn): Promise<void>;
  /** Removes the sign-in. */
  remove(): Promise<void>;
}

/** Options of a sign-in store, of either kind. */
export interface SignInStoreOptions {
  /** Name of the connection, for messages. */
  readonly connection: string;
  /** The app registration the sign-in is for; a sign-in for another one is refused. */
  readonly app: { readonly authority: string; readonly tenantId: string; readonly clientId: string };
  /** 32 bytes; called when first needed. */
  readonly key: () => Promise<Buffer>;
  readonly clock: Clock;
  readonly log: Log;
  /** How long to wait for the lock; default 120,000, because its holders may be requesting tokens from Entra ID. */
  readonly lockTimeoutMs?: number | undefined;
}

export const defaultLockTimeoutMs = 120_000;

const faultTexts: Readonly<Record<SealFault, string>> = {
  foreign: 'is not a mailbridge sign-in',
  newer: 'was written by a later version of mailbridge',
  damaged: 'is damaged',
  'other-owner': 'belongs to another app registration or tenant than the connection names now',
  'key-wrong': 'was encrypted with another key',
};

export const signInFaultCodes: Readonly<Record<SealFault, ErrorCode>> = {
  foreign: 'sign-in-file-foreign',
  newer: 'sign-in-file-newer',
  damaged: 'sign-in-file-damaged',
  'other-owner': 'sign-in-file-other-app',
  'key-wrong': 'sign-in-file-key-wrong',
};

/** Opens what {@link sealSignIn} encrypted, or says why it cannot. @throws what the key throws */
export async function openSignIn(
  content: Buffer,
  options: SignInStoreOptions,
): Promise<{ readonly signIn: SignIn } | { readonly fault: SealFault }> {
  const opened = openSealed(content, await signInSeal(options));
  // Sealed with our key, so the content is what was stored.
  return 'fault' in opened ? opened : { signIn: JSON.parse(opened.text) as SignIn };
}

/** Encrypts a sign-in for storage. @throws what the key throws */
export async function sealSignIn(signIn: SignIn, options: SignInStoreOptions): Promise<Buffer> {
  return sealText(JSON.stringify(signIn), await signInSeal(options));
}

/** Returns the seal for the sign-in of an app registration. */
async function signInSeal({ app, key }: SignInStoreOptions): Promise<Seal> {
  const { authority, tenantId, clientId } = app;
  return {
    key: await key(),
    owner: [new URL(authority).origin, tenantId.toLowerCase(), clientId.toLowerCase()].join('|'),
  };
}

/**
 * Creates the error of a sign-in that exists but cannot be opened.
 * @param place where it is stored, in brackets after the connection
 * @param options added to the error besides its text
 */
export function signInUnopened(
  connection: string,
  place: string,
  fault: SealFault,
  options: { readonly remedy?: string; readonly details: Readonly<Record<string, string>> },
): BridgeError {
  const message = `The sign-in of connection "${connection}" (${place}) ${faultTexts[fault]}.`;
  return new BridgeError(signInFaultCodes[fault], message, options);
}
