Connect-ExchangeOnline
Get-CASMailbox alice@contoso.example | Write-Host
