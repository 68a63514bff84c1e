import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ExchangeAdministration } from '../../src/simulator/exchange-admin/exchange-administration.ts';
import type { Outcome } from '../../src/simulator/exchange-admin/powershell/interpreter.ts';
import { MailboxDirectory } from '../../src/simulator/mailboxes/mailbox-directory.ts';
import { Tenant } from '../../src/simulator/tenant/tenant.ts';
import { play } from '../support/transcript.ts';
import { type Microsoft365, microsoft365 } from './harness.ts';

const reports = 'reports@contoso.example';
const alice = 'alice@contoso.example';
const bob = 'bob@contoso.example';
const appId = '11111111-1111-4111-8111-111111111111';
const objectId = '22222222-2222-4222-8222-222222222222';

/** A tenant whose app is unknown to Exchange. */
function organization() {
  const users = [reports, alice, bob];
  const tenant = new Tenant({ domain: 'contoso.example', clientId: appId, users });
  tenant.app.servicePrincipalId = objectId;
  tenant.app.roles.graph = [];
  const app = tenant.exchangeApp(appId);
  Object.assign(app, { servicePrincipalObjectId: undefined, mailboxPermissions: [] });
  const administration = new ExchangeAdministration(tenant, new MailboxDirectory(users));
  const powershell = (...lines: string[]) => administration.run(['Connect-ExchangeOnline', ...lines].join('\n'));
  return { tenant, app, administration, powershell };
}

/** One line for each cmdlet (its line and name), each text for people (`>`), each error (`!`). */
function summary({ steps, host, errors }: Outcome): string {
  return [
    ...steps.map(({ line, cmdlet, asked }) => `${line} ${cmdlet}${asked ? ' (asked)' : ''}\n`),
    ...host.map((text) => `> ${text}\n`),
    ...errors.map(({ line, message }) => `! ${line} ${message}\n`),
  ].join('');
}

const corpus = join(import.meta.dirname, 'exchange-admin-scripts');

describe('the scripts in exchange-admin-scripts', () => {
  for (const file of readdirSync(corpus).filter((name) => name.endsWith('.ps1'))) {
    const script = readFileSync(join(corpus, file), 'utf8');
    const expected = readFileSync(join(corpus, file.replace('.ps1', '.expected')), 'utf8');
    test.each([
      ['', script],
      [' with CRLF and a byte order mark', `\uFEFF${script.replaceAll('\n', '\r\n')}`],
    ])(`${file}%s`, (_, text) => {
      expect(summary(organization().administration.run(text))).toBe(expected);
    });
  }
});

test('whatever a script holds, it runs or is refused with a line', () => {
  const pieces = [
    ...[
      "'",
      '"',
      '`',
      '$',
      '$x',
      '$',
      '{x}',
      '$(',
      '@(',
      '(',
      ')',
      '{',
      '}',
      '|',
      ',',
      '=',
      '!',
      '#',
      '<#',
      '#>',
      ';',
      '\n',
      ' ',
    ],
    ...[
      'if',
      'else',
      'elseif',
      'foreach',
      'in',
      'throw',
      'Get-Module',
      'Out-Null',
      '-not',
      '-and',
      '-eq',
      '-Name:',
      'a',
      '7',
    ],
    ...['\u2019', '\uFEFF', '\0', 'é', '$x = ', '.Count', 'Connect-ExchangeOnline\n', 'Get-CASMailbox '],
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 30 }), (parts) => {
      const script = parts.join('');
      const lines = script.split('\n').length;
      for (const { line } of organization().administration.run(script).errors) {
        expect(line).toBeGreaterThan(0);
        expect(line).toBeLessThanOrEqual(lines);
      }
    }),
    { numRuns: 500 },
  );
});

const register = `New-ServicePrincipal -AppId ${appId} -ObjectId ${objectId} -DisplayName 'Mail bridge'`;

