import type { Clock } from '../base/clock.ts';
import { BridgeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { AccessToken } from './access-token.ts';
import type { Grant } from './grants/grant.ts';

/** Options of a token cache. */
export interface TokenCacheOptions {
  /** Names of the connection and the resource, for the log. */
  readonly connection: string;
  readonly resource: string;
  readonly grant: Grant;
  readonly scopes: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

/** A token is renewed this long before it expires, or a tenth of its lifetime if that is less. */
const renewBeforeMs = 5 * 60 * 1000;
/** Minimum interval between forced renewals of a token refused upstream: the cause may be a missing permission. */
const forceIntervalMs = 30_000;
const firstPauseMs = 1000;
const longestPauseMs = 60_000;

/**
 * The tokens of one connection for one resource. They are cached, renewed early while the old one is still in use, and
 * requested once for all concurrent callers. After a failure, all callers get that failure for a while: Entra ID
 * penalizes clients that ask in a loop (AADSTS50196).
 */
export class TokenCache {
  readonly #options: TokenCacheOptions;
  #token: AccessToken | undefined;
  #renewFromMs = 0;
  #inFlight: Promise<AccessToken> | undefined;
  #failure:
    | { readonly error: unknown; readonly count: number; readonly sinceMs: number; readonly untilMs: number }
    | undefined;
  #forcedAtMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(options: TokenCacheOptions) {
    this.#options = options;
  }

  /**
   * Returns a token that has not expired.
   * @param refused the token an upstream has just refused; if it is the cached one, a new one is requested
   * @param anew asks again although a failure is remembered
   * @throws BridgeError of the grant, or the remembered one
   */
  async get(refused?: string, anew = false): Promise<AccessToken> {
    if (anew && this.#failure) this.#failure = { ...this.#failure, untilMs: Number.NEGATIVE_INFINITY };
    const nowMs = this.#options.clock.now();
    const token = this.#token;
    if (token === undefined || token.expiresAtMs <= nowMs) return await this.#renew(false);
    if (refused !== undefined && refused === token.value) {
      // Other callers keep the token meanwhile: it may fail for only one mailbox.
      if (this.#inFlight !== undefined) return await this.#inFlight;
      // A time later than now is from before the clock was set back.
      if (this.#forcedAtMs <= nowMs && nowMs - this.#forcedAtMs < forceIntervalMs) return token;
      this.#forcedAtMs = nowMs;
      return await this.#renew(true);
    }
    if (nowMs >= this.#renewFromMs) this.#renewInBackground();
    return token;
  }

  /** Expiry of the cached token, in milliseconds since 1970. */
  get expiresAtMs(): number | undefined {
    return this.#token?.expiresAtMs;
  }

  /** The current request will be aborted, and nobody needs its result. */
  close(): void {
    this.#isClosed = true;
  }

  #renewInBackground(): void {
    if (this.#inFlight !== undefined || this.#remembered()) return;
    const { connection, resource, log } = this.#options;
    this.#renew(false).catch((error: unknown) => {
      if (this.#isClosed) return;
      const fields = { connection, resource, error };
      const line = 'cannot renew the token: the old one is used until it expires';
      if (error instanceof BridgeError && error.kind === 'temporary') log.warn(fields, line);
      else log.error(fields, line);
    });
  }

  #renew(forceRenew: boolean): Promise<AccessToken> {
    if (this.#inFlight !== undefined) return this.#inFlight;
    const remembered = this.#remembered();
    if (remembered) return Promise.reject(remembered.error);
    this.#inFlight = this.#acquire(forceRenew).finally(() => {
      this.#inFlight = undefined;
    });
    return this.#inFlight;
  }

  async #acquire(forceRenew: boolean): Promise<AccessToken> {
    const { connection, resource, grant, scopes, clock, log } = this.#options;
    try {
      const token = await grant.acquire(scopes, { forceRenew });
      const lifetimeMs = token.expiresAtMs - clock.now();
      this.#renewFromMs = token.expiresAtMs - Math.min(renewBeforeMs, lifetimeMs / 10);
      this.#token = token;
      const line = this.#failure ? 'token obtained again' : 'token obtained';
      log[this.#failure ? 'info' : 'debug']({ connection, resource, grant: grant.kind, token }, line);
      this.#failure = undefined;
      return token;
    } catch (error) {
      this.#remember(error);
      throw error;
    }
  }

  #remember(error: unknown): void {
    const count = (this.#failure?.count ?? 0) + 1;
    const known = error instanceof BridgeError ? error : undefined;
    // No request is made while a sign-in is missing, and a new one may arrive at any moment.
    const needsSignIn = known?.code === 'sign-in-needed' || known?.code === 'sign-in-ended';
    const pauseMs = needsSignIn ? 0 : Math.min(longestPauseMs, firstPauseMs * 2 ** (count - 1));
    const askedMs = Number(known?.details.retryAfterMs ?? 0);
    const sinceMs = this.#options.clock.now();
    this.#failure = { error, count, sinceMs, untilMs: sinceMs + Math.max(pauseMs, askedMs) };
  }

  #remembered() {
    const failure = this.#failure;
    const nowMs = this.#options.clock.now();
    return failure && failure.sinceMs <= nowMs && nowMs < failure.untilMs ? failure : undefined;
  }
}
