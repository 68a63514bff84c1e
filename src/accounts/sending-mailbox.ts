import { type AccountLogin, allowedMailbox } from './account-login.ts';

/**
 * The mailbox that a message is sent as: by `mailboxFrom` of the account the reverse-path or the From header says it,
 * the other one where that is none of its mailboxes, and else it is the default one.
 * @param reversePath empty for the null reverse-path
 * @param authors addresses of the From header
 */
export function sendingMailbox(login: AccountLogin, reversePath: string, authors: readonly string[]): string {
  const { mailboxFrom } = login.account;
  if (login.isMailboxChosen || mailboxFrom === 'fixed') return login.mailbox;
  const said = mailboxFrom === 'envelope' ? [reversePath, ...authors] : [...authors, reversePath];
  for (const address of said) {
    const mailbox = allowedMailbox(login.mailboxes, address);
    if (mailbox !== undefined) return mailbox;
  }
  return login.mailbox;
}
