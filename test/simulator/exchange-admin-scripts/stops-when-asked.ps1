$ErrorActionPreference = 'Stop'
Connect-ExchangeOnline -Organization contoso.example
Get-CASMailbox nowhere@contoso.example -ErrorAction SilentlyContinue
Get-CASMailbox nowhere@contoso.example
Write-Host 'never said'
