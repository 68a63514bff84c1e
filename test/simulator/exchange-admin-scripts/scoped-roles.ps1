Connect-ExchangeOnline
$name = 'Bridge senders'; $app = '11111111-1111-4111-8111-111111111111'
$sp = New-ServicePrincipal -AppId $app -ObjectId 22222222-2222-4222-8222-222222222222 -DisplayName Bridge
$filter = "PrimarySmtpAddress -eq 'reports@contoso.example' -or EmailAddresses -eq 'smtp:bob@contoso.example'"
if (Get-ManagementScope $name -ErrorAction SilentlyContinue) {
  Set-ManagementScope $name -RecipientRestrictionFilter $filter
}
else {
  New-ManagementScope $name -RecipientRestrictionFilter $filter
}
foreach ($role in 'Application SMTP.SendAsApp', 'Application Mail.Send') {
  New-ManagementRoleAssignment -Name "$name $role" -Role $role -App $sp.AppId -CustomResourceScope $name
}
Test-ServicePrincipalAuthorization -Identity $sp -Resource bob@contoso.example | Format-Table RoleName, InScope
Get-ManagementRoleAssignment -Role 'Application Mail.Send' | Remove-ManagementRoleAssignment -Confirm:$false
