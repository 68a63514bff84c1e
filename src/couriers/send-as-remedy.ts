/** Both ways to let a mailbox use another's address, for Exchange Online PowerShell. */
export const sendAsRemedy =
  'Let the program send as the mailbox, or set forceFrom of the account, or give the mailbox the right, either Add-RecipientPermission ADDRESS -Trustee MAILBOX -AccessRights SendAs (to send as), or Set-Mailbox ADDRESS -GrantSendOnBehalfTo @{Add=MAILBOX} (to send on behalf). A change can take an hour.';

/** The full remedy if a mailbox sends as another address. */
export const mailboxMayNotSendAs = `The mailbox MAILBOX may not send as ADDRESS. ${sendAsRemedy}`;

/** The remedy instead if a person signed in and the address is not theirs. */
export const personMayNotSendAs =
  'LOGIN signed in and may not send as ADDRESS. Give LOGIN the right: Add-RecipientPermission ADDRESS -Trustee LOGIN -AccessRights SendAs. A change can take an hour.';

/** The remedy instead if the address belongs to the login: no permission is missing then. */
export const ownAddressRefused =
  'The message names no sender but ADDRESS itself, so no right is missing. Check that this is one of the addresses of the mailbox (Get-Mailbox ADDRESS | Format-List PrimarySmtpAddress, EmailAddresses): a user principal name need not be one, and an alias may send only after Set-OrganizationConfig -SendFromAliasEnabled $true. If it is the primary address, let the program write it in From without a display name, on one line: Exchange misreads a name that holds an @.';
