Connect-ExchangeOnline
Get-Mailbox alice@contoso.example
