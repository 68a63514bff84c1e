import { assertNewName, type ExchangeOrganization, type Group, notFound } from '../organization.ts';
import { type Cmdlet, exchangeCmdlet } from '../powershell/cmdlet.ts';
import type { Row } from '../powershell/value.ts';

const identity = { Identity: { type: 'text', mandatory: true } } as const;
const member = { Member: { type: 'text', mandatory: true } } as const;

/** Groups, for scopes by `MemberOfGroup`. Learn, "New-DistributionGroup" and related cmdlets. */
export function groupCmdlets(organization: ExchangeOrganization): readonly Cmdlet[] {
  const { groups, tenant } = organization;
  const find = (name: string): Group => {
    const wanted = name.toLowerCase();
    const found = groups.get(wanted) ?? [...groups.values()].find(({ address }) => address === wanted);
    if (!found) throw notFound(name);
    return found;
  };
  return [
    exchangeCmdlet(
      'New-DistributionGroup',
      {
        Name: { type: 'text', mandatory: true },
        Type: { type: 'text' },
        PrimarySmtpAddress: { type: 'text' },
        Members: { type: 'texts' },
      },
      (given) => {
        const name = given.text('Name');
        assertNewName(name, groups, 'group');
        const address = given.optionalText('PrimarySmtpAddress') ?? `${name.replace(/\W/g, '')}@${tenant.domain}`;
        const group = {
          name,
          address: address.toLowerCase(),
          distinguishedName: `CN=${name},OU=${tenant.domain},OU=Microsoft Exchange Hosted Organizations,DC=SIMULATOR,DC=PROD,DC=OUTLOOK,DC=EXAMPLE`,
          members: new Set(given.texts('Members').map((one) => organization.mailbox(one))),
        };
        groups.set(name.toLowerCase(), group);
        return [describe(group)];
      },
      { positions: ['Name'] },
    ),
    exchangeCmdlet(
      'Get-DistributionGroup',
      { Identity: { type: 'text' } },
      (given) => (given.has('Identity') ? [find(given.text('Identity'))] : [...groups.values()]).map(describe),
      { positions: ['Identity'] },
    ),
    exchangeCmdlet(
      'Add-DistributionGroupMember',
      { ...identity, ...member },
      (given) => {
        find(given.text('Identity')).members.add(organization.mailbox(given.text('Member')));
        organization.applyAllRoles();
        return [];
      },
      { positions: ['Identity'] },
    ),
    exchangeCmdlet(
      'Remove-DistributionGroupMember',
      { ...identity, ...member },
      (given) => {
        find(given.text('Identity')).members.delete(organization.mailbox(given.text('Member')));
        organization.applyAllRoles();
        return [];
      },
      { positions: ['Identity'], asks: true },
    ),
  ];
}

function describe({ name, address, distinguishedName }: Group): Row {
  return { Identity: name, Name: name, PrimarySmtpAddress: address, DistinguishedName: distinguishedName };
}
