import { quoted } from '../base/quoted-powershell.ts';
import { couriers } from '../couriers/registry.ts';
import type { ExchangeScriptInput, ScriptPerson, ScriptSection } from './exchange-script-input.ts';
import { mailboxesOf, needsSmtpAuth, otherSenders, readingSections } from './mailbox-settings.ts';
import { assignedList, forEach } from './powershell.ts';

/** What a person who signs in needs: the protocols, and rights on the mailboxes that are not their own. */
export function personSections({ accounts }: ExchangeScriptInput, { user }: ScriptPerson): ScriptSection[] {
  const isOther = (address: string) => address.toLowerCase() !== user.toLowerCase();
  // Drafts of large messages are made in the mailbox. SMTP opens nothing: there the person logs in as themself.
  const opened = mailboxesOf(
    accounts,
    ({ mailbox, read, send }) =>
      isOther(mailbox) && (read !== undefined || (send !== undefined && couriers[send].makesDrafts)),
  );
  const { pairs, patterns } = otherSenders(accounts);
  const sentAs = new Map(
    [
      ...mailboxesOf(accounts, ({ mailbox, send }) => send !== undefined && isOther(mailbox)),
      ...pairs.map(({ sender }) => sender).filter(isOther),
    ].map((address) => [address.toLowerCase(), address]),
  );
  return [
    ...(opened.length > 0 ? [fullAccess(opened)] : []),
    ...(sentAs.size + patterns.length > 0 ? [sendAs([...sentAs.values()], patterns)] : []),
    ...readingSections(accounts),
    ...(accounts.some(needsSmtpAuth) ? [smtpAuth] : []),
  ];
}

/** Whatever mailbox mail is sent as, the person logs in. */
const smtpAuth: ScriptSection = {
  why: [
    'SMTP AUTH is on for the person, who logs in whatever mailbox is sent as, whatever the organization has set.',
    'Where it is off, it is off for OAuth too (535 5.7.139).',
  ],
  apply: ['Set-CASMailbox -Identity $user -SmtpClientAuthenticationDisabled $false'],
  undoWhy: ["SMTP AUTH of the person follows the organization's setting again."],
  undo: ['Set-CASMailbox -Identity $user -SmtpClientAuthenticationDisabled $null'],
};

function fullAccess(mailboxes: readonly string[]): ScriptSection {
  const list = assignedList('sharedMailboxes', mailboxes);
  return {
    why: ['Lets the person open mailboxes that are not their own.'],
    apply: [
      ...list,
      ...forEach('mailbox', 'sharedMailboxes', [
        'Add-MailboxPermission -Identity $mailbox -User $user -AccessRights FullAccess',
      ]),
    ],
    undoWhy: ['The person can no longer open these mailboxes. Leave it out where they had the right before.'],
    undo: [
      ...list,
      ...forEach('mailbox', 'sharedMailboxes', [
        'Remove-MailboxPermission -Identity $mailbox -User $user -AccessRights FullAccess -Confirm:$false',
      ]),
    ],
  };
}

function sendAs(addresses: readonly string[], patterns: readonly string[]): ScriptSection {
  const each = (command: string) =>
    addresses.map(
      (address) => `${command} -Identity ${quoted(address)} -Trustee $user -AccessRights SendAs -Confirm:$false`,
    );
  return {
    why: [
      'Lets the person send as addresses that are not their own.',
      ...patterns.map((pattern) => `For ${pattern} add a line for each address that is used.`),
    ],
    apply: each('Add-RecipientPermission'),
    undoWhy: ['The person can no longer send as these addresses. Leave it out where they had the right before.'],
    undo: each('Remove-RecipientPermission'),
  };
}
