import type { AccessTokenClaims, TokenSigner } from '../entra/access-token.ts';
import { isAudienceOf } from './resources.ts';
import { reaches, type Tenant } from './tenant.ts';

/** The client protocols of Exchange Online. */
export type ExchangeProtocol = 'imap' | 'pop3' | 'smtp';

const appRole = { imap: 'IMAP.AccessAsApp', pop3: 'POP.AccessAsApp', smtp: 'SMTP.SendAsApp' } as const;
const delegatedScope = { imap: 'IMAP.AccessAsUser.All', pop3: 'POP.AccessAsUser.All', smtp: 'SMTP.Send' } as const;

/** Whether the token names the protocol at all: an application role, or a scope a user granted. */
export function tokenNames(claims: AccessTokenClaims, protocol: ExchangeProtocol): boolean {
  if (claims.scp !== undefined) return claims.scp.split(' ').includes(delegatedScope[protocol]);
  return claims.roles?.includes(appRole[protocol]) ?? false;
}

/**
 * Whether Exchange lets the token's holder work in a mailbox by this protocol. Learn, "Authenticate an IMAP, POP or
 * SMTP connection using OAuth" and "SMTP Onboarding to App RBAC Overview".
 */
export function mayUseMailbox(
  tenant: Tenant,
  claims: AccessTokenClaims,
  mailbox: string,
  protocol: ExchangeProtocol,
): boolean {
  const { exchange } = tenant;
  const address = mailbox.toLowerCase();
  if (protocol === 'imap' && exchange.imapDisabledFor.includes(address)) return false;
  if (protocol === 'pop3' && exchange.popDisabledFor.includes(address)) return false;
  if (claims.scp !== undefined) {
    if (!tokenNames(claims, protocol)) return false;
    return (
      mayOpen(tenant, claims.upn ?? '', address) ||
      (protocol === 'smtp' && maySendAs(tenant, claims.upn ?? '', address))
    );
  }
  if (!tenant.isRegisteredInExchange(claims.appid)) return false;
  const app = tenant.exchangeApp(claims.appid);
  if (tokenNames(claims, protocol)) return reaches(app.mailboxPermissions, address);
  return protocol === 'smtp' && reaches(app.smtpRbac, address);
}

/** How the reading protocols check tokens: which ones they take at all, and which mailbox one opens. */
export function mailboxAccess(tenant: Tenant, signer: TokenSigner, protocol: 'imap' | 'pop3') {
  return {
    verifyToken(token: string): AccessTokenClaims | undefined {
      const claims = signer.verify(token);
      if (typeof claims === 'string' || !isAudienceOf('exchange', claims.aud)) return undefined;
      return tokenNames(claims, protocol) ? claims : undefined;
    },
    permitted: (claims: AccessTokenClaims, mailbox: string) => mayUseMailbox(tenant, claims, mailbox, protocol),
  };
}

/** Whether a person has a mailbox open: their own, or by FullAccess. */
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
  return (
    from === to ||
    tenant.exchange.sendAs.some((grant) => grant.mailbox.toLowerCase() === from && grant.as.toLowerCase() === to)
  );
}

/** Whether SMTP AUTH is on for a mailbox. A mailbox's own setting overrides the tenant's. */
export function smtpAuthAllowed(tenant: Tenant, mailbox: string): 'yes' | 'tenant' | 'mailbox' {
  const address = mailbox.toLowerCase();
  if (tenant.exchange.smtpAuthDisabledFor.includes(address)) return 'mailbox';
  if (tenant.exchange.smtpAuthDisabled && !tenant.exchange.smtpAuthEnabledFor.includes(address)) return 'tenant';
  return 'yes';
}
