import type { MailboxDirectory } from '../mailboxes/mailbox-directory.ts';
import { graphRoles, smtpRole } from '../tenant/exchange-permissions.ts';
import type { ExchangeApp, Tenant } from '../tenant/tenant.ts';
import { CmdletError } from './powershell/parameter.ts';
import { type RecipientFilter, recipientsOf } from './recipient-filter.ts';

/** A set of mailboxes that roles are limited to. */
export interface ManagementScope {
  readonly name: string;
  filterText: string;
  filter: RecipientFilter;
}

/** A role of RBAC for Applications assigned to an app. */
export interface RoleAssignment {
  readonly name: string;
  readonly role: string;
  /** In lower case. */
  readonly clientId: string;
  /** Name of a scope; undefined for every mailbox. */
  readonly scope: string | undefined;
}

/** A group, as far as scopes use it. */
export interface Group {
  readonly name: string;
  readonly address: string;
  readonly distinguishedName: string;
  /** Addresses in lower case. */
  readonly members: Set<string>;
}

/** A service principal as Exchange knows it. */
export interface RegisteredApp {
  readonly clientId: string;
  readonly objectId: string;
  readonly app: ExchangeApp;
}

/** The roles that an app can be assigned. */
export const applicationRoles: readonly string[] = [smtpRole, ...graphRoles];

/**
 * What Exchange Online administrators set, beyond what the tenant itself keeps. Names are compared case-insensitively.
 */
export class ExchangeOrganization {
  readonly tenant: Tenant;
  readonly mailboxes: MailboxDirectory;
  readonly scopes = new Map<string, ManagementScope>();
  readonly assignments = new Map<string, RoleAssignment>();
  readonly groups = new Map<string, Group>();

  constructor(tenant: Tenant, mailboxes: MailboxDirectory) {
    this.tenant = tenant;
    this.mailboxes = mailboxes;
  }

  /** The address of a mailbox, in lower case. @throws CmdletError */
  mailbox(identity: string): string {
    if (!this.mailboxes.has(identity)) throw notFound(identity);
    return identity.toLowerCase();
  }

  /** The address of a mailbox or a group, in lower case. @throws CmdletError */
  recipient(identity: string): string {
    const address = identity.toLowerCase();
    const isGroup = [...this.groups.values()].some((group) => group.address === address);
    return isGroup ? address : this.mailbox(identity);
  }

  registeredApps(): readonly RegisteredApp[] {
    return this.tenant.exchangeServicePrincipals().map(([clientId, app]) => ({
      clientId,
      objectId: app.servicePrincipalObjectId ?? '',
      app,
    }));
  }

  /** A service principal by its object id, app id or name. @throws CmdletError */
  servicePrincipal(identity: string): RegisteredApp {
    const wanted = identity.toLowerCase();
    const found = this.registeredApps().find(({ clientId, objectId, app }) =>
      [clientId, objectId.toLowerCase(), app.displayName?.toLowerCase()].includes(wanted),
    );
    if (!found) throw notFound(identity);
    return found;
  }

  /**
   * Whom a permission is given to: a person by user principal name, or a service principal by its identity among users,
   * which is not the app id.
   * @throws CmdletError
   */
  trustee(identity: string): { readonly user: string } | RegisteredApp {
    const user = identity.toLowerCase();
    if (this.tenant.users.has(user)) return { user };
    const found = this.registeredApps().find(
      ({ objectId, app }) => objectId.toLowerCase() === user || app.displayName?.toLowerCase() === user,
    );
    if (!found) throw notFound(identity);
    return found;
  }

  /** Recomputes which mailboxes each role of an app reaches. */
  applyRoles(clientId: string): void {
    const app = this.tenant.exchangeApp(clientId);
    const held = [...this.assignments.values()].filter((assignment) => assignment.clientId === clientId);
    const reachOf = (role: string) => {
      const assignments = held.filter((assignment) => assignment.role === role);
      if (assignments.some(({ scope }) => scope === undefined)) return 'all';
      return [...new Set(assignments.flatMap(({ scope }) => this.reachedBy(scope ?? '')))];
    };
    app.smtpRbac = reachOf(smtpRole);
    app.graphRbac = Object.fromEntries(graphRoles.map((role) => [role, reachOf(role)]));
  }

  /** Recomputes what every assigned role reaches, after a scope or a group changed. */
  applyAllRoles(): void {
    const clientIds = [...this.assignments.values()].map(({ clientId }) => clientId);
    for (const clientId of new Set(clientIds)) this.applyRoles(clientId);
  }

  /** The mailboxes in a scope. */
  reachedBy(scope: string): readonly string[] {
    const found = this.scopes.get(scope.toLowerCase());
    if (!found) return [];
    const recipients = this.mailboxes.addresses().map((address) => ({
      address: address.toLowerCase(),
      memberOf: [...this.groups.values()]
        .filter(({ members }) => members.has(address.toLowerCase()))
        .map(({ distinguishedName }) => distinguishedName),
    }));
    return recipientsOf(found.filter, recipients);
  }
}

/** Exchange's error for an unknown name. */
export function notFound(identity: string): CmdletError {
  return new CmdletError(
    `The operation couldn't be performed because object '${identity}' couldn't be found on 'SIMULATOR.PROD.OUTLOOK.EXAMPLE'.`,
  );
}

/** @throws CmdletError for a name that is in use or too long */
export function assertNewName(name: string, taken: ReadonlyMap<string, unknown>, what: string): void {
  if (name.length > 64) {
    throw new CmdletError(`The value "${name}" of property Name is too long. The maximum length is 64.`);
  }
  if (taken.has(name.toLowerCase())) {
    throw new CmdletError(`The ${what} "${name}" already exists. Please specify another name.`);
  }
}
