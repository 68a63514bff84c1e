Connect-ExchangeOnline
Get-Recipient alice@contoso.example
