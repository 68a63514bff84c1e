import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { quoted } from '../../../src/base/quoted-powershell.ts';
import type { ExchangeScriptInput, ScriptAccount } from '../../../src/onboarding/exchange-script/input.ts';
import { comment } from '../../../src/onboarding/exchange-script/powershell.ts';
import { exchangeScript } from '../../../src/onboarding/exchange-script/script.ts';
import { ExchangeAdministration } from '../../../src/simulator/exchange-admin/exchange-administration.ts';
import { MailboxDirectory } from '../../../src/simulator/mailboxes/mailbox-directory.ts';
import { Tenant } from '../../../src/simulator/tenant/tenant.ts';

const reports = 'reports@contoso.example';
const obrien = "o'brien@contoso.example";
const shared = 'office@contoso.example';
const addresses = [reports, obrien, shared, 'alice@contoso.example'];

/** Exchange Online in a tenant with a new app that it does not know. */
function exchangeOnline() {
  const tenant = new Tenant({ domain: 'contoso.example', users: addresses });
  const app = tenant.register('mailbridge contoso');
  const exchange = new ExchangeAdministration(tenant, new MailboxDirectory(addresses));
  const principal = {
    kind: 'app',
    clientId: app.clientId,
    objectId: app.servicePrincipalId,
    classic: false,
    tenantWide: false,
  } as const;
  return { tenant, app, exchange, principal, known: tenant.exchangeApp(app.clientId) };
}

const input = (principal: ExchangeScriptInput['principal'], ...accounts: ScriptAccount[]): ExchangeScriptInput => ({
  connection: 'contoso',
  organization: 'contoso.example',
  principal,
  accounts,
});
const named = {
  kind: 'app',
  clientId: '11111111-2222-3333-4444-555555555555',
  objectId: '66666666-7777-8888-9999-000000000000',
  classic: false,
  tenantWide: false,
} as const;
const everything: readonly ScriptAccount[] = [
  { mailbox: reports, send: ['smtp'], read: 'imap', senders: [reports, shared, '*@contoso.example'] },
  { mailbox: obrien, send: ['graph'], read: 'graph', senders: [] },
  { mailbox: shared, read: 'pop3', senders: [] },
];

