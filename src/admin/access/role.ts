/** What a caller may do: `view` reads, `operate` also changes things. */
export const roles = ['view', 'operate'] as const;
export type Role = (typeof roles)[number];

/** Whether a role includes the needed one. */
export function mayAct(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed);
}

/** How somebody has signed in, or a program identifies itself. */
export const signInMethods = ['token', 'oidc'] as const;
export type SignInMethod = (typeof signInMethods)[number];

/** Who makes a request. */
export interface Caller {
  /** For people and the audit log: `admin token`, `anna@contoso.com`. */
  readonly user: string;
  readonly role: Role;
  readonly by: SignInMethod;
}
