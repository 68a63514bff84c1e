/** What a caller may do: `view` looks, `operate` changes things too. */
export const roles = ['view', 'operate'] as const;
export type Role = (typeof roles)[number];

/** Whether a role is enough for what needs another. */
export function mayAct(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed);
}

/** How somebody has signed in, or a program shows who it is. */
export const signInMethods = ['token', 'oidc'] as const;
export type SignInMethod = (typeof signInMethods)[number];

/** Who asks for something. */
export interface Caller {
  /** For people and the audit log: `admin token`, `anna@contoso.com`. */
  readonly user: string;
  readonly role: Role;
  readonly by: SignInMethod;
}