test('an app that sends and reads in every way', () => {
  expect(exchangeScript(input(named, ...everything), { undo: false })).toMatchInlineSnapshot(`
    "# Lets connection contoso of mailbridge use these mailboxes:
    #   reports@contoso.example: sends by smtp (as office@contoso.example, *@contoso.example too), reads by imap
    #   o'brien@contoso.example: sends by graph, reads by graph
    #   office@contoso.example: reads by pop3
    # Run it in PowerShell as an Exchange Administrator (for the roles: in Organization Management).
    # It is safe to run again: it keeps what exists.

    # Microsoft's module, where it is missing:
    if (-not (Get-Module -ListAvailable -Name ExchangeOnlineManagement -ErrorAction SilentlyContinue)) {
      Install-Module ExchangeOnlineManagement -Scope CurrentUser
    }
    Connect-ExchangeOnline -Organization 'contoso.example'

    $appId = '11111111-2222-3333-4444-555555555555'
    $objectId = '66666666-7777-8888-9999-000000000000'

    # Makes the app known to Exchange. Exchange accepts a wrong object id without an error, and every login fails later:
    # it is the one of the enterprise application, not of the app registration. If Exchange says that the app is
    # there already, it has another object id: Remove-ServicePrincipal -Identity $appId, then run this again.
    if (-not (Get-ServicePrincipal -Identity $objectId -ErrorAction SilentlyContinue)) {
      New-ServicePrincipal -AppId $appId -ObjectId $objectId -DisplayName 'mailbridge contoso'
    }

    # Lets the app open these mailboxes. Without it: "User is authenticated but not connected".
    $openedMailboxes = @(
      'reports@contoso.example',
      'office@contoso.example'
    )
    foreach ($mailbox in $openedMailboxes) {
      Add-MailboxPermission -Identity $mailbox -User $objectId -AccessRights FullAccess
    }

    # Lets the app send by SMTP as these mailboxes and no others. It needs no permission in Entra ID; one granted
    # there would reach every mailbox. On "Enable-OrganizationCustomization" as an error, run just that, once.
    $smtpName = 'mailbridge smtp 11111111-2222-3333-4444-555555555555'
    $smtpFilter = 'UserPrincipalName -eq ''reports@contoso.example'''
    if (-not (Get-ManagementScope -Identity $smtpName -ErrorAction SilentlyContinue)) {
      New-ManagementScope -Name $smtpName -RecipientRestrictionFilter $smtpFilter
    }
    Set-ManagementScope -Identity $smtpName -RecipientRestrictionFilter $smtpFilter
    if (-not (Get-ManagementRoleAssignment -Identity $smtpName -ErrorAction SilentlyContinue)) {
      New-ManagementRoleAssignment -Name $smtpName -Role 'Application SMTP.SendAsApp' -App $appId -CustomResourceScope $smtpName
    }

    # Lets the app send through Graph as these mailboxes and no others. It needs no permission in Entra ID; one granted
    # there would reach every mailbox. On "Enable-OrganizationCustomization" as an error, run just that, once.
    $sendName = 'mailbridge send 11111111-2222-3333-4444-555555555555'
    $sendFilter = 'UserPrincipalName -eq ''o''''brien@contoso.example'''
    if (-not (Get-ManagementScope -Identity $sendName -ErrorAction SilentlyContinue)) {
      New-ManagementScope -Name $sendName -RecipientRestrictionFilter $sendFilter
    }
    Set-ManagementScope -Identity $sendName -RecipientRestrictionFilter $sendFilter
    if (-not (Get-ManagementRoleAssignment -Identity $sendName -ErrorAction SilentlyContinue)) {
      New-ManagementRoleAssignment -Name $sendName -Role 'Application Mail.Send' -App $appId -CustomResourceScope $sendName
    }

    # Lets the app read and write, through Graph, these mailboxes and no others. It needs no permission in Entra ID; one granted
    # there would reach every mailbox. On "Enable-OrganizationCustomization" as an error, run just that, once.
    # Sending through Graph uses it for large messages, which go up as drafts, and to look into Sent Items before a
    # message is sent again. Where no account reads by Graph this part may be left out, and all else works: large
    # messages then go by SMTP if that is open, and otherwise come back with message-not-sendable-by-graph.
    $readName = 'mailbridge read 11111111-2222-3333-4444-555555555555'
    $readFilter = 'UserPrincipalName -eq ''o''''brien@contoso.example'''
    if (-not (Get-ManagementScope -Identity $readName -ErrorAction SilentlyContinue)) {
      New-ManagementScope -Name $readName -RecipientRestrictionFilter $readFilter
    }
    Set-ManagementScope -Identity $readName -RecipientRestrictionFilter $readFilter
    if (-not (Get-ManagementRoleAssignment -Identity $readName -ErrorAction SilentlyContinue)) {
      New-ManagementRoleAssignment -Name $readName -Role 'Application Mail.ReadWrite' -App $appId -CustomResourceScope $readName
    }

    # Lets them send with other addresses in From. For an alias of the mailbox itself the configuration says so.
    # Exchange grants no right for all of *@contoso.example: add a line for each address that is used.
    Add-RecipientPermission -Identity 'office@contoso.example' -Trustee 'reports@contoso.example' -AccessRights SendAs -Confirm:$false

    # IMAP is on for these mailboxes.
    $imapMailboxes = @(
      'reports@contoso.example'
    )
    foreach ($mailbox in $imapMailboxes) {
      Set-CASMailbox -Identity $mailbox -ImapEnabled $true
    }

    # POP3 is on for these mailboxes.
    $popMailboxes = @(
      'office@contoso.example'
    )
    foreach ($mailbox in $popMailboxes) {
      Set-CASMailbox -Identity $mailbox -PopEnabled $true
    }

    # SMTP AUTH is on for these mailboxes, whatever the organization has set. Where it is off, it is off for
    # OAuth too (535 5.7.139).
    $smtpMailboxes = @(
      'reports@contoso.example'
    )
    foreach ($mailbox in $smtpMailboxes) {
      Set-CASMailbox -Identity $mailbox -SmtpClientAuthenticationDisabled $false
    }

    # Tests each mailbox for the roles that it needs. A change takes 30 minutes to 2 hours to reach logins.
    $missing = ''
    $neededRoles = @('Application SMTP.SendAsApp')
    $roleMailboxes = @(
      'reports@contoso.example'
    )
    foreach ($mailbox in $roleMailboxes) {
      $results = $null
      $results = Test-ServicePrincipalAuthorization -Identity $objectId -Resource $mailbox
      foreach ($role in $neededRoles) {
        $found = $false
        foreach ($result in $results) {
          if ($result.RoleName -eq $role -and $result.InScope -eq $true) {
            $found = $true
          }
        }
        if (-not $found) {
          $missing = "$missing $mailbox needs $role;"
        }
      }
    }
    $neededRoles = @('Application Mail.Send', 'Application Mail.ReadWrite')
    $roleMailboxes = @(
      'o''brien@contoso.example'
    )
    foreach ($mailbox in $roleMailboxes) {
      $results = $null
      $results = Test-ServicePrincipalAuthorization -Identity $objectId -Resource $mailbox
      foreach ($role in $neededRoles) {
        $found = $false
        foreach ($result in $results) {
          if ($result.RoleName -eq $role -and $result.InScope -eq $true) {
            $found = $true
          }
        }
        if (-not $found) {
          $missing = "$missing $mailbox needs $role;"
        }
      }
    }
    if ($missing -eq '') {
      Write-Host 'OK: each mailbox is in the scope of the roles that it needs.'
    } else {
      Write-Host "Missing:$missing"
    }
    "
  `);
});

