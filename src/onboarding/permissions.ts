import type { UsePermission } from '../couriers/descriptor.ts';
import { couriers } from '../couriers/registry.ts';
import { byCourier, type CourierKind, courierKinds } from '../message/courier-kind.ts';
import type { NeededPermissions } from '../tokens/entra/scopes.ts';
import type { TokenResource } from '../tokens/token-source.ts';

/** How a mailbox is read, as in the configuration. */
export type ReadWay = 'imap' | 'pop3' | 'graph';

/** What a connection is used for. */
export interface Uses {
  readonly send: readonly CourierKind[];
  readonly read: readonly ReadWay[];
  /** Copies of sent mail are removed, and not over IMAP. */
  readonly removesCopies?: boolean;
}

/** The parts of an account that decide whether copies of its mail are removed. */
export interface CopyKeeper {
  readonly send?: readonly CourierKind[] | undefined;
  readonly read?: ReadWay | undefined;
  readonly sentItems?: 'keep' | 'remove' | undefined;
}

/** Whether removing the copies of an account's mail needs Graph: for a mailbox opened over IMAP it does not. */
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
 * By who acts: the app itself (application permissions), or a person (delegated ones). Microsoft: "Authenticate an
 * IMAP, POP or SMTP connection using OAuth", "Role Based Access Control for Applications in Exchange Online". What
 * sending needs is in each courier's descriptor.
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

/** How far the access of an app reaches. */
export interface AppOnlyReach {
  /** SMTP with the permission `SMTP.SendAsApp` and mailbox permissions, not with a role in Exchange. */
  readonly classic: boolean;
  /** Graph permissions granted in Entra ID, which cover every mailbox, not with a role in Exchange. */
  readonly tenantWide: boolean;
}

/**
 * The application permissions that have to be granted in Entra ID. By default, none is if a role in Exchange, which
 * confines the app to mailboxes, can replace it. There is no such role for IMAP and POP3.
 */
export function applicationPermissions(uses: Uses, { classic, tenantWide }: AppOnlyReach): Permission[] {
  return permissionsOf('app', uses)
    .filter(({ resource, rbacRole }) => rbacRole === undefined || (resource === 'graph' ? tenantWide : classic))
    .map(({ resource, anyOf: [value] }) => ({ resource, value }));
}

/** The delegated permissions of an app that a person signs in to. `shared`: also for mailboxes of others. */
export function delegatedPermissions(uses: Uses, options: { readonly shared: boolean }): Permission[] {
  return [
    { resource: 'graph', value: 'offline_access' },
    { resource: 'graph', value: 'User.Read' },
    ...mailPermissions(uses, options),
  ];
}

/** The same without those for signing in, by resource: the scopes of token requests. */
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

/** The permissions that the uses of a connection need, by who acts: those of Exchange first. */
export function permissionsOf(actsAs: 'app' | 'person', { read, send, removesCopies }: Uses): UsePermission[] {
  const by = usePermissions[actsAs];
  const reads = (['imap', 'pop3'] as const).filter((each) => read.includes(each)).map((each) => by.read[each]);
  const sends = courierKinds.filter((courier) => send.includes(courier)).map((courier) => by.send[courier]);
  const of = (wanted: TokenResource) => [...reads, ...sends].filter(({ resource }) => resource === wanted);
  // Large messages are uploaded as drafts, and after an ambiguous end Sent Items are searched.
  const drafts = send.some((courier) => couriers[courier].makesDrafts) || read.includes('graph') || removesCopies;
  return [...of('exchange'), ...of('graph'), ...(drafts ? [by.read.graph] : [])];
}

/** The tokens that the uses of a connection need. */
export function resourcesOf({ read, send, removesCopies }: Uses): ReadonlySet<TokenResource> {
  const needed = [
    ...send.map((courier) => usePermissions.app.send[courier]),
    ...read.map((each) => usePermissions.app.read[each]),
    ...(removesCopies ? [usePermissions.app.read.graph] : []),
  ];
  return new Set(needed.map(({ resource }) => resource));
}

/** Each kind of use by at least one account. */
export function usesOf(accounts: readonly CopyKeeper[]): Uses {
  return {
    send: [...new Set(accounts.flatMap(({ send }) => send ?? []))],
    read: [...new Set(accounts.flatMap(({ read }) => read ?? []))],
    ...(accounts.some(removesByGraph) && { removesCopies: true }),
  };
}
