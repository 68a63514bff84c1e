import { couriers } from '../../couriers/registry.ts';
import type { TokenResource } from '../../tokens/token-source.ts';
import { removesByGraph } from '../permissions.ts';
import type { ScriptAccount, ScriptApp, ScriptPerson, ScriptSection } from './input.ts';
import { needsSmtpAuth } from './mailbox-settings.ts';
import { type SenderRights, senderRights, senderStatements, trusteesOfApp } from './senders.ts';

/**
 * What to do for mailboxes configured as `*@domain`. Exchange has no scopes by domain, and the script knows no names,
 * so a group contains them. Only comments, for an administrator to complete.
 */
export function patternSections(
  accounts: readonly ScriptAccount[],
  principal: ScriptApp | ScriptPerson,
): ScriptSection[] {
  if (accounts.length === 0) return [];
  const patterns = [...new Set(accounts.map(({ mailbox }) => mailbox))].join(', ');
  const steps = principal.kind === 'app' ? appSteps(accounts, principal) : personSteps(accounts, principal);
  return [
    {
      why: [
        `This script does nothing for ${patterns}: the names are missing here, and Exchange has no scope by domain. Put those`,
        'who use the bridge into a mail-enabled security group, and run these with its name for GROUP. Run the',
        'ones with Get-DistributionGroupMember again for whoever joins it.',
        ...steps.map((step) => `  ${step}`),
      ],
      apply: [],
      undoWhy: [`What was done by hand for ${patterns} stays: the scopes and assignments of the group.`],
      undo: [],
    },
  ];
}

const eachMember = (command: string) =>
  `Get-DistributionGroupMember GROUP -ResultSize Unlimited | ForEach-Object { ${command} }`;

/** A member of the group, in PowerShell. */
const member = '$_.PrimarySmtpAddress';

/** The statements that permit these senders; a member of the group gets the permission with all others. */
function senderSteps(rights: SenderRights): string[] {
  return senderStatements(rights).map((statement) => (statement.includes(member) ? eachMember(statement) : statement));
}

function appSteps(accounts: readonly ScriptAccount[], { classic, tenantWide }: ScriptApp): string[] {
  const scope = 'mailbridge group';
  const roles = groupRoles(accounts, { classic, tenantWide });
  const opened = accounts.some(
    (account) => account.read === 'imap' || account.read === 'pop3' || (classic && needsSmtpAuth(account)),
  );
  return [
    ...(roles.length > 0
      ? [
          '$group = (Get-DistributionGroup GROUP).DistinguishedName',
          `New-ManagementScope -Name '${scope}' -RecipientRestrictionFilter "MemberOfGroup -eq '$group'"`,
        ]
      : []),
    ...roles.map((role) => `New-ManagementRoleAssignment -Role '${role}' -App $appId -CustomResourceScope '${scope}'`),
    ...(opened
      ? [
          eachMember(
            'Add-MailboxPermission -Identity $_.PrimarySmtpAddress -User $objectId -AccessRights FullAccess -AutoMapping $false',
          ),
        ]
      : []),
    ...protocolSteps(accounts),
    ...(accounts.some(needsSmtpAuth) ? [smtpAuthStep] : []),
    ...senderSteps(
      senderRights(
        accounts,
        trusteesOfApp(classic, () => member),
      ),
    ),
  ];
}

/** Exchange's roles that replace permissions in Entra ID. */
function groupRoles(
  accounts: readonly ScriptAccount[],
  { classic, tenantWide }: Pick<ScriptApp, 'classic' | 'tenantWide'>,
): string[] {
  const isByRole: Readonly<Record<TokenResource, boolean>> = { graph: !tenantWide, exchange: !classic };
  const roles = accounts.flatMap((account): (string | undefined)[] => {
    const { send = [], read } = account;
    const used = send.map((courier) => couriers[courier]);
    const sends = used.filter(({ resource }) => isByRole[resource]).map(({ permissions }) => permissions.app.rbacRole);
    const drafts = used.some(({ makesDrafts }) => makesDrafts);
    const opens = drafts || read === 'graph' || removesByGraph(account);
    return [...sends, !tenantWide && opens ? 'Application Mail.ReadWrite' : undefined];
  });
  return [...new Set(roles.filter((role) => role !== undefined))];
}

const smtpAuthStep = eachMember(
  'Set-CASMailbox -Identity $_.PrimarySmtpAddress -SmtpClientAuthenticationDisabled $false',
);

function personSteps(accounts: readonly ScriptAccount[], { user }: ScriptPerson): string[] {
  const opens = accounts.some(
    ({ read, send, sentItems }) =>
      read !== undefined || send?.some((courier) => couriers[courier].makesDrafts || sentItems === 'remove'),
  );
  const rights = senderRights(
    accounts,
    () => ['$user'],
    (address) => address.toLowerCase() !== user.toLowerCase(),
  );
  const sends = accounts.some(({ send }) => send !== undefined);
  return [
    ...(opens
      ? [
          eachMember(
            'Add-MailboxPermission -Identity $_.PrimarySmtpAddress -User $user -AccessRights FullAccess -AutoMapping $false',
          ),
        ]
      : []),
    ...(sends
      ? [
          eachMember(
            'Add-RecipientPermission -Identity $_.PrimarySmtpAddress -Trustee $user -AccessRights SendAs -Confirm:$false',
          ),
        ]
      : []),
    ...protocolSteps(accounts),
    // Whatever mailbox is sent as, the person logs in.
    ...(accounts.some(needsSmtpAuth)
      ? ['Set-CASMailbox -Identity $user -SmtpClientAuthenticationDisabled $false']
      : []),
    ...senderSteps(rights),
  ];
}

function protocolSteps(accounts: readonly ScriptAccount[]): string[] {
  const parameters = [
    ...(accounts.some(({ read }) => read === 'imap') ? ['-ImapEnabled $true'] : []),
    ...(accounts.some(({ read }) => read === 'pop3') ? ['-PopEnabled $true'] : []),
  ];
  if (parameters.length === 0) return [];
  return [eachMember(`Set-CASMailbox -Identity $_.PrimarySmtpAddress ${parameters.join(' ')}`)];
}
