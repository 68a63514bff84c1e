import { isPersonalTenant } from '../base/personal-accounts.ts';

/** Address of a Microsoft mail server. */
export interface MailEndpoint {
  readonly host: string;
  readonly port: number;
  readonly security: 'none' | 'starttls' | 'tls';
}

/** Everything in a Microsoft cloud that the bridge talks to. */
export interface CloudEndpoints {
  /** Origin of the token authority (Entra ID), without the tenant. */
  readonly authority: string;
  /** Origin of Microsoft Graph. */
  readonly graph: string;
  readonly imap: MailEndpoint;
  readonly pop3: MailEndpoint;
  readonly smtp: MailEndpoint;
  /** Scope of an app-only token for IMAP, POP3 and SMTP. */
  readonly exchangeScope: string;
  /** Scope of an app-only token for Graph. */
  readonly graphScope: string;
  /** PEM file of the authorities to trust in addition to the well-known ones, absolute. */
  readonly caFile?: string;
}

/** The clouds with a name in the configuration. */
export const cloudNames = ['global', 'us-gov-high', 'us-gov-dod', 'china'] as const;
export type CloudName = (typeof cloudNames)[number];

/** A cloud described by the configuration; defaults are those of the global one. */
export type CustomCloud = {
  readonly [K in keyof CloudEndpoints]?: CloudEndpoints[K] extends MailEndpoint
    ? Partial<MailEndpoint>
    : CloudEndpoints[K];
};

/** IMAP and POP3 over TLS from the first byte, SMTP submission with STARTTLS: the same in every cloud. */
function mailHosts(mail: string, smtp: string): Pick<CloudEndpoints, 'imap' | 'pop3' | 'smtp'> {
  return {
    imap: { host: mail, port: 993, security: 'tls' },
    pop3: { host: mail, port: 995, security: 'tls' },
    smtp: { host: smtp, port: 587, security: 'starttls' },
  };
}

/**
 * Endpoints by cloud. `global` follows Microsoft's documentation ("POP, IMAP and SMTP settings for Outlook.com and
 * Microsoft 365", "Authenticate an IMAP, POP or SMTP connection using OAuth").
 *
 * Not verified against a Microsoft document or server: the mail hosts, scopes and Graph hosts of `us-gov-high` and
 * `us-gov-dod`; the SMTP host, the Graph host and the scopes of `china`. Their authorities are those that MSAL knows.
 * If one proves wrong, `cloud` as an object overrides it.
 */
export const clouds: Readonly<Record<CloudName, CloudEndpoints>> = {
  global: {
    authority: 'https://login.microsoftonline.com',
    graph: 'https://graph.microsoft.com',
    ...mailHosts('outlook.office365.com', 'smtp.office365.com'),
    exchangeScope: 'https://outlook.office365.com/.default',
    graphScope: 'https://graph.microsoft.com/.default',
  },
  'us-gov-high': {
    authority: 'https://login.microsoftonline.us',
    graph: 'https://graph.microsoft.us',
    ...mailHosts('outlook.office365.us', 'smtp.office365.us'),
    exchangeScope: 'https://outlook.office365.us/.default',
    graphScope: 'https://graph.microsoft.us/.default',
  },
  'us-gov-dod': {
    authority: 'https://login.microsoftonline.us',
    graph: 'https://dod-graph.microsoft.us',
    ...mailHosts('outlook-dod.office365.us', 'outlook-dod.office365.us'),
    exchangeScope: 'https://outlook-dod.office365.us/.default',
    graphScope: 'https://dod-graph.microsoft.us/.default',
  },
  china: {
    authority: 'https://login.partner.microsoftonline.cn',
    graph: 'https://microsoftgraph.chinacloudapi.cn',
    ...mailHosts('partner.outlook.cn', 'smtp.partner.outlook.cn'),
    exchangeScope: 'https://partner.outlook.cn/.default',
    graphScope: 'https://microsoftgraph.chinacloudapi.cn/.default',
  },
};

/** Personal accounts are in the global cloud, and submit through a host of their own. */
const personal: CloudEndpoints = { ...clouds.global, ...mailHosts('outlook.office365.com', 'smtp-mail.outlook.com') };

/**
 * The full endpoints of a connection's `cloud`.
 * @param tenantId of the connection; `consumers` changes the defaults
 */
export function resolveCloud(cloud: CloudName | CustomCloud, tenantId?: unknown): CloudEndpoints {
  const base = isPersonalTenant(tenantId) ? personal : clouds.global;
  if (typeof cloud === 'string') return cloud === 'global' ? base : clouds[cloud];
  return {
    ...base,
    ...cloud,
    imap: { ...base.imap, ...cloud.imap },
    pop3: { ...base.pop3, ...cloud.pop3 },
    smtp: { ...base.smtp, ...cloud.smtp },
  };
}
