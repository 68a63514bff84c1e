import { quoted } from '../base/quoted-powershell.ts';
import { couriers } from '../couriers/registry.ts';
import type { ScriptAccount, ScriptSection } from './exchange-script-input.ts';
import { assignedList, forEach } from './powershell.ts';

/** Mailboxes of the accounts that are of a kind, each once. */
export function mailboxesOf(
  accounts: readonly ScriptAccount[],
  wanted: (account: ScriptAccount) => boolean,
): readonly string[] {
  return [...new Map(accounts.filter(wanted).map(({ mailbox }) => [mailbox.toLowerCase(), mailbox])).values()];
}

/** Whether an account sends by a courier that SMTP AUTH has to be on for. */
export function needsSmtpAuth({ send }: ScriptAccount): boolean {
  return send !== undefined && couriers[send].needsSmtpAuth;
}

/** IMAP and POP3 switched on for each mailbox that is read by them. */
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

/** SMTP AUTH switched on for each mailbox that logs in by it. */
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

/** Pairs of an account's mailbox and another address that its mail leaves as, and the domains it sends as whole. */
export function otherSenders(accounts: readonly ScriptAccount[]): {
  readonly pairs: readonly { readonly mailbox: string; readonly sender: string }[];
  readonly patterns: readonly string[];
} {
  const wanted = accounts
    .filter(({ send }) => send !== undefined && couriers[send].keepsReversePath)
    .flatMap(({ mailbox, senders }) => senders.map((sender) => ({ mailbox, sender })))
    .filter(({ mailbox, sender }) => mailbox.toLowerCase() !== sender.toLowerCase());
  const isPattern = (sender: string) => sender.startsWith('*@');
  return {
    pairs: wanted.filter(({ sender }) => !isPattern(sender)),
    patterns: [...new Set(wanted.map(({ sender }) => sender).filter(isPattern))],
  };
}
