import type { ExchangeOrganization } from '../organization.ts';
import type { Arguments } from '../powershell/arguments.ts';
import { type Cmdlet, exchangeCmdlet } from '../powershell/cmdlet.ts';
import type { Row } from '../powershell/value.ts';

const identity = { Identity: { type: 'text', mandatory: true } } as const;

/**
 * Who sends on behalf of a mailbox, its aliases, and whether it may send from them. Learn, "Set-Mailbox" and
 * "Set-OrganizationConfig".
 */
export function mailboxCmdlets(organization: ExchangeOrganization): readonly Cmdlet[] {
  const { exchange } = organization.tenant;
  const positions = { positions: ['Identity'] };
  return [
    exchangeCmdlet(
      'Set-Mailbox',
      { ...identity, GrantSendOnBehalfTo: { type: 'changes' }, EmailAddresses: { type: 'changes' } },
      (given) => change(organization, organization.mailbox(given.text('Identity')), given),
      positions,
    ),
    exchangeCmdlet(
      'Get-Mailbox',
      identity,
      (given) => [describe(organization, organization.mailbox(given.text('Identity')))],
      positions,
    ),
    exchangeCmdlet('Set-OrganizationConfig', { SendFromAliasEnabled: { type: 'boolean' } }, (given) => {
      exchange.sendFromAliasEnabled = given.flag('SendFromAliasEnabled') ?? exchange.sendFromAliasEnabled;
      return [];
    }),
    exchangeCmdlet('Get-OrganizationConfig', {}, () => [
      { Identity: organization.tenant.domain, SendFromAliasEnabled: exchange.sendFromAliasEnabled },
    ]),
  ];
}

function change(organization: ExchangeOrganization, mailbox: string, given: Arguments): readonly Row[] {
  const { exchange } = organization.tenant;
  // Only people are delegates: a service principal is not a recipient.
  const delegates = given
    .changed('GrantSendOnBehalfTo', delegatesOf(organization, mailbox))
    .map((name) => organization.mailbox(name));
  exchange.sendOnBehalf = [
    ...exchange.sendOnBehalf.filter(({ as }) => as !== mailbox),
    ...delegates.map((delegate) => ({ mailbox: delegate, as: mailbox })),
  ];
  const aliases = given.changed('EmailAddresses', aliasesOf(organization, mailbox));
  exchange.aliases = [
    ...exchange.aliases.filter((each) => each.mailbox !== mailbox),
    ...aliases.map((address) => ({ mailbox, address: address.replace(/^smtp:/, '').toLowerCase() })),
  ];
  return [];
}

function delegatesOf({ tenant }: ExchangeOrganization, mailbox: string): readonly string[] {
  return tenant.exchange.sendOnBehalf.filter(({ as }) => as === mailbox).map((grant) => grant.mailbox);
}

function aliasesOf({ tenant }: ExchangeOrganization, mailbox: string): readonly string[] {
  return tenant.exchange.aliases.filter((each) => each.mailbox === mailbox).map(({ address }) => address);
}

function describe(organization: ExchangeOrganization, mailbox: string): Row {
  return {
    Identity: mailbox,
    PrimarySmtpAddress: mailbox,
    GrantSendOnBehalfTo: delegatesOf(organization, mailbox),
    EmailAddresses: [`SMTP:${mailbox}`, ...aliasesOf(organization, mailbox).map((address) => `smtp:${address}`)],
  };
}