test('and the way back', () => {
  expect(exchangeScript(input(named, ...everything), { undo: true })).toMatchInlineSnapshot(`
    "# Takes back what mailbridge exchange-script set up for connection contoso.
    # Run it in PowerShell as an Exchange Administrator (for the roles: in Organization Management).
    # It is safe to run again.

    # Microsoft's module, where it is missing:
    if (-not (Get-Module -ListAvailable -Name ExchangeOnlineManagement -ErrorAction SilentlyContinue)) {
      Install-Module ExchangeOnlineManagement -Scope CurrentUser
    }
    Connect-ExchangeOnline -Organization 'contoso.example'

    $appId = '11111111-2222-3333-4444-555555555555'
    $objectId = '66666666-7777-8888-9999-000000000000'

    # SMTP AUTH of these mailboxes follows the organization's setting again.
    $smtpMailboxes = @(
      'reports@contoso.example'
    )
    foreach ($mailbox in $smtpMailboxes) {
      Set-CASMailbox -Identity $mailbox -SmtpClientAuthenticationDisabled $null
    }

    # POP3 stays on: other programs may use it. To switch it off, for each mailbox:
    #   Set-CASMailbox -Identity 'ADDRESS' -PopEnabled $false

    # IMAP stays on: other programs may use it. To switch it off, for each mailbox:
    #   Set-CASMailbox -Identity 'ADDRESS' -ImapEnabled $false

    # Removes sending with other addresses in From.
    Remove-RecipientPermission -Identity 'office@contoso.example' -Trustee 'reports@contoso.example' -AccessRights SendAs -Confirm:$false

    # The app can no longer read and write, through Graph, these mailboxes.
    $readName = 'mailbridge read 11111111-2222-3333-4444-555555555555'
    if (Get-ManagementRoleAssignment -Identity $readName -ErrorAction SilentlyContinue) {
      Remove-ManagementRoleAssignment -Identity $readName -Confirm:$false
    }
    if (Get-ManagementScope -Identity $readName -ErrorAction SilentlyContinue) {
      Remove-ManagementScope -Identity $readName -Confirm:$false
    }

    # The app can no longer send through Graph as these mailboxes.
    $sendName = 'mailbridge send 11111111-2222-3333-4444-555555555555'
    if (Get-ManagementRoleAssignment -Identity $sendName -ErrorAction SilentlyContinue) {
      Remove-ManagementRoleAssignment -Identity $sendName -Confirm:$false
    }
    if (Get-ManagementScope -Identity $sendName -ErrorAction SilentlyContinue) {
      Remove-ManagementScope -Identity $sendName -Confirm:$false
    }

    # The app can no longer send by SMTP as these mailboxes.
    $smtpName = 'mailbridge smtp 11111111-2222-3333-4444-555555555555'
    if (Get-ManagementRoleAssignment -Identity $smtpName -ErrorAction SilentlyContinue) {
      Remove-ManagementRoleAssignment -Identity $smtpName -Confirm:$false
    }
    if (Get-ManagementScope -Identity $smtpName -ErrorAction SilentlyContinue) {
      Remove-ManagementScope -Identity $smtpName -Confirm:$false
    }

    # The app can no longer open these mailboxes.
    $openedMailboxes = @(
      'reports@contoso.example',
      'office@contoso.example'
    )
    if (Get-ServicePrincipal -Identity $objectId -ErrorAction SilentlyContinue) {
      foreach ($mailbox in $openedMailboxes) {
        Remove-MailboxPermission -Identity $mailbox -User $objectId -AccessRights FullAccess -Confirm:$false
      }
    }

    # Removes the app from Exchange.
    if (Get-ServicePrincipal -Identity $objectId -ErrorAction SilentlyContinue) {
      Remove-ServicePrincipal -Identity $objectId -Confirm:$false
    }
    "
  `);
});

test('an account with several couriers gets what each of them needs', () => {
  const { exchange, tenant, principal, known } = exchangeOnline();
  const account: ScriptAccount = { mailbox: reports, send: ['graph', 'smtp'], senders: [] };
  const script = exchangeScript(input(principal, account), { undo: false });
  expect(script).toContain(`${reports}: sends by graph, else by smtp`);
  expect(exchange.run(script).errors).toEqual([]);
  expect(known.smtpRbac).toEqual([reports]);
  expect(script).toContain('Application Mail.Send');
  expect(tenant.exchange.smtpAuthEnabledFor).toEqual([reports]);
});

/** What an account does that uses all there is, once for each of its mailboxes. */
const allAtOnce = [reports, obrien].map(
  (mailbox, index): ScriptAccount => ({
    mailbox,
    send: ['graph', 'smtp'],
    sentItems: 'remove',
    senders: [
      'alice@contoso.example',
      { address: shared, as: 'on-behalf' },
      ...(index === 0 ? [{ address: 'old@contoso.example', as: 'alias' } as const] : []),
    ],
  }),
);

