/** Both ways to let a mailbox use another's address, for Exchange Online PowerShell. */
export const sendAsRemedy =
  'Let the program send as the mailbox, or set forceFrom of the account, or give the mailbox the right, either Add-RecipientPermission ADDRESS -Trustee MAILBOX -AccessRights SendAs (to send as), or Set-Mailbox ADDRESS -GrantSendOnBehalfTo @{Add=MAILBOX} (to send on behalf). A change can take an hour.';
