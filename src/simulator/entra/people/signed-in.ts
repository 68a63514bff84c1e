import type { Tenant, User } from '../../tenant/tenant.ts';

/** A person who has signed in, and how. */
export interface SignedInUser {
  readonly user: User;
  /** Milliseconds since 1970, by the tenant's clock. */
  readonly atMs: number;
  /** Whether a second factor was used. */
  readonly multiFactor: boolean;
  /** How many times the person's sign-ins had been ended before this one. */
  readonly endedBefore: number;
}

/** A sign-in that happens now. */
export function signedInNow(tenant: Tenant, user: User, multiFactor: boolean): SignedInUser {
  return { user, atMs: tenant.nowMs(), multiFactor, endedBefore: user.signInsEnded.times };
}

/** Whether the person's sign-ins have been ended since, by a changed password or an administrator. */
export function isEnded({ user, endedBefore }: SignedInUser): boolean {
  return user.signInsEnded.times !== endedBefore;
}