test('two couriers, one of them classic, several mailboxes, senders and no copies: each gets what it needs', () => {
  const script = exchangeScript(input({ ...named, classic: true }, ...allAtOnce), { undo: false });
  const lines = script.split('\n');
  expect(
    lines
      .slice(
        lines.indexOf('# Lets the app open these mailboxes. Without it: "User is authenticated but not connected".'),
        lines.findIndex((line) => line.startsWith('# Tests each mailbox')),
      )
      .join('\n'),
  ).toMatchInlineSnapshot(`
    "# Lets the app open these mailboxes. Without it: "User is authenticated but not connected".
    $openedMailboxes = @(
      'reports@contoso.example',
      'o''brien@contoso.example'
    )
    foreach ($mailbox in $openedMailboxes) {
      Add-MailboxPermission -Identity $mailbox -User $objectId -AccessRights FullAccess
    }

    # Lets the app send through Graph as these mailboxes and no others. It needs no permission in Entra ID; one granted
    # there would reach every mailbox. On "Enable-OrganizationCustomization" as an error, run just that, once.
    $sendName = 'mailbridge send 11111111-2222-3333-4444-555555555555'
    $sendFilter = 'UserPrincipalName -eq ''reports@contoso.example'' -or UserPrincipalName -eq ''o''''brien@contoso.example'''
    if (-not (Get-ManagementScope -Identity $sendName -ErrorAction SilentlyContinue)) {
      New-ManagementScope -Name $sendName -RecipientRestrictionFilter $sendFilter
    }
    Set-ManagementScope -Identity $sendName -RecipientRestrictionFilter $sendFilter
    if (-not (Get-ManagementRoleAssignment -Identity $sendName -ErrorAction SilentlyContinue)) {
      New-ManagementRoleAssignment -Name $sendName -Role 'Application Mail.Send' -App $appId -CustomResourceScope $sendName
    }

    # Lets the app read and write, through Graph, these mailboxes and no others. It needs no permission in Entra ID; one granted
    # there would reach every mailbox. On "Enable-OrganizationCustomization" as an error, run just that, once.
    # Sending through Graph uses it for large messages, which go up as drafts, and to look into Sent Items before a
    # message is sent again. Where no account reads by Graph this part may be left out, and all else works: large
    # messages then go by SMTP if that is open, and otherwise come back with message-not-sendable-by-graph.
    # Accounts with "sentItems": "remove" use it to remove the copies of what they sent, which stay without it.
    $readName = 'mailbridge read 11111111-2222-3333-4444-555555555555'
    $readFilter = 'UserPrincipalName -eq ''reports@contoso.example'' -or UserPrincipalName -eq ''o''''brien@contoso.example'''
    if (-not (Get-ManagementScope -Identity $readName -ErrorAction SilentlyContinue)) {
      New-ManagementScope -Name $readName -RecipientRestrictionFilter $readFilter
    }
    Set-ManagementScope -Identity $readName -RecipientRestrictionFilter $readFilter
    if (-not (Get-ManagementRoleAssignment -Identity $readName -ErrorAction SilentlyContinue)) {
      New-ManagementRoleAssignment -Name $readName -Role 'Application Mail.ReadWrite' -App $appId -CustomResourceScope $readName
    }

    # Lets them send with other addresses in From. For an alias of the mailbox itself the configuration says so.
    Add-RecipientPermission -Identity 'alice@contoso.example' -Trustee 'reports@contoso.example' -AccessRights SendAs -Confirm:$false
    Add-RecipientPermission -Identity 'alice@contoso.example' -Trustee $objectId -AccessRights SendAs -Confirm:$false
    Add-RecipientPermission -Identity 'alice@contoso.example' -Trustee 'o''brien@contoso.example' -AccessRights SendAs -Confirm:$false

    # Lets them send on behalf of other addresses.
    # Readers see both. Whoever has SendAs on the address too sends as it. Groups take Set-DistributionGroup.
    Set-Mailbox -Identity 'office@contoso.example' -GrantSendOnBehalfTo @{Add='reports@contoso.example'}
    Set-Mailbox -Identity 'office@contoso.example' -GrantSendOnBehalfTo @{Add='o''brien@contoso.example'}

    # Lets mailboxes send as their other addresses, in the whole organization. Each has to be one of the mailbox:
    #   Get-Mailbox 'reports@contoso.example' | Format-List EmailAddresses   shows old@contoso.example
    Set-OrganizationConfig -SendFromAliasEnabled $true

    # SMTP AUTH is on for these mailboxes, whatever the organization has set. Where it is off, it is off for
    # OAuth too (535 5.7.139).
    $smtpMailboxes = @(
      'reports@contoso.example',
      'o''brien@contoso.example'
    )
    foreach ($mailbox in $smtpMailboxes) {
      Set-CASMailbox -Identity $mailbox -SmtpClientAuthenticationDisabled $false
    }

    # The bridge removes the copies of mail sent by SMTP ("sentItems": "remove"). Exchange can be told to make none,
    # not even of what other programs send by SMTP. Then the bridge finds nothing there any more where an answer was
    # lost, and sends again: a message may come twice. If you want that, run for each mailbox:
    #   Set-Mailbox -Identity 'reports@contoso.example' -MessageCopyForSMTPClientSubmissionEnabled $false
    #   Set-Mailbox -Identity 'o''brien@contoso.example' -MessageCopyForSMTPClientSubmissionEnabled $false
    "
  `);
});

test('and Exchange takes it, and the way back', () => {
  const { exchange, principal, known, tenant } = exchangeOnline();
  const script = (undo: boolean) => exchangeScript(input({ ...principal, classic: true }, ...allAtOnce), { undo });
  expect(exchange.run(script(false)).errors).toEqual([]);
  const as = 'alice@contoso.example';
  expect(tenant.exchange.sendAs).toEqual([reports, obrien].map((mailbox) => ({ mailbox, as })));
  expect(known).toMatchObject({ sendAs: [as], graphRbac: { 'Application Mail.ReadWrite': [reports, obrien] } });
  expect(exchange.run(script(true)).errors).toEqual([]);
  expect([tenant.exchange.sendAs, known.graphRbac['Application Mail.Send']]).toEqual([[], []]);
});

