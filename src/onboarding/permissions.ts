/** How mail goes out, as the configuration says it. */
export type SendWay = 'graph' | 'smtp';
/** How a mailbox is read, as the configuration says it. */
export type ReadWay = 'imap' | 'pop3' | 'graph';

/** What a connection is used for. */
export interface Uses {
  readonly send: readonly SendWay[];
  readonly read: readonly ReadWay[];
}

/** An API that permissions belong to. */
export type ResourceKey = 'graph' | 'exchange';

/** The application ids that Microsoft publishes for them; the same in every tenant. */
export const resourceAppIds: Readonly<Record<ResourceKey, string>> = {
  graph: '00000003-0000-0000-c000-000000000000',
  exchange: '00000002-0000-0ff1-ce00-000000000000',
};

/** As the Entra admin center shows them. */
export const resourceNames: Readonly<Record<ResourceKey, string>> = {
  graph: 'Microsoft Graph',
  exchange: 'Office 365 Exchange Online',
};

/** A permission by its value. Its id is looked up in the tenant. */
export interface Permission {
  readonly resource: ResourceKey;
  /** `IMAP.AccessAsApp` … */
  readonly value: string;
}

/** How far an app of its own reaches. */
export interface AppOnlyReach {
  /** SMTP by the permission `SMTP.SendAsApp` and mailbox permissions, not by a role in Exchange. */
  readonly classic: boolean;
  /** Graph permissions granted in Entra ID, where they reach every mailbox, not by a role in Exchange. */
  readonly tenantWide: boolean;
}

/**
 * The application permissions that have to be granted in Entra ID. Sending needs none by default: a role in Exchange
 * confines it to mailboxes (Learn, "Role Based Access Control for Applications in Exchange Online"; "SMTP Onboarding to
 * App RBAC Overview"). There is no such role for IMAP and POP3.
 */
export function applicationPermissions(uses: Uses, reach: AppOnlyReach): Permission[] {
  const exchange = (value: string): Permission => ({ resource: 'exchange', value });
  const graph = (value: string): Permission => ({ resource: 'graph', value });
  return [
    ...(uses.read.includes('imap') ? [exchange('IMAP.AccessAsApp')] : []),
    ...(uses.read.includes('pop3') ? [exchange('POP.AccessAsApp')] : []),
    ...(uses.send.includes('smtp') && reach.classic ? [exchange('SMTP.SendAsApp')] : []),
    ...(uses.send.includes('graph') && reach.tenantWide ? [graph('Mail.Send')] : []),
    ...(uses.read.includes('graph') && reach.tenantWide ? [graph('Mail.ReadWrite')] : []),
  ];
}

/** The delegated permissions of an app that a person signs in to. `shared`: mailboxes of others too. */
export function delegatedPermissions(uses: Uses, options: { readonly shared: boolean }): Permission[] {
  const values: readonly (readonly [boolean, ResourceKey, string])[] = [
    [true, 'graph', 'offline_access'],
    [true, 'graph', 'User.Read'],
    [uses.read.includes('imap'), 'exchange', 'IMAP.AccessAsUser.All'],
    [uses.read.includes('pop3'), 'exchange', 'POP.AccessAsUser.All'],
    [uses.send.includes('smtp'), 'exchange', 'SMTP.Send'],
    [uses.send.includes('graph'), 'graph', 'Mail.Send'],
    [uses.send.includes('graph') && options.shared, 'graph', 'Mail.Send.Shared'],
    [uses.read.includes('graph'), 'graph', 'Mail.ReadWrite'],
    [uses.read.includes('graph') && options.shared, 'graph', 'Mail.ReadWrite.Shared'],
  ];
  return values.filter(([needed]) => needed).map(([, resource, value]) => ({ resource, value }));
}

/** What of each kind is used by at least one account. */
export function usesOf(accounts: readonly { readonly send?: SendWay; readonly read?: ReadWay }[]): Uses {
  return {
    send: [...new Set(accounts.flatMap(({ send }) => send ?? []))],
    read: [...new Set(accounts.flatMap(({ read }) => read ?? []))],
  };
}
