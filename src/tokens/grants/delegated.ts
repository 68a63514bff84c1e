import { BridgeError } from '../../base/errors.ts';
import { AccessToken } from '../access-token.ts';
import { peopleAuthority } from '../entra/authority.ts';
import { type DelegatedScopes, missingScopes } from '../entra/scopes.ts';
import { endOf, endsSignIn, signInEnded, signInNeeded } from '../sign-ins/end.ts';
import type { SignIn, SignInChange, SignInStore } from '../sign-ins/store.ts';
import { findToken, holdsRefreshToken, unpackCache } from '../sign-ins/stored-msal-cache.ts';
import { newSignIn, renewedSignIn, type SignedIn, type UserClientOptions } from '../sign-ins/user-sign-in.ts';
import type { TokenResource } from '../token-source.ts';
import { clientProof } from './client-credential.ts';
import type { Grant } from './grant.ts';
import { signInByPassword } from './password.ts';
import { RefusedPassword } from './refused-password.ts';
import { requestUserToken } from './user-token-request.ts';

/** Options of a delegated grant. */
export type DelegatedGrantOptions = UserClientOptions & {
  readonly store: SignInStore;
  /** The scopes to request for each resource. */
  readonly scopes: DelegatedScopes;
} & (
    | { readonly kind: 'device-code' | 'authorization-code' }
    | {
        readonly kind: 'password';
        /** User principal name. */
        readonly username: string;
        /** Called for each sign-in, so that a replaced password takes effect. */
        readonly password: () => string;
      }
  );

/** The scopes one resource granted. */
export interface Redemption {
  readonly granted: readonly string[];
  /** Wanted but not granted. */
  readonly missing: readonly string[];
  /** Why nothing was granted: usually, nobody has consented yet (AADSTS65001). */
  readonly refusal?: BridgeError;
}

/** A grant in the name of a signed-in person. */
export interface DelegatedGrant extends Grant {
  /**
   * Uses the sign-in's refresh token for another resource, regardless of the one it was issued for. Call it after a
   * sign-in, so that a missing consent shows while the person is still there.
   * @throws BridgeError like `acquire`, except for a refusal that does not affect the sign-in
   */
  redeem(resource: TokenResource): Promise<Redemption>;
  /**
   * Renews the sign-in if it was last renewed at least `maxAgeMs` ago; call it about once a day. An unused refresh
   * token expires after 90 days (Microsoft identity platform documentation, "Refresh tokens"), and mail may be rarer
   * than that.
   * @returns whether it was renewed; also false if nobody has signed in or the sign-in has ended
   * @throws BridgeError like `acquire`
   */
  renewIfOld(maxAgeMs: number): Promise<boolean>;
}

/** A stored token that lives longer than this is good enough. Longer than the time at which the cache above renews. */
const freshForMs = 5 * 60 * 1000;

/**
 * The grant of a connection that acts in a person's name. The sign-in is kept in a store shared with other processes.
 * Each request holds the store's lock, so that no refresh token is lost, and uses a token that another process has just
 * fetched.
 *
 * `acquire` throws `sign-in-needed` if nobody has signed in yet, and `sign-in-ended` once Entra ID requires a new
 * sign-in: it records that in the store, and nobody asks again until somebody has signed in. With a password, it signs
 * in automatically. Other errors are those of `tokenError`, or of the store.
 * @throws BridgeError `authority-invalid`, `tenant-invalid`, `client-certificate-invalid`
 */
export function delegatedGrant(options: DelegatedGrantOptions): DelegatedGrant {
  peopleAuthority(options.name, options.authority, options.tenantId);
  if (options.credential) clientProof(options.name, options.credential);
  return new StoredSignInGrant(options);
}

/** The result of work under the store's lock. An ended sign-in has to be written, so it must not be thrown there. */
type Outcome<T> = { readonly value: T } | { readonly ended: BridgeError };

class StoredSignInGrant implements DelegatedGrant {
  readonly kind: string;
  readonly #options: DelegatedGrantOptions;
  readonly #refusedPassword: RefusedPassword;

  constructor(options: DelegatedGrantOptions) {
    this.kind = options.kind;
    // Device codes are issued to public clients, and the resulting sign-in is renewed as one.
    this.#options = options.kind === 'device-code' ? { ...options, credential: undefined } : options;
    this.#refusedPassword = new RefusedPassword(options.clock);
  }

  acquire(scopes: readonly string[], { forceRenew }: { readonly forceRenew: boolean }): Promise<AccessToken> {
    return this.#renewed(
      scopes,
      (signIn) => (forceRenew ? undefined : this.#storedToken(signIn, scopes)),
      (renewal) => renewal.accessToken,
    );
  }