test('for people who are not named the rights of their senders are said, with the group in the place of the mailbox', () => {
  const people: ScriptAccount = { ...(allAtOnce[0] as ScriptAccount), mailbox: '*@people.example' };
  const said = (principal: ExchangeScriptInput['principal'], account = people) =>
    exchangeScript(input(principal, account), { undo: false })
      .split('\n')
      .filter((line) =>
        /^# {3}.* -(?:Trustee|GrantSendOnBehalfTo|SendFromAliasEnabled|SmtpClientAuthenticationDisabled|Role|User) /.test(
          line,
        ),
      )
      .map((line) => line.replace(/^# {3}(?:Get-DistributionGroupMember GROUP -ResultSize Unlimited \| )?/, ''));
  expect(said({ ...named, classic: true })).toMatchInlineSnapshot(`
    [
      "New-ManagementRoleAssignment -Role 'Application Mail.Send' -App $appId -CustomResourceScope 'mailbridge group'",
      "New-ManagementRoleAssignment -Role 'Application Mail.ReadWrite' -App $appId -CustomResourceScope 'mailbridge group'",
      "ForEach-Object { Add-MailboxPermission -Identity $_.PrimarySmtpAddress -User $objectId -AccessRights FullAccess -AutoMapping $false }",
      "ForEach-Object { Set-CASMailbox -Identity $_.PrimarySmtpAddress -SmtpClientAuthenticationDisabled $false }",
      "ForEach-Object { Add-RecipientPermission -Identity 'alice@contoso.example' -Trustee $_.PrimarySmtpAddress -AccessRights SendAs -Confirm:$false }",
      "Add-RecipientPermission -Identity 'alice@contoso.example' -Trustee $objectId -AccessRights SendAs -Confirm:$false",
      "ForEach-Object { Set-Mailbox -Identity 'office@contoso.example' -GrantSendOnBehalfTo @{Add=$_.PrimarySmtpAddress} }",
      "Set-OrganizationConfig -SendFromAliasEnabled $true",
    ]
  `);
  expect(said({ kind: 'person', user: shared })).toMatchInlineSnapshot(`
    [
      "ForEach-Object { Add-MailboxPermission -Identity $_.PrimarySmtpAddress -User $user -AccessRights FullAccess -AutoMapping $false }",
      "ForEach-Object { Add-RecipientPermission -Identity $_.PrimarySmtpAddress -Trustee $user -AccessRights SendAs -Confirm:$false }",
      "Set-CASMailbox -Identity $user -SmtpClientAuthenticationDisabled $false",
      "Add-RecipientPermission -Identity 'alice@contoso.example' -Trustee $user -AccessRights SendAs -Confirm:$false",
      "Set-OrganizationConfig -SendFromAliasEnabled $true",
    ]
  `);
  expect(said(named, { mailbox: '*@people.example', send: ['smtp'], sentItems: 'remove', senders: [] })).toContainEqual(
    expect.stringContaining("-Role 'Application Mail.ReadWrite'"),
  );
});

test('a person who sends through Graph as another mailbox opens it too, for the drafts', () => {
  const { exchange, tenant } = exchangeOnline();
  const person = { kind: 'person', user: reports } as const;
  const sending = (mailbox: string): ScriptAccount => ({ mailbox, send: ['graph'], senders: [] });
  const script = exchangeScript(input(person, sending(reports), sending(shared)), { undo: false });
  expect(exchange.run(script).errors).toEqual([]);
  expect(tenant.exchange).toMatchObject({
    fullAccess: [{ user: reports, mailbox: shared }],
    sendAs: [{ mailbox: reports, as: shared }],
  });
});

test('a person who signs in gets rights on the mailboxes that are not their own', () => {
  const person = { kind: 'person', user: reports } as const;
  const accounts: ScriptAccount[] = [
    { mailbox: reports, send: ['smtp'], read: 'imap', senders: [] },
    { mailbox: shared, send: ['graph'], read: 'imap', senders: [] },
  ];
  expect(exchangeScript(input(person, ...accounts), { undo: false })).toMatchInlineSnapshot(`
    "# Lets connection contoso of mailbridge use these mailboxes:
    #   reports@contoso.example: sends by smtp, reads by imap
    #   office@contoso.example: sends by graph, reads by imap
    # Run it in PowerShell as an Exchange Administrator (for the roles: in Organization Management).
    # It is safe to run again: it keeps what exists.

    # Microsoft's module, where it is missing:
    if (-not (Get-Module -ListAvailable -Name ExchangeOnlineManagement -ErrorAction SilentlyContinue)) {
      Install-Module ExchangeOnlineManagement -Scope CurrentUser
    }
    Connect-ExchangeOnline -Organization 'contoso.example'

    $user = 'reports@contoso.example'

    # Lets the person open mailboxes that are not their own.
    $sharedMailboxes = @(
      'office@contoso.example'
    )
    foreach ($mailbox in $sharedMailboxes) {
      Add-MailboxPermission -Identity $mailbox -User $user -AccessRights FullAccess
    }

    # Lets the person send as addresses that are not their own.
    Add-RecipientPermission -Identity 'office@contoso.example' -Trustee $user -AccessRights SendAs -Confirm:$false

    # IMAP is on for these mailboxes.
    $imapMailboxes = @(
      'reports@contoso.example',
      'office@contoso.example'
    )
    foreach ($mailbox in $imapMailboxes) {
      Set-CASMailbox -Identity $mailbox -ImapEnabled $true
    }

    # SMTP AUTH is on for the person, who logs in whatever mailbox is sent as, whatever the organization has set.
    # Where it is off, it is off for OAuth too (535 5.7.139).
    Set-CASMailbox -Identity $user -SmtpClientAuthenticationDisabled $false
    "
  `);
});

test('a person who sends by SMTP as a shared mailbox gets SendAs on it, and SMTP AUTH of their own', () => {
  const { exchange, tenant } = exchangeOnline();
  Object.assign(tenant.exchange, { smtpAuthDisabled: true });
  const person = { kind: 'person', user: reports } as const;
  const sending: ScriptAccount = { mailbox: shared, send: ['smtp'], senders: [shared] };
  const script = exchangeScript(input(person, sending), { undo: false });
  expect(exchange.run(script).errors).toEqual([]);
  expect(tenant.exchange).toMatchObject({
    fullAccess: [],
    sendAs: [{ mailbox: reports, as: shared }],
    smtpAuthEnabledFor: [reports],
  });
  expect(exchange.run(exchangeScript(input(person, sending), { undo: true })).errors).toEqual([]);
  expect(tenant.exchange).toMatchObject({ sendAs: [], smtpAuthEnabledFor: [] });
});

test('Exchange takes the script twice without an error, and the app reaches those mailboxes and no others', () => {
  const { tenant, exchange, principal, known, app } = exchangeOnline();
  Object.assign(tenant.exchange, { smtpAuthDisabled: true, imapDisabledFor: [reports], popDisabledFor: [shared] });
  const script = exchangeScript(input(principal, ...everything), { undo: false });
  for (const time of [1, 2]) expect({ time, errors: exchange.run(script).errors }).toEqual({ time, errors: [] });
  expect(known).toMatchObject({
    servicePrincipalObjectId: app.servicePrincipalId,
    mailboxPermissions: [reports, shared],
    smtpRbac: [reports],
    graphRbac: { 'Application Mail.Send': [obrien], 'Application Mail.ReadWrite': [obrien] },
  });
  expect(tenant.exchange).toMatchObject({
    sendAs: [{ mailbox: reports, as: shared }],
    smtpAuthEnabledFor: [reports],
    imapDisabledFor: [],
    popDisabledFor: [],
  });
});

test('sending through Graph comes with reading and writing, in one role over all who do either', () => {
  const { exchange, principal, known } = exchangeOnline();
  const accounts: ScriptAccount[] = [
    { mailbox: reports, send: ['graph'], senders: [] },
    { mailbox: shared, read: 'graph', senders: [] },
    { mailbox: obrien, send: ['graph'], read: 'graph', senders: [] },
  ];
  const script = exchangeScript(input(principal, ...accounts), { undo: false });
  expect(exchange.run(script).errors).toEqual([]);
  expect(known.graphRbac).toMatchObject({
    'Application Mail.Send': [reports, obrien],
    'Application Mail.ReadWrite': [reports, obrien, shared],
    'Application Mail.Read': [],
  });
  expect(script.match(/-Role '[^']+'/g)).toEqual([
    "-Role 'Application Mail.Send'",
    "-Role 'Application Mail.ReadWrite'",
  ]);
});

