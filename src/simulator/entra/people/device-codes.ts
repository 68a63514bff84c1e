import { randomBytes, randomInt } from 'node:crypto';
import type { AppRegistration, Tenant } from '../../tenant/tenant.ts';
import { AadstsError } from '../aadsts.ts';
import type { SignedInUser } from './signed-in.ts';

/** A device waiting for somebody to sign in elsewhere (RFC 8628). */
export interface PendingDeviceCode {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly app: AppRegistration;
  /** How the URL named the tenant. */
  readonly tenantName: string;
  readonly scope: string;
  readonly expiresAtMs: number;
  readonly intervalMs: number;
  /** When the device last polled. */
  askedAtMs: number | undefined;
  /** Who signed in, or why the sign-in failed. */
  outcome: SignedInUser | AadstsError | 'redeemed' | undefined;
}

// No vowels, so that no words form, and no characters that look alike.
const alphabet = 'BCDFGHJKLMNPQRSTVWXZ23456789';

/** The issued device codes. */
export class DeviceCodes {
  readonly #tenant: Tenant;
  readonly #codes: PendingDeviceCode[] = [];

  constructor(tenant: Tenant) {
    this.#tenant = tenant;
  }

  issue(app: AppRegistration, scope: string, tenantName: string): PendingDeviceCode {
    const { deviceCodeLifetimeSeconds, deviceCodeIntervalSeconds } = this.#tenant.lifetimes;
    const code: PendingDeviceCode = {
      deviceCode: randomBytes(96).toString('base64url'),
      userCode: Array.from({ length: 9 }, () => alphabet[randomInt(alphabet.length)]).join(''),
      app,
      tenantName,
      scope,
      expiresAtMs: this.#tenant.nowMs() + deviceCodeLifetimeSeconds * 1000,
      intervalMs: deviceCodeIntervalSeconds * 1000,
      askedAtMs: undefined,
      outcome: undefined,
    };
    this.#codes.push(code);
    return code;
  }

  /** Finds the code that a person typed. @throws AadstsError 70018, 70019 */
  byUserCode(typed: string): PendingDeviceCode {
    const wanted = typed.replace(/[\s-]/g, '').toUpperCase();
    const found = this.#codes.find(({ userCode, outcome }) => userCode === wanted && outcome === undefined);
    if (!found) throw AadstsError.of('70018');
    if (this.#isExpired(found)) throw AadstsError.of('70019');
    return found;
  }

  /**
   * Redeems a device's code, once; a person has signed in by then.
   * @throws AadstsError 70018 unknown, 70020 expired, 70016 pending or `slow_down`, or why the sign-in failed
   */
  redeem(deviceCode: string, app: AppRegistration): { readonly signedIn: SignedInUser; readonly scope: string } {
    const found = this.#codes.find((one) => one.deviceCode === deviceCode && one.app === app);
    if (!found) throw AadstsError.of('70018');
    const { outcome } = found;
    if (outcome === undefined && !this.#isExpired(found)) throw this.#pending(found);
    if (outcome === undefined || outcome === 'redeemed') throw AadstsError.of('70020');
    if (outcome instanceof AadstsError) throw outcome;
    found.outcome = 'redeemed';
    return { signedIn: outcome, scope: found.scope };
  }

  #pending(code: PendingDeviceCode): AadstsError {
    const now = this.#tenant.nowMs();
    // Half the interval: a timer that fires slightly early is allowed.
    const isTooSoon = code.askedAtMs !== undefined && now - code.askedAtMs < code.intervalMs / 2;
    code.askedAtMs = now;
    const pending = AadstsError.of('70016');
    return isTooSoon ? pending.as('slow_down') : pending;
  }

  #isExpired(code: PendingDeviceCode): boolean {
    return code.expiresAtMs <= this.#tenant.nowMs();
  }
}
