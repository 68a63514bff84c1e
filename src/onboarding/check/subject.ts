import { isPersonalTenant } from '../../base/personal-accounts.ts';
import { couriers } from '../../couriers/registry.ts';
import { isPattern } from '../../message/address/pattern.ts';
import type { CourierKind, CourierOrder } from '../../message/courier-kind.ts';
import type { OtherSender } from '../../message/sender-way.ts';
import type { TokenResource } from '../../tokens/token-source.ts';
import { type ReadWay, usePermissions } from '../permissions.ts';

/** Address of a mail server. */
export interface MailServer {
  readonly host: string;
  readonly port: number;
  readonly security: 'none' | 'starttls' | 'tls';
}

/** The protocols of Exchange Online that the bridge speaks upstream. */
export type ExchangeProtocol = 'imap' | 'pop3' | 'smtp';

/** What an account of the configuration does with one of its mailboxes. */
export interface CheckedAccount {
  readonly username: string;
  readonly mailbox: string;
  /** In order of preference. */
  readonly send?: CourierOrder | undefined;
  readonly read?: ReadWay | undefined;
  /** Addresses it sends as besides the mailbox. */
  readonly otherSenders?: readonly OtherSender[] | undefined;
  readonly sentItems?: 'keep' | 'remove' | undefined;
}

/** An account that sends. */
export interface CheckedSender extends CheckedAccount {
  readonly send: CourierOrder;
}

/** One connection and its accounts, as configured. */
export interface CheckedConnection {
  readonly name: string;
  /** `app`: the application itself holds permissions (roles). `person`: a person signed in (scopes). */
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
  /** An account with several mailboxes occurs several times, the default mailbox first. */
  readonly accounts: readonly CheckedAccount[];
  /** Each mailbox has its own sign-in, and the connection itself has none. */
  readonly hasNoSignIn?: boolean;
  /** Mailboxes that accounts have as `*@domain`, none of which is tried. */
  readonly untried?: readonly Pick<CheckedAccount, 'username' | 'mailbox'>[];
}

/** A mailbox that accounts use. */
interface UsedMailbox {
  readonly mailbox: string;
  /** Usernames of these accounts. */
  readonly accounts: readonly string[];
}

/** Accounts send as a mailbox. */
export interface SendUse extends UsedMailbox {
  readonly kind: 'send';
  readonly by: CourierKind;
}

/** Accounts read a mailbox. */
export interface ReadUse extends UsedMailbox {
  readonly kind: 'read';
  readonly by: ReadWay;
}

/** A use of a mailbox by accounts. */
export type Use = SendUse | ReadUse;

/** The senders of an account's test messages: its mailbox (undefined), and each address listed individually. */
export function testedSenders({ otherSenders = [] }: CheckedAccount): (OtherSender | undefined)[] {
  return [undefined, ...otherSenders.filter(({ address }) => !isPattern(address))];
}

/** The target of a test message as shown. */
export function testTarget({ username }: CheckedAccount, to: readonly string[], as: OtherSender | undefined): string {
  return `${username}${as ? ` as ${as.address}` : ''} to ${to.join(', ')}`;
}

/** What the accounts do, once for each mailbox, in account order. */
export function usesOf(accounts: readonly CheckedAccount[]): Use[] {
  const uses = new Map<string, Use & { accounts: string[] }>();
  const add = (use: Use & { accounts: string[] }) => {
    const key = `${use.kind} ${use.by} ${use.mailbox.toLowerCase()}`;
    const known = uses.get(key);
    if (known) known.accounts.push(...use.accounts);
    else uses.set(key, use);
  };
  for (const { username, mailbox, send, read } of accounts) {
    for (const by of send ?? []) add({ kind: 'send', by, mailbox, accounts: [username] });
    if (read !== undefined) add({ kind: 'read', by: read, mailbox, accounts: [username] });
  }
  return [...uses.values()];
}

/** The Graph path of a mailbox of the connection: a personal account only has its own. */
export function graphUser({ tenantId }: Pick<CheckedConnection, 'tenantId'>, mailbox: string): string {
  return isPersonalTenant(tenantId) ? '/v1.0/me' : `/v1.0/users/${encodeURIComponent(mailbox)}`;
}

/** The token that a use needs. */
export function resourceOf(use: Use): TokenResource {
  return use.kind === 'send' ? couriers[use.by].resource : usePermissions.app.read[use.by].resource;
}
