import type { CheckedConnection, Use } from './subject.ts';
import type { TokenClaims } from './token-claims.ts';

/** What a token must name for a use. */
export interface NeededPermission {
  /** Any one of them serves; the first is the one to ask for. */
  readonly anyOf: readonly string[];
  /** The API in the portal's list. */
  readonly api: string;
  /** Exchange's RBAC role that serves in its place, without any permission in Entra ID. */
  readonly rbacRole?: string;
}

const exchangeApi = 'Office 365 Exchange Online';
const graphApi = 'Microsoft Graph';

/**
 * Microsoft: "Authenticate an IMAP, POP or SMTP connection using OAuth", "SMTP Onboarding to App RBAC Overview", "user:
 * sendMail", "Role Based Access Control for Applications in Exchange Online".
 */
const forApps: Readonly<Record<'read' | 'send', Partial<Record<Use['by'], NeededPermission>>>> = {
  read: {
    imap: { anyOf: ['IMAP.AccessAsApp'], api: exchangeApi },
    pop3: { anyOf: ['POP.AccessAsApp'], api: exchangeApi },
    graph: { anyOf: ['Mail.ReadWrite', 'Mail.Read'], api: graphApi, rbacRole: 'Application Mail.ReadWrite' },
  },
  send: {
    smtp: { anyOf: ['SMTP.SendAsApp'], api: exchangeApi, rbacRole: 'Application SMTP.SendAsApp' },
    graph: { anyOf: ['Mail.Send'], api: graphApi, rbacRole: 'Application Mail.Send' },
  },
};

/** In the portal all of them stand under Microsoft Graph, those of the mail protocols too. */
const forPeople: typeof forApps = {
  read: {
    imap: { anyOf: ['IMAP.AccessAsUser.All'], api: graphApi },
    pop3: { anyOf: ['POP.AccessAsUser.All'], api: graphApi },
    graph: { anyOf: ['Mail.ReadWrite', 'Mail.Read', 'Mail.ReadWrite.Shared', 'Mail.Read.Shared'], api: graphApi },
  },
  send: {
    smtp: { anyOf: ['SMTP.Send'], api: graphApi },
    graph: { anyOf: ['Mail.Send', 'Mail.Send.Shared'], api: graphApi },
  },
};

/** What a use needs in the token. */
export function permissionFor({ actsAs }: Pick<CheckedConnection, 'actsAs'>, { kind, by }: Use): NeededPermission {
  const needed = (actsAs === 'app' ? forApps : forPeople)[kind][by];
  if (needed === undefined) throw new Error(`nothing ${kind}s by ${by}`);
  return needed;
}

/** The permission that the token holds of those that serve, or undefined. */
export function heldPermission(claims: TokenClaims, { anyOf }: NeededPermission): string | undefined {
  const held = [...claims.roles, ...claims.scopes];
  return anyOf.find((permission) => held.includes(permission));
}

/** How to grant a permission, as an instruction. */
export function grantRemedy({ name, actsAs }: Pick<CheckedConnection, 'name' | 'actsAs'>, needed: NeededPermission) {
  const [permission] = needed.anyOf;
  const kind = actsAs === 'app' ? 'application' : 'delegated';
  const then =
    actsAs === 'app'
      ? `Then let an administrator consent: mailbridge consent ${name}`
      : `Then sign in again: mailbridge login ${name}`;
  return `Add the ${kind} permission ${permission} (${needed.api}): Entra admin center > App registrations > the app > API permissions > Add a permission. ${then}`;
}
