import { couriers } from '../../couriers/registry.ts';
import type { ExchangeScriptInput, ScriptPerson, ScriptSection } from './input.ts';
import { copySections, mailboxesOf, needsSmtpAuth, readingSections } from './mailbox-settings.ts';
import { assignedList, forEach } from './powershell.ts';
import { onceEach, senderRights, senderSections } from './senders.ts';

/** What a person who signs in needs: the protocols, and rights on mailboxes other than their own. */
export function personSections({ accounts }: ExchangeScriptInput, { user }: ScriptPerson): ScriptSection[] {
  const isOther = (address: string) => address.toLowerCase() !== user.toLowerCase();
  // Drafts of large messages are created in the mailbox. SMTP opens no mailbox: there the person logs in as themself.
  const opened = mailboxesOf(
    accounts,
    ({ mailbox, read, send, sentItems }) =>
      isOther(mailbox) &&
      (read !== undefined ||
        (send !== undefined && sentItems === 'remove') ||
        send?.some((courier) => couriers[courier].makesDrafts) === true),
  );
  const rights = senderRights(accounts, () => ['$user'], isOther);
  const sentAs = mailboxesOf(accounts, ({ mailbox, send }) => send !== undefined && isOther(mailbox));
  const sendAs = onceEach([...sentAs.map((address) => ({ address, trustee: '$user' })), ...rights.sendAs]);
  return [
    ...(opened.length > 0 ? [fullAccess(opened)] : []),
    ...senderSections({ ...rights, sendAs }, words),
    ...readingSections(accounts),
    ...(accounts.some(needsSmtpAuth) ? [smtpAuth] : []),
    ...copySections(accounts, () => user),
  ];
}

/** Whatever mailbox is sent as, the person logs in. */
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

const words = {
  sendAs: 'Lets the person send as addresses that are not their own.',
  sendAsUndo: 'The person can no longer send as these addresses. Leave it out where they had the right before.',
  onBehalf: 'Lets the person send on behalf of addresses that are not their own.',
  onBehalfUndo: 'The person can no longer send on behalf of these addresses. Leave it out where they could before.',
};
