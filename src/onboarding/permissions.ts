import type { UsePermission } from '../couriers/descriptor.ts';
import { couriers } from '../couriers/registry.ts';
import { byCourier, type CourierKind, courierKinds } from '../message/courier-kind.ts';
import type { NeededPermissions } from '../tokens/entra/scopes.ts';
import type { TokenResource } from '../tokens/token-source.ts';

/** How a mailbox is read, as the configuration says it. */
export type ReadWay = 'imap' | 'pop3' | 'graph';

/** What a connection is used for. */
export interface Uses {
  readonly send: readonly CourierKind[];
  readonly read: readonly ReadWay[];
  /** Copies of sent mail are removed, and not by IMAP. */
  readonly removesCopies?: boolean;
}

/** What of an account says whether the copies of its mail are removed. */
export interface CopyKeeper {
  readonly send?: readonly CourierKind[] | undefined;
  readonly read?: ReadWay | undefined;
  readonly sentItems?: 'keep' | 'remove' | undefined;
}

/** Whether removing the copies of an account's mail takes Graph: a mailbox that IMAP opens needs no more. */
export function removesByGraph({ send, read, sentItems }: CopyKeeper): boolean {
  return sentItems === 'remove' && send !== undefined && read !== 'imap';
}

/** The application ids that Microsoft publishes for them; the same in every tenant. */
export const resourceAppIds: Readonly<Record<TokenResource, string>> = {
  graph: '00000003-0000-0000-c000-000000000000',
  exchange: '00000002-0000-0ff1-ce00-000000000000',
};

/** As the Entra admin center shows them. */
export const resourceNames: Readonly<Record<TokenResource, string>> = {
  graph: 'Microsoft Graph',
  exchange: 'Office 365 Exchange Online',
};

/** A permission by its value. Its id is looked up in the tenant. */
export interface Permission {
  readonly resource: TokenResource;
  /** `IMAP.AccessAsApp` … */
  readonly value: string;
}

type UsePermissions = {
  readonly read: Readonly<Record<ReadWay, UsePermission>>;
  readonly send: Readonly<Record<CourierKind, UsePermission>>;
};

/**
 * By who acts: the app itself (application permissions), or a person (delegated ones). Microsoft: "Authenticate an IMAP,
 * POP or SMTP connection using OAuth", "Role Based Access Control for Applications in Exchange Online". What sending takes,
 * each courier's descriptor says.
 */
export const usePermissions: Readonly<Record<'app' | 'person', UsePermissions>> = {
  app: {
    read: {
      imap: { resource: 'exchange', anyOf: ['IMAP.AccessAsApp'] },
      pop3: { resource: 'exchange', anyOf: ['POP.AccessAsApp'] },
      graph: {
        resource: 'graph',
        anyOf: ['Mail.ReadWrite', 'Mail.Read'],
        rbacRole: 'Application Mail.ReadWrite',
      },
    },
    send: byCourier((courier) => couriers[courier].permissions.app),
  },
  person: {
    read: {
      imap: { resource: 'exchange', anyOf: ['IMAP.AccessAsUser.All'] },
      pop3: { resource: 'exchange', anyOf: ['POP.AccessAsUser.All'] },
      graph: {
        resource: 'graph',
        anyOf: ['Mail.ReadWrite', 'Mail.Read', 'Mail.ReadWrite.Shared', 'Mail.Read.Shared'],
      },
    },
    send: byCourier((courier) => couriers[courier].permissions.person),
  },
};

/** How far an app of its own reaches. */
export interface AppOnlyReach {
  /** SMTP by the permission `SMTP.SendAsApp` and mailbox permissions, not by a role in Exchange. */
  readonly classic: boolean;
  /** Graph permissions granted in Entra ID, where they reach every mailbox, not by a role in Exchange. */
  readonly tenantWide: boolean;
}

/**
 * The application permissions that have to be granted in Entra ID. Where a role in Exchange serves, which confines the
 * app to mailboxes, none is by default. There is no such role for IMAP and POP3.
 */
export function applicationPermissions(uses: Uses, { classic, tenantWide }: AppOnlyReach): Permission[] {
  return permissionsOf('app', uses)
    .filter(({ resource, rbacRole }) => rbacRole === undefined || (resource === 'graph' ? tenantWide : classic))
    .map(({ resource, anyOf: [value] }) => ({ resource, value }));
}

/** The delegated permissions of an app that a person signs in to. `shared`: mailboxes of others too. */
export function delegatedPermissions(uses: Uses, options: { readonly shared: boolean }): Permission[] {
  return [
    { resource: 'graph', value: 'offline_access' },
    { resource: 'graph', value: 'User.Read' },
    ...mailPermissions(uses, options),
  ];
}

/** The same without those of signing in, by resource: what a token is asked for with. */
export function delegatedNames(uses: Uses, options: { readonly shared: boolean }): NeededPermissions {
  const permissions = mailPermissions(uses, options);
  const of = (wanted: TokenResource) =>
    permissions.filter(({ resource }) => resource === wanted).map(({ value }) => value);
  return { graph: of('graph'), exchange: of('exchange') };
}

function mailPermissions(uses: Uses, { shared }: { readonly shared: boolean }): Permission[] {
  return permissionsOf('person', uses).flatMap(({ resource, anyOf: [value] }) => [
    { resource, value },
    ...(resource === 'graph' && shared ? [{ resource, value: `${value}.Shared` }] : []),
  ]);
}

/** What the uses of a connection need, by who acts: those of Exchange first. */
export function permissionsOf(actsAs: 'app' | 'person', { read, send, removesCopies }: Uses): UsePermission[] {
  const by = usePermissions[actsAs];
  const reads = (['imap', 'pop3'] as const).filter((each) => read.includes(each)).map((each) => by.read[each]);
  const sends = courierKinds.filter((courier) => send.includes(courier)).map((courier) => by.send[courier]);
  const of = (wanted: TokenResource) => [...reads, ...sends].filter(({ resource }) => resource === wanted);
  // Large messages go up as drafts, and after an ambiguous end Sent Items are looked at.
  const drafts = send.some((courier) => couriers[courier].makesDrafts) || read.includes('graph') || removesCopies;
  return [...of('exchange'), ...of('graph'), ...(drafts ? [by.read.graph] : [])];
}

/** Which tokens the uses of a connection need. */
export function resourcesOf({ read, send, removesCopies }: Uses): ReadonlySet<TokenResource> {
  const needed = [
    ...send.map((courier) => usePermissions.app.send[courier]),
    ...read.map((each) => usePermissions.app.read[each]),
    ...(removesCopies ? [usePermissions.app.read.graph] : []),
  ];
  return new Set(needed.map(({ resource }) => resource));
}

/** What of each kind is used by at least one account. */
export function usesOf(accounts: readonly CopyKeeper[]): Uses {
  return {
    send: [...new Set(accounts.flatMap(({ send }) => send ?? []))],
    read: [...new Set(accounts.flatMap(({ read }) => read ?? []))],
    ...(accounts.some(removesByGraph) && { removesCopies: true }),
  };
}
