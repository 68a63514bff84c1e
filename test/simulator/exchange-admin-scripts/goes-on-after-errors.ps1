Set-TransportConfig -SmtpClientAuthenticationDisabled $true
Connect-ExchangeOnline
Add-MailboxPermission reports@contoso.example -User nobody@contoso.example -AccessRights FullAccess
Add-MailboxPermission nowhere@contoso.example -User alice@contoso.example -AccessRights FullAccess
New-ManagementRoleAssignment -Role 'Application IMAP.AccessAsApp' -App x
New-ManagementScope scope -RecipientRestrictionFilter "City -eq 'Berlin'"
Set-CASMailbox reports@contoso.example -ImapEnabled 'false'
Set-CASMailbox
Remove-RecipientPermission reports@contoso.example -Trustee bob@contoso.example -AccessRights SendAs
