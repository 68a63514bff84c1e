import type { Clock } from '../../base/clock.ts';
import { BridgeError, type ErrorCode } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { openSealed, type Seal, type SealFault, sealText } from './sealed-file.ts';

/** A person's sign-in, and what renews it. */
export interface SignIn {
  /** `https://host[:port]` */
  readonly authority: string;
  /** As configured. */
  readonly tenantId: string;
  readonly clientId: string;
  /** User principal name of who signed in. */
  readonly username: string;
  /** The person's own tenant (`tid`). */
  readonly homeTenantId: string;
  /** `oid` of the person in that tenant. Absent in what earlier versions have stored. */
  readonly objectId?: string;
  /** Scopes granted, by resource, as Entra ID named them. */
  readonly scopes: { readonly graph?: readonly string[]; readonly exchange?: readonly string[] };
  readonly signedInAtMs: number;
  /** When the refresh token was last used. */
  readonly renewedAtMs: number;
  /** The Microsoft library's token cache, serialized. Holds the refresh token: as secret as a password. */
  readonly msalCache: string;
  /** Set when Entra ID has ended the sign-in: what it said. */
  readonly ended?: { readonly atMs: number; readonly aadsts?: string; readonly cause: string };
}

/** What a change of a sign-in leads to. */
export interface SignInChange<T> {
  /** What to store; left out, the sign-in stays as it is. */
  readonly signIn?: SignIn | undefined;
  /** What {@link SignInStore.update} returns. */
  readonly result: T;
}

/**
 * Where the sign-in of one connection is kept: a file, or a record that instances share. Any number of processes may
 * share it. What cannot be opened is never overwritten: `read` and `update` refuse it, `replace` and `remove` move it
 * aside.
 *
 * Everything throws BridgeError `sign-in-file-unusable`, or of a record `shared-store-unavailable`; where it has to open
 * what is kept `sign-in-file-foreign`, `sign-in-file-newer`, `sign-in-file-damaged`, `sign-in-file-key-wrong`,
 * `sign-in-file-other-app`; where it changes it `sign-in-file-locked`; and what the key throws.
 */
export interface SignInStore {
  /** The sign-in, or undefined where nobody has signed in yet. Waits for no lock. */
  read(): Promise<SignIn | undefined>;
  /** Reads, changes and writes under a lock that holds across processes and instances. When `change` throws nothing is written. */
  update<T>(change: (current: SignIn | undefined) => Promise<SignInChange<T>>): Promise<T>;
  /** Stores a new sign-in, whatever was there before. */
  replace(signIn: SignIn): Promise<void>;
  /** Forgets the sign-in. */
  remove(): Promise<void>;
}

/** What a sign-in store needs, wherever it keeps the sign-in. */
export interface SignInStoreOptions {
  /** Name of the connection, for messages. */
  readonly connection: string;
  /** The app registration that the sign-in is for: that of another is refused. */
  readonly app: { readonly authority: string; readonly tenantId: string; readonly clientId: string };
  /** 32 bytes; asked for when first needed. */
  readonly key: () => Promise<Buffer>;
  readonly clock: Clock;
  readonly log: Log;
  /** How long to wait for the lock; default 120,000, as others ask Entra ID for tokens while they have it. */
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

/** Opens what {@link sealSignIn} made, or says why it cannot. @throws what the key throws */
export async function openSignIn(
  content: Buffer,
  options: SignInStoreOptions,
): Promise<{ readonly signIn: SignIn } | { readonly fault: SealFault }> {
  const opened = openSealed(content, await signInSeal(options));
  // Sealed with our key, so it is what was stored.
  return 'fault' in opened ? opened : { signIn: JSON.parse(opened.text) as SignIn };
}

/** What is kept of a sign-in. @throws what the key throws */
export async function sealSignIn(signIn: SignIn, options: SignInStoreOptions): Promise<Buffer> {
  return sealText(JSON.stringify(signIn), await signInSeal(options));
}

/** What seals the sign-in of an app registration. */
async function signInSeal({ app, key }: SignInStoreOptions): Promise<Seal> {
  const { authority, tenantId, clientId } = app;
  return {
    key: await key(),
    owner: [new URL(authority).origin, tenantId.toLowerCase(), clientId.toLowerCase()].join('|'),
  };
}

/**
 * The error of a sign-in that is there and cannot be opened.
 * @param place where it is, in brackets after the connection
 * @param options what it has beside its text
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
