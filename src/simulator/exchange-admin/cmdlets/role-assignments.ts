import {
  applicationRoles,
  assertNewName,
  type ExchangeOrganization,
  notFound,
  type RoleAssignment,
} from '../organization.ts';
import type { Arguments } from '../powershell/arguments.ts';
import { type Cmdlet, exchangeCmdlet } from '../powershell/cmdlet.ts';
import { CmdletError } from '../powershell/parameter.ts';
import type { Row } from '../powershell/value.ts';

const identity = { Identity: { type: 'text', mandatory: true } } as const;

/** RBAC for Applications. Learn, "New-ManagementRoleAssignment" and related cmdlets. */
export function roleAssignmentCmdlets(organization: ExchangeOrganization): readonly Cmdlet[] {
  const { assignments } = organization;
  const find = (name: string): RoleAssignment => {
    const found = assignments.get(name.toLowerCase());
    if (!found) throw notFound(name);
    return found;
  };
  return [
    exchangeCmdlet(
      'New-ManagementRoleAssignment',
      {
        Name: { type: 'text' },
        Role: { type: 'text', mandatory: true },
        App: { type: 'text', mandatory: true },
        CustomResourceScope: { type: 'text' },
      },
      (given) => [describe(organization, assign(organization, given))],
      { positions: ['Name'] },
    ),
    exchangeCmdlet(
      'Get-ManagementRoleAssignment',
      { Identity: { type: 'text' }, RoleAssignee: { type: 'text' }, Role: { type: 'text' } },
      (given) => {
        const all = given.has('Identity') ? [find(given.text('Identity'))] : [...assignments.values()];
        const assignee = given.optionalText('RoleAssignee');
        const clientId = assignee === undefined ? undefined : organization.servicePrincipal(assignee).clientId;
        const role = given.optionalText('Role')?.toLowerCase();
        return all
          .filter((one) => clientId === undefined || one.clientId === clientId)
          .filter((one) => role === undefined || one.role.toLowerCase() === role)
          .map((one) => describe(organization, one));
      },
      { positions: ['Identity'] },
    ),
    exchangeCmdlet(
      'Remove-ManagementRoleAssignment',
      identity,
      (given) => {
        const { name, clientId } = find(given.text('Identity'));
        assignments.delete(name.toLowerCase());
        organization.applyRoles(clientId);
        return [];
      },
      { positions: ['Identity'], asks: true },
    ),
    exchangeCmdlet(
      'Test-ServicePrincipalAuthorization',
      { ...identity, Resource: { type: 'text' } },
      (given) => test(organization, given.text('Identity'), given.optionalText('Resource')),
      { positions: ['Identity'] },
    ),
  ];
}

function assign(organization: ExchangeOrganization, given: Arguments): RoleAssignment {
  const role = applicationRoles.find((one) => one.toLowerCase() === given.text('Role').toLowerCase());
  if (role === undefined) throw notFound(given.text('Role'));
  const { clientId, app } = organization.servicePrincipal(given.text('App'));
  const wantedScope = given.optionalText('CustomResourceScope');
  const scope = wantedScope === undefined ? undefined : organization.scopes.get(wantedScope.toLowerCase())?.name;
  if (wantedScope !== undefined && scope === undefined) throw notFound(wantedScope);
  const name = given.optionalText('Name') ?? `${role}-${app.displayName ?? clientId}`.slice(0, 64);
  assertNewName(name, organization.assignments, 'role assignment');
  const assignment = { name, role, clientId, scope };
  organization.assignments.set(name.toLowerCase(), assignment);
  organization.applyRoles(clientId);
  return assignment;
}

function describe(organization: ExchangeOrganization, { name, role, clientId, scope }: RoleAssignment): Row {
  return {
    Identity: name,
    Name: name,
    Role: role,
    RoleAssignee: organization.tenant.exchangeApp(clientId).servicePrincipalObjectId ?? clientId,
    RoleAssigneeType: 'ServicePrincipal',
    CustomResourceScope: scope ?? null,
  };
}

/** Exchange's answer for the app, without the hours that logins take to see a change. */
function test(organization: ExchangeOrganization, identityText: string, resource: string | undefined): readonly Row[] {
  const { clientId } = organization.servicePrincipal(identityText);
  const mailbox = resource === undefined ? undefined : organization.mailbox(resource);
  return [...organization.assignments.values()]
    .filter((assignment) => assignment.clientId === clientId)
    .map(({ role, scope }) => ({
      RoleName: role,
      GrantedPermissions: role.replace(/^Application /, ''),
      AllowedResourceScope: scope ?? 'Organization',
      ScopeType: scope === undefined ? 'Organization' : 'CustomRecipientScope',
      InScope: inScope(organization, scope, mailbox),
    }));
}

function inScope(organization: ExchangeOrganization, scope: string | undefined, mailbox: string | undefined) {
  if (mailbox === undefined) return 'Not Run';
  if (scope === undefined) return true;
  if (!organization.scopes.has(scope.toLowerCase())) throw new CmdletError(`The scope ${scope} is gone.`);
  return organization.reachedBy(scope).includes(mailbox);
}