test('the script says what sending wants to read for, and is silent where nobody sends through Graph', () => {
  const why = '# Sending through Graph uses it for large messages, which go up as drafts, and to look into Sent Items';
  const scriptOf = (account: ScriptAccount) => exchangeScript(input(named, account), { undo: false });
  expect(scriptOf({ mailbox: reports, send: ['graph'], senders: [] })).toContain(why);
  const reading = scriptOf({ mailbox: reports, read: 'graph', senders: [] });
  expect(reading).toContain("-Role 'Application Mail.ReadWrite'");
  expect(reading).not.toContain(why);
});

test('without the part that reads and writes the rest of the script works, and so does the way back', () => {
  const { exchange, principal, known } = exchangeOnline();
  const account: ScriptAccount = { mailbox: reports, send: ['graph'], senders: [] };
  const script = exchangeScript(input(principal, account), { undo: false });
  const parts = script.split('\n\n').filter((part) => !part.includes("-Role 'Application Mail.ReadWrite'"));
  expect(exchange.run(parts.join('\n\n')).errors).toEqual([]);
  expect(known.graphRbac).toMatchObject({ 'Application Mail.Send': [reports], 'Application Mail.ReadWrite': [] });
  expect(exchange.run(exchangeScript(input(principal, account), { undo: true })).errors).toEqual([]);
  expect(known.graphRbac).toMatchObject({ 'Application Mail.Send': [], 'Application Mail.ReadWrite': [] });
});

test('at the end each mailbox is tested for the roles that it needs, and one line says that all is well', () => {
  const { exchange, principal } = exchangeOnline();
  const { steps, host } = exchange.run(exchangeScript(input(principal, ...everything), { undo: false }));
  const tests = steps.filter(({ cmdlet }) => cmdlet === 'Test-ServicePrincipalAuthorization');
  // One for each mailbox that has a role, though the roles of the other are out of its scope.
  expect(tests.map(({ output }) => output.map((row) => row.InScope))).toEqual([
    [true, false, false],
    [false, true, true],
  ]);
  expect(host).toEqual(['OK: each mailbox is in the scope of the roles that it needs.']);
});

test('or what is missing: a role that somebody took away, and a mailbox that is out of its scope', () => {
  const { exchange, principal } = exchangeOnline();
  const accounts: ScriptAccount[] = [
    { mailbox: reports, send: ['graph'], senders: [] },
    { mailbox: shared, send: ['graph'], senders: [] },
    { mailbox: obrien, send: ['smtp'], senders: [] },
  ];
  const script = exchangeScript(input(principal, ...accounts), { undo: false });
  const between = `Remove-ManagementRoleAssignment -Identity $readName -Confirm:$false
Set-ManagementScope -Identity $smtpName -RecipientRestrictionFilter "UserPrincipalName -eq '${reports}'"
`;
  const { host, errors } = exchange.run(script.replace('# Tests each mailbox', `${between}# Tests each mailbox`));
  expect([errors, host]).toEqual([
    [],
    [
      `Missing: ${obrien} needs Application SMTP.SendAsApp; ${reports} needs Application Mail.ReadWrite; ${shared} needs Application Mail.ReadWrite;`,
    ],
  ]);
});

test('a mailbox that there is not is missing all its roles, whatever the one before it has', () => {
  const { exchange, principal } = exchangeOnline();
  const sending = (mailbox: string): ScriptAccount => ({ mailbox, send: ['graph'], senders: [] });
  const { host } = exchange.run(
    exchangeScript(input(principal, sending(reports), sending('nobody@contoso.example')), { undo: false }),
  );
  expect(host).toEqual([
    'Missing: nobody@contoso.example needs Application Mail.Send; nobody@contoso.example needs Application Mail.ReadWrite;',
  ]);
});

test('after a mailbox has left the configuration the role reaches it no more', () => {
  const { exchange, principal, known } = exchangeOnline();
  const sending = (mailbox: string) => ({ mailbox, send: ['smtp'], senders: [] }) as const;
  exchange.run(exchangeScript(input(principal, sending(reports), sending(obrien)), { undo: false }));
  expect(known.smtpRbac).toEqual([reports, obrien]);
  exchange.run(exchangeScript(input(principal, sending(obrien)), { undo: false }));
  expect(known.smtpRbac).toEqual([obrien]);
});

test.each([false, true])(
  'the way back takes everything back, may be run twice, and asks nothing; classic: %j',
  (classic) => {
    const { exchange, principal, known, tenant } = exchangeOnline();
    const app = { ...principal, classic };
    exchange.run(exchangeScript(input(app, ...everything), { undo: false }));
    const undo = exchangeScript(input(app, ...everything), { undo: true });
    for (const time of [1, 2]) {
      const { errors, steps } = exchange.run(undo);
      expect({ time, errors, asked: steps.filter(({ asked }) => asked) }).toEqual({ time, errors: [], asked: [] });
    }
    expect(known).toMatchObject({
      servicePrincipalObjectId: undefined,
      mailboxPermissions: [],
      smtpRbac: [],
      graphRbac: {},
    });
    expect(tenant.exchange).toMatchObject({ sendAs: [], smtpAuthEnabledFor: [], smtpAuthDisabledFor: [] });
  },
);

