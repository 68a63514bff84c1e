import { type AccountLogin, allowedMailbox } from './account-login.ts';

/**
 * Returns the mailbox that a message is sent as. `mailboxFrom` of the account selects the reverse-path or the From
 * header; if that is not one of its mailboxes, the other one decides; otherwise it is the default one.
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