test('the classic way: service principal, FullAccess, SendAs; all of it taken back with the service principal', () => {
  const { tenant, app, powershell } = organization();
  expect(powershell(register).steps[1]?.output).toEqual([
    { DisplayName: 'Mail bridge', AppId: appId, ObjectId: objectId, Identity: objectId },
  ]);
  expect(tenant.isRegisteredInExchange(appId)).toBe(true);
  const done = powershell(
    `Add-MailboxPermission ${reports} -User ${objectId} -AccessRights FullAccess`,
    `Add-MailboxPermission ${reports} -User ${objectId} -AccessRights FullAccess`,
    `Add-MailboxPermission Alice@contoso.example -User 'mail bridge' -AccessRights FullAccess`,
    `Add-RecipientPermission ${bob} -Trustee ${objectId} -AccessRights SendAs -Confirm:$false`,
    `Get-MailboxPermission ${reports} -User ${objectId}`,
    `Get-RecipientPermission ${bob} -Trustee ${objectId}`,
    `Remove-MailboxPermission ${alice} -User ${objectId} -AccessRights FullAccess -Confirm:$false`,
  );
  expect(done.errors).toEqual([]);
  expect(done.steps.at(-3)?.output).toMatchObject([{ User: objectId, AccessRights: ['FullAccess'] }]);
  expect(done.steps.at(-2)?.output).toMatchObject([{ Trustee: objectId, AccessRights: ['SendAs'] }]);
  expect(app).toMatchObject({ mailboxPermissions: [reports], sendAs: [bob] });
  // Created again, it is a new one and has none of it.
  expect(powershell(`Remove-ServicePrincipal ${appId} -Confirm:$false`, register).errors).toEqual([]);
  expect(app).toMatchObject({ servicePrincipalObjectId: objectId, mailboxPermissions: [], sendAs: [] });
});

test('a wrong object id is taken, and the app is not known by it', () => {
  const { tenant, powershell } = organization();
  const wrong = tenant.app.objectId;
  expect(powershell(`New-ServicePrincipal -AppId ${appId} -ServiceId ${wrong}`).errors).toEqual([]);
  expect(tenant.isRegisteredInExchange(appId)).toBe(false);
  expect(powershell(register).errors).toEqual([
    { line: 2, message: `A service principal with the AppId '${appId}' already exists.` },
  ]);
  expect(powershell(`New-ServicePrincipal -AppId ${appId} -ObjectId x`).errors[0]?.message).toMatch(/not a GUID/);
});

test('permissions go to a service principal by object id or name, not by app id; and to people', () => {
  const { tenant, powershell } = organization();
  powershell(register);
  expect(powershell(`Add-MailboxPermission ${reports} -User ${appId} -AccessRights FullAccess`).errors).toHaveLength(1);
  powershell(
    `Add-MailboxPermission ${reports} -User ${alice} -AccessRights FullAccess`,
    `Add-RecipientPermission ${reports} -Trustee ${alice} -AccessRights SendAs -Confirm:$false`,
  );
  expect(tenant.exchange).toMatchObject({
    fullAccess: [{ user: alice, mailbox: reports }],
    sendAs: [{ mailbox: alice, as: reports }],
  });
  powershell(
    `Remove-MailboxPermission ${reports} -User ${alice} -AccessRights FullAccess -Confirm:$false`,
    `Remove-RecipientPermission ${reports} -Trustee ${alice} -AccessRights SendAs -Confirm:$false`,
  );
  expect(tenant.exchange).toMatchObject({ fullAccess: [], sendAs: [] });
});

