import { createHash, randomUUID, X509Certificate } from 'node:crypto';
import type { Resource } from './resources.ts';

/** A client secret of an app registration. */
export interface ClientSecret {
  /** The secret id: what people paste by mistake for the value. */
  readonly id: string;
  readonly value: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

/** An app registration and its service principal. */
export interface AppRegistration {
  readonly clientId: string;
  readonly displayName: string;
  /** Object id of the service principal (the "enterprise application"). */
  readonly servicePrincipalId: string;
  readonly secrets: ClientSecret[];
  readonly certificates: X509Certificate[];
  /** Application permissions with admin consent. */
  readonly roles: Record<Resource['key'], readonly string[]>;
  multiTenant: boolean;
  disabled: boolean;
}

/** Whom a permission reaches: everybody, or the mailboxes named (in lower case). */
export type Reach = 'all' | readonly string[];

/** What an administrator has set in Exchange Online. */
export interface ExchangeSettings {
  /** `New-ServicePrincipal` was run with the right object id. */
  servicePrincipalRegistered: boolean;
  /** `Add-MailboxPermission … FullAccess` for the service principal. */
  mailboxPermissions: Reach;
  /** RBAC role `Application SMTP.SendAsApp`: mailboxes in its scope. It needs no permission in Entra. */
  smtpRbac: Reach;
  /** Mailboxes the Graph permissions are confined to. */
  graphMailboxes: Reach;
  /** `Add-RecipientPermission … SendAs`: who (a mailbox) may send as whom. */
  sendAs: readonly { readonly mailbox: string; readonly as: string }[];
  /** `SmtpClientAuthenticationDisabled` of the tenant; a mailbox in `smtpAuthEnabledFor` overrides it. */
  smtpAuthDisabled: boolean;
  smtpAuthEnabledFor: readonly string[];
  smtpAuthDisabledFor: readonly string[];
  imapDisabledFor: readonly string[];
  popDisabledFor: readonly string[];
}

export interface TenantSettings {
  readonly tenantId?: string;
  /** Verified domain, usable in place of the id. */
  readonly domain: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly clientCertificatePem?: string;
}

const yearMs = 365 * 24 * 60 * 60 * 1000;

/** One tenant of Entra ID with Exchange Online, as its administrators have set it up. */
export class Tenant {
  readonly id: string;
  readonly domain: string;
  readonly displayName = 'Contoso';
  readonly apps = new Map<string, AppRegistration>();
  /** The registration the simulator hands out. */
  readonly app: AppRegistration;
  readonly exchange: ExchangeSettings = {
    servicePrincipalRegistered: true,
    mailboxPermissions: 'all',
    smtpRbac: [],
    graphMailboxes: 'all',
    sendAs: [],
    smtpAuthDisabled: false,
    smtpAuthEnabledFor: [],
    smtpAuthDisabledFor: [],
    imapDisabledFor: [],
    popDisabledFor: [],
  };
  /** How long tokens live from now on. Microsoft's live 60 to 90 minutes. */
  tokenLifetimeSeconds = 3600;

  constructor(settings: TenantSettings) {
    this.id = settings.tenantId ?? randomUUID();
    this.domain = settings.domain;
    this.app = this.register('Mail bridge', settings.clientId ?? randomUUID());
    const value = settings.clientSecret ?? `sim~${randomUUID().replaceAll('-', '')}`;
    this.app.secrets.push({ id: randomUUID(), value, expiresAt: Date.now() + yearMs });
    if (settings.clientCertificatePem) this.app.certificates.push(new X509Certificate(settings.clientCertificatePem));
  }

  /** Makes an app registration with every permission that mail needs. */
  register(displayName: string, clientId: string): AppRegistration {
    const app: AppRegistration = {
      clientId,
      displayName,
      servicePrincipalId: randomUUID(),
      secrets: [],
      certificates: [],
      roles: {
        graph: ['Mail.Send', 'Mail.ReadWrite'],
        exchange: ['IMAP.AccessAsApp', 'POP.AccessAsApp', 'SMTP.SendAsApp'],
      },
      multiTenant: false,
      disabled: false,
    };
    this.apps.set(clientId.toLowerCase(), app);
    return app;
  }

  /** Whether a tenant segment of a URL means this tenant. */
  isNamed(name: string): boolean {
    const wanted = name.toLowerCase();
    return wanted === this.id.toLowerCase() || wanted === this.domain.toLowerCase();
  }
}

/** Whether a permission reaches a mailbox. */
export function reaches(reach: Reach, mailbox: string): boolean {
  return reach === 'all' || reach.includes(mailbox.toLowerCase());
}

/** The directory's object id of a user: the same at every start. */
export function userObjectId(address: string): string {
  const hex = createHash('sha256').update(address.toLowerCase()).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
