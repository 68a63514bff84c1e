import { isPersonalTenant } from '../../base/personal-accounts.ts';
import type { CourierKind } from '../../message/courier-kind.ts';

/** Where a mail server is reached. */
export interface MailServer {
  readonly host: string;
  readonly port: number;
  readonly security: 'none' | 'starttls' | 'tls';
}

/** The protocols of Exchange Online that the bridge speaks upstream. */
export type ExchangeProtocol = 'imap' | 'pop3' | 'smtp';

/** What an account of the configuration makes of its mailbox. */
export interface CheckedAccount {
  readonly username: string;
  readonly mailbox: string;
  readonly send?: CourierKind | undefined;
  readonly read?: 'imap' | 'pop3' | 'graph' | undefined;
}

/** One that sends. */
export interface CheckedSender extends CheckedAccount {
  readonly send: CourierKind;
}

/** One connection and its accounts, as the configuration has them. */
export interface CheckedConnection {
  readonly name: string;
  /** `app`: the application itself holds permissions (roles). `person`: somebody signed in (scopes). */
  readonly actsAs: 'app' | 'person';
  readonly grant: string;
  /** GUID, domain, `common`, `organizations` or `consumers`; none with a managed identity. */
  readonly tenantId?: string | undefined;
  readonly clientId?: string | undefined;
  /** Origin of the token authority, without the tenant. */
  readonly authority: string;
  /** Origin of Microsoft Graph. */
  readonly graph: string;
  readonly imap: MailServer;
  readonly pop3: MailServer;
  readonly smtp: MailServer;
  /** Scopes of this cloud, whose origins are the audiences expected in its tokens. */
  readonly graphScope: string;
  readonly exchangeScope: string;
  readonly accounts: readonly CheckedAccount[];
}

/** Something that accounts do with a mailbox. */
export interface Use {
  readonly kind: 'send' | 'read';
  readonly by: 'graph' | ExchangeProtocol;
  readonly mailbox: string;
  /** Usernames of the accounts that do it. */
  readonly accounts: readonly string[];
}

/** What the accounts do, each mailbox and way once, in the order of the accounts. */
export function usesOf(accounts: readonly CheckedAccount[]): Use[] {
  const uses = new Map<string, Use & { accounts: string[] }>();
  const add = (kind: Use['kind'], by: Use['by'] | undefined, { mailbox, username }: CheckedAccount) => {
    if (by === undefined) return;
    const key = `${kind} ${by} ${mailbox.toLowerCase()}`;
    const known = uses.get(key);
    if (known) known.accounts.push(username);
    else uses.set(key, { kind, by, mailbox, accounts: [username] });
  };
  for (const account of accounts) {
    add('send', account.send, account);
    add('read', account.read, account);
  }
  return [...uses.values()];
}

/** Where Graph has a mailbox of the connection: a personal account has its own alone. */
export function graphUser({ tenantId }: Pick<CheckedConnection, 'tenantId'>, mailbox: string): string {
  return isPersonalTenant(tenantId) ? '/v1.0/me' : `/v1.0/users/${encodeURIComponent(mailbox)}`;
}

/** Which token a use needs. */
export function resourceOf({ by }: Pick<Use, 'by'>): 'graph' | 'exchange' {
  return by === 'graph' ? 'graph' : 'exchange';
}