test('the classic way: mailbox permissions and SendAs for the app, and no role', () => {
  const { exchange, principal, known } = exchangeOnline();
  const classic = { ...principal, classic: true };
  const account: ScriptAccount = { mailbox: reports, send: ['smtp'], senders: [shared] };
  const script = exchangeScript(input(classic, account), { undo: false });
  expect(exchange.run(script).errors).toEqual([]);
  expect(known).toMatchObject({ mailboxPermissions: [reports], smtpRbac: [] });
  expect(script).toContain(`Add-RecipientPermission -Identity '${shared}' -Trustee $objectId -AccessRights SendAs`);
  expect(script).not.toContain('ManagementRole');
});

test('with Graph permissions for every mailbox Exchange has nothing to be told', () => {
  const script = exchangeScript(
    input({ ...named, tenantWide: true }, { mailbox: obrien, send: ['graph'], senders: [] }),
    { undo: false },
  );
  expect(script).toBe('# Exchange needs no settings for connection contoso and its accounts.\n');
});

test('without an object id the script stops before it does anything', () => {
  const { exchange, principal, known } = exchangeOnline();
  const open = { ...principal, objectId: undefined };
  const script = exchangeScript(input(open, ...everything), { undo: false });
  const { errors } = exchange.run(script);
  expect(errors.map(({ message }) => message)).toEqual([expect.stringContaining('Fill in $objectId first')]);
  expect(known.servicePrincipalObjectId).toBeUndefined();
});

test('the names of roles and scopes keep within what Exchange takes', () => {
  const names = [...exchangeScript(input(named, ...everything), { undo: false }).matchAll(/Name = '([^']+)'/g)];
  expect(names.map(([, name]) => name!.length <= 64)).toEqual([true, true, true]);
});

