import { assertNewName, type ExchangeOrganization, type ManagementScope, notFound } from '../organization.ts';
import { type Cmdlet, exchangeCmdlet } from '../powershell/cmdlet.ts';
import { CmdletError } from '../powershell/parameter.ts';
import type { Row } from '../powershell/value.ts';
import { parseRecipientFilter } from '../recipient-filter.ts';

const identity = { Identity: { type: 'text', mandatory: true } } as const;
const filter = { RecipientRestrictionFilter: { type: 'text', mandatory: true } } as const;

/** Sets of mailboxes for roles. Learn, "New-ManagementScope" and related cmdlets. */
export function managementScopeCmdlets(organization: ExchangeOrganization): readonly Cmdlet[] {
  const { scopes } = organization;
  const find = (name: string): ManagementScope => {
    const found = scopes.get(name.toLowerCase());
    if (!found) throw notFound(name);
    return found;
  };
  return [
    exchangeCmdlet(
      'New-ManagementScope',
      { Name: { type: 'text', mandatory: true }, ...filter },
      (given) => {
        const name = given.text('Name');
        assertNewName(name, scopes, 'management scope');
        const filterText = given.text('RecipientRestrictionFilter');
        const scope = { name, filterText, filter: parseRecipientFilter(filterText) };
        scopes.set(name.toLowerCase(), scope);
        return [describe(scope)];
      },
      { positions: ['Name'] },
    ),
    exchangeCmdlet(
      'Set-ManagementScope',
      { ...identity, ...filter },
      (given) => {
        const scope = find(given.text('Identity'));
        scope.filterText = given.text('RecipientRestrictionFilter');
        scope.filter = parseRecipientFilter(scope.filterText);
        organization.applyAllRoles();
        return [];
      },
      { positions: ['Identity'] },
    ),
    exchangeCmdlet(
      'Get-ManagementScope',
      { Identity: { type: 'text' } },
      (given) => (given.has('Identity') ? [find(given.text('Identity'))] : [...scopes.values()]).map(describe),
      { positions: ['Identity'] },
    ),
    exchangeCmdlet(
      'Remove-ManagementScope',
      identity,
      (given) => {
        const { name } = find(given.text('Identity'));
        const key = name.toLowerCase();
        const user = [...organization.assignments.values()].find(({ scope }) => scope?.toLowerCase() === key);
        if (user) {
          throw new CmdletError(
            `The management scope "${name}" can't be removed because the role assignment "${user.name}" uses it.`,
          );
        }
        scopes.delete(key);
        return [];
      },
      { positions: ['Identity'], asks: true },
    ),
  ];
}

function describe({ name, filterText }: ManagementScope): Row {
  return { Identity: name, Name: name, ScopeRestrictionType: 'RecipientScope', RecipientFilter: filterText };
}