test('scoped roles reach the mailboxes of their scope, follow its changes, and go', () => {
  const { app, powershell } = organization();
  powershell(
    register,
    `New-ManagementScope 'Bridge' -RecipientRestrictionFilter "PrimarySmtpAddress -eq '${reports}'"`,
    `New-ManagementRoleAssignment -Name smtp -Role 'Application SMTP.SendAsApp' -App ${appId} -CustomResourceScope bridge`,
    `New-ManagementRoleAssignment -Name send -Role 'Application Mail.Send' -App ${objectId} -CustomResourceScope Bridge`,
  );
  expect([app.smtpRbac, app.graphRbac['Application Mail.Send']]).toEqual([[reports], [reports]]);
  const tested = powershell(
    `Set-ManagementScope Bridge -RecipientRestrictionFilter "UserPrincipalName -eq '${reports}' -or UserPrincipalName -eq '${bob}'"`,
    `Test-ServicePrincipalAuthorization 'Mail bridge' -Resource ${alice}`,
    `Test-ServicePrincipalAuthorization ${appId} -Resource ${bob}`,
  );
  expect(app.smtpRbac).toEqual([reports, bob]);
  expect(
    tested.steps.slice(-2).map(({ output }) => output.map(({ RoleName, InScope }) => [RoleName, InScope])),
  ).toEqual([
    [
      ['Application SMTP.SendAsApp', false],
      ['Application Mail.Send', false],
    ],
    [
      ['Application SMTP.SendAsApp', true],
      ['Application Mail.Send', true],
    ],
  ]);
  expect(powershell('Remove-ManagementScope Bridge -Confirm:$false').errors[0]?.message).toMatch(/can't be removed/);
  powershell(
    'Remove-ManagementRoleAssignment smtp -Confirm:$false',
    'Remove-ManagementRoleAssignment send -Confirm:$false',
    'Remove-ManagementScope Bridge -Confirm:$false',
  );
  expect([app.smtpRbac, app.graphRbac['Application Mail.Send']]).toEqual([[], []]);
  powershell(`New-ManagementRoleAssignment -Role 'Application Mail.Read' -App ${appId}`);
  expect(app.graphRbac['Application Mail.Read']).toBe('all');
});

test('a scope by group follows its members', () => {
  const { app, powershell } = organization();
  const { errors } = powershell(
    register,
    `$group = New-DistributionGroup 'Bridge senders' -Type Security -Members ${reports}`,
    `New-ManagementScope s -RecipientRestrictionFilter "MemberOfGroup -eq '$($group.DistinguishedName)'"`,
    `New-ManagementRoleAssignment -Role 'Application SMTP.SendAsApp' -App ${appId} -CustomResourceScope s`,
    `Add-DistributionGroupMember 'Bridge senders' -Member ${bob}`,
    `Remove-DistributionGroupMember BridgeSenders@contoso.example -Member ${reports} -Confirm:$false`,
  );
  expect(errors).toEqual([]);
  expect(app.smtpRbac).toEqual([bob]);
});

test('names that are taken or too long, and scopes that are not there, are refused', () => {
  const { powershell } = organization();
  const scope = (name: string) =>
    `New-ManagementScope '${name}' -RecipientRestrictionFilter "EmailAddresses -eq 'smtp:${bob}'"`;
  const role = `New-ManagementRoleAssignment -Name r -Role 'Application Mail.Send' -App ${appId}`;
  const { errors } = powershell(
    register,
    scope('s'),
    scope('S'),
    scope('x'.repeat(65)),
    `${role} -CustomResourceScope t`,
    role,
    role,
  );
  expect(errors.map(({ line }) => line)).toEqual([4, 5, 6, 8]);
  expect(errors[0]?.message).toBe('The management scope "S" already exists. Please specify another name.');
});

test('protocols of a mailbox and SMTP AUTH of all: set, shown, given back to the organization', () => {
  const { tenant, powershell } = organization();
  const shown = powershell(
    'Set-TransportConfig -SmtpClientAuthenticationDisabled $true',
    `Set-CASMailbox -Identity ${reports} -ImapEnabled $false -PopEnabled $false -SmtpClientAuthenticationDisabled $false`,
    `Get-CASMailbox ${reports}`,
    'Get-TransportConfig',
  ).steps;
  expect(shown.at(-2)?.output).toMatchObject([
    { ImapEnabled: false, PopEnabled: false, SmtpClientAuthenticationDisabled: false },
  ]);
  expect(shown.at(-1)?.output).toMatchObject([{ SmtpClientAuthenticationDisabled: true }]);
  expect(tenant.exchange).toMatchObject({ imapDisabledFor: [reports], smtpAuthEnabledFor: [reports] });
  powershell(`Set-CASMailbox ${reports} -ImapEnabled $true -SmtpClientAuthenticationDisabled $null`);
  expect(tenant.exchange).toMatchObject({ imapDisabledFor: [], popDisabledFor: [reports], smtpAuthEnabledFor: [] });
});

/** Logs in to a mailbox over IMAP and opens its INBOX: the replies to both. */
async function imap(m365: Microsoft365, mailbox: string, replies: { login: string; select?: string }) {
  const token = await m365.token('exchange');
  const initial = Buffer.from(`user=${mailbox}\x01auth=Bearer ${token}\x01\x01`).toString('base64');
  const socket = connect({ ...m365.endpoints.imap, ca: m365.ca });
  const login = `S: * OK …\nC: 1 AUTHENTICATE XOAUTH2 ${initial}\n`;
  const refused = `S: + …\nC:\nS: 1 ${replies.login}`;
  await play(
    socket,
    login + (replies.select ? `S: 1 ${replies.login}\nC: 2 STATUS INBOX (MESSAGES)\nS: ${replies.select}` : refused),
  );
  socket.destroy();
}

test('what IMAP says to an app at each stage of its way into a mailbox', async () => {
  const m365 = await microsoft365({ clientId: appId });
  const { app } = m365.tenant;
  const run = async (...lines: string[]) => {
    expect((await send(m365, ['Connect-ExchangeOnline', ...lines].join('\n'))).body.errors).toEqual([]);
  };
  const completed = 'OK AUTHENTICATE completed.';
  const notConnected = '2 BAD User is authenticated but not connected.';
  await run(`Remove-ServicePrincipal ${appId} -Confirm:$false`);
  await imap(m365, reports, { login: 'NO AUTHENTICATE failed.' });
  await run(`New-ServicePrincipal -AppId ${appId} -ObjectId ${app.objectId}`);
  await imap(m365, reports, { login: 'NO AUTHENTICATE failed.' });
  await run(
    `Remove-ServicePrincipal ${appId} -Confirm:$false`,
    `New-ServicePrincipal -AppId ${appId} -ObjectId ${app.servicePrincipalId}`,
  );
  await imap(m365, reports, { login: completed, select: notConnected });
  await run(`Add-MailboxPermission ${reports} -User ${app.servicePrincipalId} -AccessRights FullAccess`);
  await imap(m365, reports, { login: completed, select: '* STATUS …' });
  await imap(m365, alice, { login: completed, select: notConnected });
  await run(`Set-CASMailbox ${reports} -ImapEnabled $false`);
  await imap(m365, reports, { login: completed, select: notConnected });
});

async function send(m365: Microsoft365, script: string) {
  const response = await m365.get(`${m365.endpoints.control}/exchange-powershell`, {
    method: 'POST',
    headers: { 'Content-Type': 'text/plain' },
    body: script,
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test('the control endpoint runs a script, remembers what it did, and says what went wrong', async () => {
  const m365 = await microsoft365();
  const first = await send(
    m365,
    'Connect-ExchangeOnline\nNew-ManagementScope s -RecipientRestrictionFilter "EmailAddresses -eq \'a\'"',
  );
  expect(first).toMatchObject({ status: 200, body: { steps: [{ line: 1 }, { line: 2 }], host: [], errors: [] } });
  expect((await send(m365, 'Connect-ExchangeOnline\nGet-ManagementScope s')).status).toBe(200);
  expect(await send(m365, 'Connect-ExchangeOnline\nGet-ManagementScope t')).toMatchObject({
    status: 400,
    body: {
      error: expect.stringMatching(/^line 2: .*'t' couldn't be found/),
      steps: [{ cmdlet: 'Connect-ExchangeOnline' }],
    },
  });
});