  async redeem(resource: TokenResource): Promise<Redemption> {
    const wanted = this.#options.scopes[resource] ?? [];
    try {
      const granted = await this.#renewed(
        wanted,
        () => undefined,
        (renewal) => renewal.scopes,
      );
      return { granted, missing: missingScopes(wanted, granted) };
    } catch (error) {
      if (!(error instanceof BridgeError) || error.code !== 'token-refused') throw error;
      return { granted: [], missing: missingScopes(wanted, []), refusal: error };
    }
  }

  async renewIfOld(maxAgeMs: number): Promise<boolean> {
    const { store, clock } = this.#options;
    const isOld = ({ renewedAtMs }: SignIn) => clock.now() - renewedAtMs >= maxAgeMs;
    const signIn = await store.read();
    if (!signIn || signIn.ended || !isOld(signIn)) return false;
    return await this.#renewed(
      this.#grantedScopes(signIn),
      // Another process may have been faster.
      (current) => (isOld(current) ? undefined : false),
      () => true,
    );
  }

  /**
   * Uses the refresh token under the store's lock.
   * @param enough returns what makes that unnecessary, if the store has it
   */
  async #renewed<T>(
    scopes: readonly string[],
    enough: (signIn: SignIn) => T | undefined,
    of: (renewal: SignedIn) => T,
  ): Promise<T> {
    const outcome = await this.#options.store.update<Outcome<T>>(async (current) => {
      const usable = this.#usable(current);
      const value = usable && enough(usable);
      if (value !== undefined) return { result: { value } };
      const { signIn, result } = await this.#renew(usable, scopes);
      return { signIn, result: 'ended' in result ? result : { value: of(result.value) } };
    });
    if ('ended' in outcome) throw outcome.ended;
    return outcome.value;
  }

  /** Returns the sign-in that can be renewed. Without one, only a password helps. */
  #usable(signIn: SignIn | undefined): SignIn | undefined {
    const options = this.#options;
    if (options.kind === 'password') {
      const sameUser = signIn?.username.toLowerCase() === options.username.toLowerCase();
      return sameUser && !signIn.ended ? signIn : undefined;
    }
    if (!signIn) throw signInNeeded(options.name);
    if (signIn.ended) throw signInEnded(options.name, signIn, signIn.ended);
    return signIn;
  }

  async #renew(signIn: SignIn | undefined, scopes: readonly string[]): Promise<SignInChange<Outcome<SignedIn>>> {
    if (!signIn) return await this.#signInByPassword(scopes);
    const { name, kind, clock } = this.#options;
    try {
      const renewal = await this.#refresh(signIn, scopes);
      const renewed = renewedSignIn(signIn, renewal, this.#resourceOf(scopes), clock.now());
      return { signIn: renewed, result: { value: renewal } };
    } catch (error) {
      if (!endsSignIn(error)) throw error;
      if (kind === 'password') return await this.#signInByPassword(scopes);
      const over = { ...signIn, ended: endOf(error, clock.now()) };
      return { signIn: over, result: { ended: signInEnded(name, over, over.ended, error) } };
    }
  }

  async #refresh({ msalCache }: SignIn, scopes: readonly string[]): Promise<SignedIn> {
    const { name } = this.#options;
    if (!holdsRefreshToken(unpackCache(msalCache))) throw signInNeeded(name, 'the sign-in kept cannot be renewed');
    return await requestUserToken(this.#options, { scopes, msalCache }, async (app) => {
      const [account] = await app.getTokenCache().getAllAccounts();
      if (!account) throw signInNeeded(name, 'the sign-in kept names nobody');
      return await app.acquireTokenSilent({ account, scopes: [...scopes], forceRefresh: true });
    });
  }

  async #signInByPassword(scopes: readonly string[]): Promise<SignInChange<Outcome<SignedIn>>> {
    const options = this.#options;
    if (options.kind !== 'password') throw signInNeeded(options.name);
    const password = options.password();
    this.#refusedPassword.assertNot(password);
    try {
      const signedIn = await signInByPassword({ ...options, scopes, password: () => password });
      return { signIn: newSignIn(options, signedIn, this.#resourceOf(scopes)), result: { value: signedIn } };
    } catch (error) {
      this.#refusedPassword.remember(password, error);
      throw error;
    }
  }

  #storedToken({ msalCache }: SignIn, scopes: readonly string[]): AccessToken | undefined {
    const token = findToken(unpackCache(msalCache), scopes, this.#options.clock.now(), freshForMs);
    return token && new AccessToken(token.value, token.expiresAtMs);
  }

  #resourceOf(scopes: readonly string[]): TokenResource | undefined {
    const asked = scopes.join(' ');
    const { graph, exchange } = this.#options.scopes;
    if (asked === exchange?.join(' ')) return 'exchange';
    return asked === graph?.join(' ') ? 'graph' : undefined;
  }

  /** The scopes a renewal can request without being refused: those granted before. */
  #grantedScopes({ scopes }: SignIn): readonly string[] {
    for (const resource of ['exchange', 'graph'] as const) {
      const granted = scopes[resource] ?? [];
      const wanted = this.#options.scopes[resource] ?? granted;
      if (granted.length > 0) return missingScopes(wanted, granted).length === 0 ? wanted : granted;
    }
    return ['openid'];
  }
}
