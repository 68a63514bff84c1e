import type { CourierKind } from '../message/courier-kind.ts';

/** How a mailbox is read, as the configuration says it. */
export type ReadWay = 'imap' | 'pop3' | 'graph';

/** What a connection is used for. */
export interface Uses {
  readonly send: readonly CourierKind[];
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

/** What a use needs. */
export interface UsePermission {
  readonly resource: ResourceKey;
  /** Any one of them serves; the first is the one to ask for. */
  readonly anyOf: readonly [string, ...string[]];
  /** Exchange's RBAC role that serves in its place, without any permission in Entra ID. */
  readonly rbacRole?: string;
}

type UsePermissions = {
  readonly read: Readonly<Record<ReadWay, UsePermission>>;
  readonly send: Readonly<Record<CourierKind, UsePermission>>;
};

/**
 * By who acts: the app itself (application permissions), or a person (delegated ones). Microsoft: "Authenticate an IMAP,
 * POP or SMTP connection using OAuth", "SMTP Onboarding to App RBAC Overview", "user: sendMail", "Role Based Access
 * Control for Applications in Exchange Online".
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
    send: {
      smtp: { resource: 'exchange', anyOf: ['SMTP.SendAsApp'], rbacRole: 'Application SMTP.SendAsApp' },
      graph: { resource: 'graph', anyOf: ['Mail.Send'], rbacRole: 'Application Mail.Send' },
    },
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
    send: {
      smtp: { resource: 'exchange', anyOf: ['SMTP.Send'] },
      graph: { resource: 'graph', anyOf: ['Mail.Send', 'Mail.Send.Shared'] },
    },
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
  const values = permissionsOf('person', uses).flatMap(({ resource, anyOf: [value] }) => [
    { resource, value },
    ...(resource === 'graph' && options.shared ? [{ resource, value: `${value}.Shared` }] : []),
  ]);
  return [{ resource: 'graph', value: 'offline_access' }, { resource: 'graph', value: 'User.Read' }, ...values];
}

function permissionsOf(actsAs: 'app' | 'person', { read, send }: Uses): UsePermission[] {
  const by = usePermissions[actsAs];
  const reads = (way: ReadWay) => (read.includes(way) ? [by.read[way]] : []);
  const sends = (courier: CourierKind) => (send.includes(courier) ? [by.send[courier]] : []);
  // Large messages go up as drafts, and after an ambiguous end Sent Items are looked at.
  const draftsToo = send.includes('graph') || read.includes('graph') ? [by.read.graph] : [];
  return [...reads('imap'), ...reads('pop3'), ...sends('smtp'), ...sends('graph'), ...draftsToo];
}

/** What of each kind is used by at least one account. */
export function usesOf(accounts: readonly { readonly send?: CourierKind; readonly read?: ReadWay }[]): Uses {
  return {
    send: [...new Set(accounts.flatMap(({ send }) => send ?? []))],
    read: [...new Set(accounts.flatMap(({ read }) => read ?? []))],
  };
}
