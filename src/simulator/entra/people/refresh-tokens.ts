import { randomBytes } from 'node:crypto';
import type { AppRegistration, Tenant } from '../../tenant/tenant.ts';
import { AadstsError } from '../aadsts.ts';
import { isEnded, type SignedInUser } from './signed-in.ts';

/** The sign-in that a refresh token stands for: at one app, for any resource. */
export interface RefreshGrant {
  readonly app: AppRegistration;
  readonly signedIn: SignedInUser;
  /** The scope of the request it was issued for. */
  readonly scope: string;
  /** Whether the client authenticated, and must do so again. */
  readonly confidential: boolean;
}

const dayMs = 24 * 60 * 60 * 1000;

/** The issued refresh tokens. Learn, "Refresh tokens in the Microsoft identity platform". */
export class RefreshTokens {
  readonly #tenant: Tenant;
  readonly #grants = new Map<string, RefreshGrant & { readonly issuedAtMs: number; used: boolean }>();

  constructor(tenant: Tenant) {
    this.#tenant = tenant;
  }

  issue(grant: RefreshGrant): string {
    const name = `1.${randomBytes(240).toString('base64url')}`;
    this.#grants.set(name, { ...grant, issuedAtMs: this.#tenant.nowMs(), used: false });
    return name;
  }

  /** The grant of a valid refresh token. @throws AadstsError 9002313, 70000, 50173, 700082, 70043 */
  find(name: string, app: AppRegistration): RefreshGrant {
    const grant = this.#grants.get(name);
    if (!grant) throw AadstsError.of('9002313');
    const { lifetimes, policies } = this.#tenant;
    if (grant.app !== app || (grant.used && lifetimes.refreshTokenReuse === 'forbid')) throw AadstsError.of('70000');
    const { signedIn, issuedAtMs } = grant;
    if (isEnded(signedIn)) throw AadstsError.of('50173', time(issuedAtMs), time(signedIn.user.signInsEnded.atMs));
    const now = this.#tenant.nowMs();
    const days = lifetimes.refreshTokenInactivityDays;
    if (now - issuedAtMs >= days * dayMs) throw AadstsError.of('700082', time(issuedAtMs), String(days));
    const frequency = policies.signInFrequencySeconds;
    if (frequency > 0 && now - signedIn.atMs >= frequency * 1000) {
      throw AadstsError.of('70043', time(signedIn.atMs), String(frequency));
    }
    return grant;
  }

  /** Records that a token has been used. */
  spend(name: string): void {
    const grant = this.#grants.get(name);
    if (grant) grant.used = true;
  }
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
