Connect-ExchangeOnline
if ($false) {
  Set-CASMailbox alice@contoso.example -Imap $true
}
