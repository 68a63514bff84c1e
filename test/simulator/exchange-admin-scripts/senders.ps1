Connect-ExchangeOnline
Set-Mailbox -Identity reports@contoso.example -GrantSendOnBehalfTo @{Add='alice@contoso.example'}
Set-Mailbox -Identity reports@contoso.example -GrantSendOnBehalfTo @{Add='alice@contoso.example', 'bob@contoso.example'; Remove='Alice@contoso.example'}
Set-Mailbox reports@contoso.example -EmailAddresses @{ Add = 'sales@contoso.example' }
Set-OrganizationConfig -SendFromAliasEnabled $true
Get-Mailbox reports@contoso.example
Get-OrganizationConfig
Set-Mailbox reports@contoso.example -GrantSendOnBehalfTo @{Put='alice@contoso.example'}
Set-Mailbox reports@contoso.example -GrantSendOnBehalfTo @{Add='nobody@contoso.example'}
