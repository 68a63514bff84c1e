#Requires -Modules ExchangeOnlineManagement
<# IMAP, POP3 and SMTP by the permissions of Entra ID:
   the app opens the mailboxes it has FullAccess to. #>
if (-not (Get-Module -ListAvailable -Name ExchangeOnlineManagement)) { Install-Module ExchangeOnlineManagement -Force }
Import-Module ExchangeOnlineManagement
Connect-ExchangeOnline -Organization contoso.example -ShowBanner:$false

$appId = '11111111-1111-4111-8111-111111111111'
$objectId = "22222222-2222-4222-8222-222222222222"
$mailboxes = @(
  'reports@contoso.example',
  'alice@contoso.example'   # a comment
)
if (-not (Get-ServicePrincipal -Identity $appId -ErrorAction SilentlyContinue)) {
  New-ServicePrincipal -AppId $appId -ObjectId $objectId -DisplayName 'Bob''s bridge' | Out-Null
}
foreach ($mailbox in $mailboxes) {
  Add-MailboxPermission -Identity $mailbox `
    -User $objectId -AccessRights FullAccess
  Set-CASMailbox $mailbox -ImapEnabled $true -PopEnabled $true -SmtpClientAuthenticationDisabled $false
  Write-Host "Opened $mailbox for $($appId)."
}
Disconnect-ExchangeOnline -Confirm:$false