/** What ends a string between single quotes in PowerShell: about_Quoting_Rules and the language's grammar. */
const quotes = /['\u2018\u2019\u201a\u201b]/g;

test('no text gets out of its quotes, whichever kind of quote it holds', () => {
  const nasty = fc.string({
    unit: fc.constantFrom("'", '\u2018', '\u2019', '\u201a', '\u201b', '$', '(', ')', ';', '`', '"', 'a', ' '),
  });
  fc.assert(
    fc.property(nasty, (text) => {
      const inside = quoted(text).slice(1, -1);
      // Every quote inside is doubled, and undoubling restores the text.
      expect(inside.replace(/(['\u2018\u2019\u201a\u201b])\1/g, '').match(quotes)).toBeNull();
      expect(inside.replace(/(['\u2018\u2019\u201a\u201b])\1/g, '$1')).toBe(text);
    }),
  );
});

test.each(['a\nRemove-Mailbox b', 'a\r', 'a\0', 'a\u2028b', 'a\u0085b'])(
  'control characters (%j) are refused, and no comment ends in them',
  (text) => {
    expect(() => quoted(text)).toThrow(/control characters/);
    expect(comment(text)).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  },
);

test('a quote in an address reaches the filter as one character', () => {
  const { exchange, principal, known } = exchangeOnline();
  exchange.run(exchangeScript(input(principal, { mailbox: obrien, send: ['smtp'], senders: [] }), { undo: false }));
  expect(known.smtpRbac).toEqual([obrien]);
});

describe('senders with their ways', () => {
  const sales = 'alice@contoso.example';
  const account: ScriptAccount = {
    mailbox: reports,
    send: ['graph'],
    senders: [
      reports,
      shared,
      { address: sales, as: 'on-behalf' },
      { address: 'reports-old@contoso.example', as: 'alias' },
      { address: '*@a.contoso.example', as: 'send-as' },
      { address: '*@b.contoso.example', as: 'on-behalf' },
      { address: '*@c.contoso.example', as: 'alias' },
    ],
  };
  const sectionsOf = (script: string) =>
    script.split('\n\n').filter((part) => /RecipientPermission|GrantSendOnBehalfTo|SendFromAlias/.test(part));

  test('of an app: each gets what its way needs', () => {
    expect(sectionsOf(exchangeScript(input(named, account), { undo: false })).join('\n\n')).toMatchInlineSnapshot(`
      "# Lets them send with other addresses in From. For an alias of the mailbox itself the configuration says so.
      # Exchange grants no right for all of *@a.contoso.example: add a line for each address that is used.
      Add-RecipientPermission -Identity 'office@contoso.example' -Trustee 'reports@contoso.example' -AccessRights SendAs -Confirm:$false

      # Lets them send on behalf of other addresses.
      # Readers see both. Whoever has SendAs on the address too sends as it. Groups take Set-DistributionGroup.
      # Exchange grants no right for all of *@b.contoso.example: add a line for each address that is used.
      Set-Mailbox -Identity 'alice@contoso.example' -GrantSendOnBehalfTo @{Add='reports@contoso.example'}

      # Lets mailboxes send as their other addresses, in the whole organization. Each has to be one of the mailbox:
      #   Get-Mailbox 'reports@contoso.example' | Format-List EmailAddresses   shows reports-old@contoso.example
      # For *@c.contoso.example: each address that is used has to be one of the mailbox.
      Set-OrganizationConfig -SendFromAliasEnabled $true"
    `);
    expect(sectionsOf(exchangeScript(input(named, account), { undo: true })).join('\n\n')).toMatchInlineSnapshot(`
      "# Sending from aliases stays on: others may use it. To switch it off:
      #   Set-OrganizationConfig -SendFromAliasEnabled $false

      # Removes sending on behalf of other addresses.
      Set-Mailbox -Identity 'alice@contoso.example' -GrantSendOnBehalfTo @{Remove='reports@contoso.example'}

      # Removes sending with other addresses in From.
      Remove-RecipientPermission -Identity 'office@contoso.example' -Trustee 'reports@contoso.example' -AccessRights SendAs -Confirm:$false"
    `);
  });

  test.each(['graph', 'smtp'] as const)('Exchange takes it twice, and takes it back, by %s', (send) => {
    const { exchange, tenant, principal } = exchangeOnline();
    const script = exchangeScript(input(principal, { ...account, send: [send] }), { undo: false });
    for (const _ of [1, 2]) expect(exchange.run(script).errors).toEqual([]);
    expect(tenant.exchange).toMatchObject({
      sendAs: [{ mailbox: reports, as: shared }],
      sendOnBehalf: [{ mailbox: reports, as: sales }],
      sendFromAliasEnabled: true,
    });
    expect(exchange.run(exchangeScript(input(principal, { ...account, send: [send] }), { undo: true })).errors).toEqual(
      [],
    );
    expect(tenant.exchange).toMatchObject({ sendAs: [], sendOnBehalf: [], sendFromAliasEnabled: true });
  });

  test('in the classic way the app sends by SMTP, and the mailbox on behalf and through Graph', () => {
    const { exchange, tenant, principal, known } = exchangeOnline();
    const classic = { ...principal, classic: true };
    const accounts = [
      { ...account, send: ['smtp'] as const },
      { mailbox: obrien, send: ['graph'] as const, senders: [shared] },
    ];
    const script = exchangeScript(input(classic, ...accounts), { undo: false });
    expect(exchange.run(script).errors).toEqual([]);
    expect(known.sendAs).toEqual([shared]);
    expect(tenant.exchange).toMatchObject({
      sendAs: [{ mailbox: obrien, as: shared }],
      sendOnBehalf: [{ mailbox: reports, as: sales }],
    });
    expect(exchange.run(exchangeScript(input(classic, ...accounts), { undo: true })).errors).toEqual([]);
    expect([known.sendAs, tenant.exchange.sendAs, tenant.exchange.sendOnBehalf]).toEqual([[], [], []]);
  });

  test('a person gets them, on the shared mailbox too, and nothing on their own', () => {
    const { exchange, tenant } = exchangeOnline();
    const person = { kind: 'person', user: sales } as const;
    const ofShared: ScriptAccount = { ...account, mailbox: shared, senders: [reports, ...account.senders] };
    const script = exchangeScript(input(person, ofShared), { undo: false });
    expect(exchange.run(script).errors).toEqual([]);
    expect(tenant.exchange).toMatchObject({
      fullAccess: [{ user: sales, mailbox: shared }],
      sendAs: [
        { mailbox: sales, as: shared },
        { mailbox: sales, as: reports },
      ],
      sendOnBehalf: [],
      sendFromAliasEnabled: true,
    });
  });

  test('what all mail is sent as counts in place of the list', () => {
    const forced = exchangeScript(input(named, { ...account, forceFrom: obrien }), { undo: false });
    expect(sectionsOf(forced).join('\n')).toContain("Add-RecipientPermission -Identity 'o''brien@contoso.example'");
    expect(forced).not.toContain('SendFromAlias');
    expect(sectionsOf(exchangeScript(input(named, { ...account, forceFrom: reports }), { undo: false }))).toEqual([]);
  });
});

test('where copies are removed the app may write in those mailboxes, unless it reads them by IMAP', () => {
  const { tenant, exchange, principal } = exchangeOnline();
  const accounts: ScriptAccount[] = [
    { mailbox: reports, send: ['smtp'], sentItems: 'remove', senders: [] },
    { mailbox: obrien, send: ['smtp'], read: 'imap', sentItems: 'remove', senders: [] },
    { mailbox: shared, send: ['smtp'], sentItems: 'keep', senders: [] },
  ];
  const script = exchangeScript(input(principal, ...accounts), { undo: false });
  expect(exchange.run(script)).toMatchObject({ errors: [] });
  expect(tenant.exchangeApp(principal.clientId).graphRbac).toMatchObject({ 'Application Mail.ReadWrite': [reports] });
  expect(script).toContain('use it to remove the copies of what they sent, which stay without it.');
  expect(exchangeScript(input(principal, accounts[2]!), { undo: false })).not.toMatch(/copies|Mail\.ReadWrite/);
});

test('that Exchange makes no copies is a choice that costs something, and no statement', () => {
  const account: ScriptAccount = { mailbox: obrien, send: ['smtp'], sentItems: 'remove', senders: [] };
  const choice =
    "#   Set-Mailbox -Identity 'o''brien@contoso.example' -MessageCopyForSMTPClientSubmissionEnabled $false";
  const script = exchangeScript(input(named, account), { undo: false });
  expect(script.split('\n')).toContain(choice);
  expect(script).toContain(
    '# lost, and sends again: a message may come twice. If you want that, run for each mailbox:',
  );
  expect(exchangeScript(input(named, account), { undo: true })).toContain(choice.replace('$false', '$true'));
  // Copies of what Graph sends have no such choice.
  const byGraph = exchangeScript(input(named, { ...account, send: ['graph'] }), { undo: false });
  expect(byGraph).not.toContain('MessageCopyForSMTPClientSubmissionEnabled');
  // Who logs in keeps them.
  const person = { kind: 'person', user: reports } as const;
  expect(exchangeScript(input(person, account), { undo: false })).toContain(
    `#   Set-Mailbox -Identity '${reports}' -MessageCopyForSMTPClientSubmissionEnabled $false`,
  );
});
