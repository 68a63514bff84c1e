import { quoted } from '../../base/quoted-powershell.ts';
import { couriers } from '../../couriers/registry.ts';
import type { ScriptAccount, ScriptSection } from './input.ts';
import { assignedList, forEach } from './powershell.ts';

/** Mailboxes of matching accounts, each once. */
export function mailboxesOf(
  accounts: readonly ScriptAccount[],
  wanted: (account: ScriptAccount) => boolean,
): readonly string[] {
  return [...new Map(accounts.filter(wanted).map(({ mailbox }) => [mailbox.toLowerCase(), mailbox])).values()];
}

/** Whether an account uses a courier that needs SMTP AUTH. */
export function needsSmtpAuth({ send }: ScriptAccount): boolean {
  return send?.some((courier) => couriers[courier].needsSmtpAuth) === true;
}

/** Enables IMAP and POP3 for each mailbox that is read over them. */
export function readingSections(accounts: readonly ScriptAccount[]): ScriptSection[] {
  const imap = mailboxesOf(accounts, ({ read }) => read === 'imap');
  const pop3 = mailboxesOf(accounts, ({ read }) => read === 'pop3');
  const protocol = (
    mailboxes: readonly string[],
    name: string,
    variable: string,
    parameter: string,
  ): ScriptSection[] =>
    mailboxes.length === 0
      ? []
      : [
          {
            why: [`${name} is on for these mailboxes.`],
            apply: [
              ...assignedList(variable, mailboxes),
              ...forEach('mailbox', variable, [`Set-CASMailbox -Identity $mailbox ${parameter} $true`]),
            ],
            undoWhy: [
              `${name} stays on: other programs may use it. To switch it off, for each mailbox:`,
              `  Set-CASMailbox -Identity ${quoted('ADDRESS')} ${parameter} $false`,
            ],
            undo: [],
          },
        ];
  return [
    ...protocol(imap, 'IMAP', 'imapMailboxes', '-ImapEnabled'),
    ...protocol(pop3, 'POP3', 'popMailboxes', '-PopEnabled'),
  ];
}

/** Enables SMTP AUTH for each mailbox that logs in with it. */
export function smtpAuthSections(accounts: readonly ScriptAccount[]): ScriptSection[] {
  const mailboxes = mailboxesOf(accounts, needsSmtpAuth);
  if (mailboxes.length === 0) return [];
  const list = assignedList('smtpMailboxes', mailboxes);
  const set = (value: string) =>
    forEach('mailbox', 'smtpMailboxes', [
      `Set-CASMailbox -Identity $mailbox -SmtpClientAuthenticationDisabled ${value}`,
    ]);
  return [
    {
      why: [
        'SMTP AUTH is on for these mailboxes, whatever the organization has set. Where it is off, it is off for',
        'OAuth too (535 5.7.139).',
      ],
      apply: [...list, ...set('$false')],
      undoWhy: ["SMTP AUTH of these mailboxes follows the organization's setting again."],
      undo: [...list, ...set('$null')],
    },
  ];
}

/**
 * Exchange's options for copies of mail sent over SMTP (Microsoft: "Set-Mailbox"). These are choices, not statements:
 * without copies nobody can check whether a message was taken.
 * @param keeperOf whose Sent Items contain the copy of a mailbox's mail
 */
export function copySections(
  accounts: readonly ScriptAccount[],
  keeperOf: (mailbox: string) => string,
): ScriptSection[] {
  const removing = mailboxesOf(accounts, (account) => account.sentItems === 'remove' && needsSmtpAuth(account));
  const keepers = [...new Set(removing.map(keeperOf))];
  if (keepers.length === 0) return [];
  const each = (value: string) =>
    keepers.map(
      (keeper) => `  Set-Mailbox -Identity ${quoted(keeper)} -MessageCopyForSMTPClientSubmissionEnabled ${value}`,
    );
  return [
    {
      why: [
        'The bridge removes the copies of mail sent by SMTP ("sentItems": "remove"). Exchange can be told to make none,',
        'not even of what other programs send by SMTP. Then the bridge finds nothing there any more where an answer was',
        'lost, and sends again: a message may come twice. If you want that, run for each mailbox:',
        ...each('$false'),
      ],
      apply: [],
      undoWhy: [
        'If Exchange was told to make no copies of mail sent by SMTP, this makes it do so again:',
        ...each('$true'),
      ],
      undo: [],
    },
  ];
}
