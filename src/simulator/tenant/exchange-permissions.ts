import type { AccessTokenClaims, TokenSigner } from '../entra/access-token.ts';
import { isAudienceOf } from './resources.ts';
import { type Reach, reaches, type Tenant } from './tenant.ts';

/** The client protocols of Exchange Online. */
export type MailProtocol = 'imap' | 'pop3' | 'smtp';

const appRole = { imap: 'IMAP.AccessAsApp', pop3: 'POP.AccessAsApp', smtp: 'SMTP.SendAsApp' } as const;
const delegatedScope = { imap: 'IMAP.AccessAsUser.All', pop3: 'POP.AccessAsUser.All', smtp: 'SMTP.Send' } as const;

/** RBAC for Applications roles, each named after the permission it stands for. */
export const smtpRole = 'Application SMTP.SendAsApp';
export const graphRoles = [
  'Application Mail.Send',
  'Application Mail.ReadWrite',
  'Application Mail.Read',
  'Application Mail-Advanced.ReadWrite.All',
  'Application MailboxItem.Export',
  'Application MailboxItem.ImportExport',
] as const;

/** Whether the token contains a permission for the protocol: an application role, or a scope a user granted. */
export function tokenNames(claims: AccessTokenClaims, protocol: MailProtocol): boolean {
  if (claims.scp !== undefined) return claims.scp.split(' ').includes(delegatedScope[protocol]);
  return claims.roles?.includes(appRole[protocol]) ?? false;
}

/**
 * How far a valid token gets with a mailbox: `refused` at login, `not-connected` if the login succeeds but the mailbox
 * does not open, or `open`.
 */
export type MailboxAccess = 'refused' | 'not-connected' | 'open';

/** Whether Exchange knows the token's holder: a person of the directory, or a service principal registered with it. */
function knowsHolder(tenant: Tenant, claims: AccessTokenClaims): boolean {
  return claims.scp !== undefined || tenant.isRegisteredInExchange(claims.appid);
}

/**
 * A token's access to a mailbox over SMTP. Learn, "Authenticate an IMAP, POP or SMTP connection using OAuth" and "SMTP
 * Onboarding to App RBAC Overview": the permission `SMTP.SendAsApp` in the token leads to the mailbox's own
 * permissions, its absence to the roles that Exchange has assigned.
 */
export function submissionAccess(tenant: Tenant, claims: AccessTokenClaims, mailbox: string): MailboxAccess {
  if (!knowsHolder(tenant, claims)) return 'refused';
  const named = tokenNames(claims, 'smtp');
  // SMTP requires `user=` to be the person themself, whatever mailboxes they can open or send as; IMAP and POP3 do not
  // (github.com/nextcloud/mail issue 13667, github.com/frappe/frappe issue 23079).
  if (claims.scp !== undefined)
    return named && claims.upn?.toLowerCase() === mailbox.toLowerCase() ? 'open' : 'refused';
  const app = tenant.exchangeApp(claims.appid);
  if (named) return reaches(app.mailboxPermissions, mailbox) ? 'open' : 'not-connected';
  return reaches(app.smtpRbac, mailbox) ? 'open' : 'refused';
}

/** Whether an accepted token opens a mailbox for reading. */
function mayRead(tenant: Tenant, claims: AccessTokenClaims, mailbox: string, protocol: 'imap' | 'pop3'): boolean {
  const { imapDisabledFor, popDisabledFor } = tenant.exchange;
  const disabledFor = protocol === 'imap' ? imapDisabledFor : popDisabledFor;
  if (disabledFor.includes(mailbox.toLowerCase())) return false;
  if (claims.scp !== undefined) return mayOpen(tenant, claims.upn ?? '', mailbox);
  return reaches(tenant.exchangeApp(claims.appid).mailboxPermissions, mailbox);
}

/** How the reading protocols check tokens: which ones they accept, and which mailbox a token opens. */
export function mailboxAccess(tenant: Tenant, signer: TokenSigner, protocol: 'imap' | 'pop3') {
  return {
    async verifyToken(token: string): Promise<AccessTokenClaims | undefined> {
      const claims = await signer.verify(token);
      if (typeof claims === 'string' || !isAudienceOf('exchange', claims.aud)) return undefined;
      return tokenNames(claims, protocol) && knowsHolder(tenant, claims) ? claims : undefined;
    },
    permitted: (claims: AccessTokenClaims, mailbox: string) => mayRead(tenant, claims, mailbox, protocol),
  };
}

/** Whether Exchange has assigned the app a role that stands for one of the Graph permissions. */
export function holdsGraphRole(tenant: Tenant, clientId: string, permissions: readonly string[]): boolean {
  return rolesOf(tenant, clientId, permissions).some((reach) => reach === 'all' || reach.length > 0);
}

/**
 * Whether one of the Graph permissions lets an app act in a mailbox. Grants of Entra ID and of Exchange add up; an
 * application access policy limits the former. Learn, "Role Based Access Control for Applications in Exchange Online".
 */
export function graphPermissionReaches(
  tenant: Tenant,
  claims: AccessTokenClaims,
  permissions: readonly string[],
  mailbox: string,
): boolean {
  const granted = permissions.some((permission) => claims.roles?.includes(permission));
  if (granted && reaches(tenant.exchangeApp(claims.appid).graphMailboxes, mailbox)) return true;
  return rolesOf(tenant, claims.appid, permissions).some((reach) => reaches(reach, mailbox));
}

function rolesOf(tenant: Tenant, clientId: string, permissions: readonly string[]): readonly Reach[] {
  if (!tenant.isRegisteredInExchange(clientId)) return [];
  const { graphRbac } = tenant.exchangeApp(clientId);
  return permissions.map((permission) => graphRbac[`Application ${permission}`] ?? []);
}

/** Whether a person can open a mailbox: their own, or through FullAccess. */
export function mayOpen(tenant: Tenant, user: string, mailbox: string): boolean {
  const from = user.toLowerCase();
  const to = mailbox.toLowerCase();
  return (
    from === to ||
    tenant.exchange.fullAccess.some((grant) => grant.user.toLowerCase() === from && grant.mailbox.toLowerCase() === to)
  );
}

/** Whether one mailbox may send with another's address in MAIL FROM or From. */
export function maySendAs(tenant: Tenant, mailbox: string, as: string): boolean {
  const from = mailbox.toLowerCase();
  const to = as.toLowerCase();
  const { sendAs, sendOnBehalf, aliases, sendFromAliasEnabled } = tenant.exchange;
  return (
    from === to ||
    [...sendAs, ...sendOnBehalf].some(
      (grant) => grant.mailbox.toLowerCase() === from && grant.as.toLowerCase() === to,
    ) ||
    (sendFromAliasEnabled && aliases.some(({ mailbox, address }) => mailbox === from && address === to))
  );
}

/** Whether an app that logs in as itself may send with an address other than the mailbox's own. */
export function appMaySendAs(tenant: Tenant, clientId: string, as: string): boolean {
  return tenant.isRegisteredInExchange(clientId) && tenant.exchangeApp(clientId).sendAs.includes(as.toLowerCase());
}

/** Whether SMTP AUTH is on for a mailbox. A mailbox's own setting overrides the tenant's. */
export function smtpAuthAllowed(tenant: Tenant, mailbox: string): 'yes' | 'tenant' | 'mailbox' {
  const address = mailbox.toLowerCase();
  if (tenant.exchange.smtpAuthDisabledFor.includes(address)) return 'mailbox';
  if (tenant.exchange.smtpAuthDisabled && !tenant.exchange.smtpAuthEnabledFor.includes(address)) return 'tenant';
  return 'yes';
}
