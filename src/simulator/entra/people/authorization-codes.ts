import { createHash, randomBytes } from 'node:crypto';
import type { AppRegistration, Tenant } from '../../tenant/tenant.ts';
import { AadstsError } from '../aadsts.ts';
import type { Platform } from '../redirect-uris.ts';
import type { SignedInUser } from './signed-in.ts';

/** The sign-in that an authorization code stands for. */
export interface AuthorizationCode {
  readonly app: AppRegistration;
  readonly platform: Platform;
  readonly signedIn: SignedInUser;
  readonly redirectUri: string;
  readonly scope: string;
  readonly nonce?: string;
  /** PKCE (RFC 7636), if the client used it. */
  readonly challenge?: { readonly value: string; readonly method: 'S256' | 'plain' };
}

const lifetimeMs = 10 * 60 * 1000;

/** The issued authorization codes; each is valid once, for ten minutes. */
export class AuthorizationCodes {
  readonly #tenant: Tenant;
  readonly #codes = new Map<string, AuthorizationCode & { readonly issuedAtMs: number; redeemed: boolean }>();

  constructor(tenant: Tenant) {
    this.#tenant = tenant;
  }

  issue(code: AuthorizationCode): string {
    const name = `1.${randomBytes(160).toString('base64url')}`;
    this.#codes.set(name, { ...code, issuedAtMs: this.#tenant.nowMs(), redeemed: false });
    return name;
  }

  /** The platform a code was issued for, while the code is known. */
  platformOf(name: string): Platform | undefined {
    return this.#codes.get(name)?.platform;
  }

  /** Redeems a code. @throws AadstsError 70000, 54005, 70008, 500112, 501481 */
  redeem(name: string, app: AppRegistration, redirectUri: string, verifier: string | null): AuthorizationCode {
    const code = this.#codes.get(name);
    if (!code || code.app !== app) throw AadstsError.of('70000');
    if (code.redeemed) throw AadstsError.of('54005');
    if (code.issuedAtMs + lifetimeMs <= this.#tenant.nowMs()) throw AadstsError.of('70008');
    if (code.redirectUri !== redirectUri) throw AadstsError.of('500112', redirectUri, code.redirectUri);
    if (!fits(code.challenge, verifier)) throw AadstsError.of('501481');
    code.redeemed = true;
    return code;
  }
}

function fits(challenge: AuthorizationCode['challenge'], verifier: string | null): boolean {
  if (!challenge) return verifier === null;
  if (verifier === null) return false;
  const { value, method } = challenge;
  return value === (method === 'plain' ? verifier : createHash('sha256').update(verifier).digest('base64url'));
}
