import { quoted } from '../../base/quoted-powershell.ts';
import { couriers } from '../../couriers/registry.ts';
import { type CourierKind, courierKinds } from '../../message/courier-kind.ts';
import type { TokenResource } from '../../tokens/token-source.ts';
import { appName } from '../names.ts';
import { removesByGraph } from '../permissions.ts';
import type { ExchangeScriptInput, ScriptAccount, ScriptApp, ScriptSection } from './input.ts';
import { copySections, mailboxesOf, needsSmtpAuth, readingSections, smtpAuthSections } from './mailbox-settings.ts';
import { assignedList, forEach, ifFound, recipientFilter, unlessFound } from './powershell.ts';
import { senderRights, senderSections, trusteesOfApp } from './senders.ts';

/**
 * What an app needs in Exchange, in set-up order.
 * @param options.known Exchange has to know the app anyway: for mailboxes that are not named here
 */
export function appSections(
  { connection, accounts }: ExchangeScriptInput,
  app: ScriptApp,
  options: { readonly known: boolean },
): ScriptSection[] {
  const reading = ({ read }: ScriptAccount) => read === 'imap' || read === 'pop3';
  const opened = mailboxesOf(accounts, (account) => reading(account) || (app.classic && needsSmtpAuth(account)));
  const roles = rolesOf(accounts, app);
  const isNamed = opened.length + roles.length > 0 || options.known;
  return [
    // Exchange has nothing to do with Graph permissions in Entra ID.
    ...(isNamed ? [servicePrincipal(connection)] : []),
    ...(opened.length > 0 ? [fullAccess(opened)] : []),
    ...roles.map((role) => roleSection(role, app.clientId ?? connection)),
    ...senders(accounts, app.classic),
    ...readingSections(accounts),
    ...smtpAuthSections(accounts),
    ...copySections(accounts, (mailbox) => mailbox),
    ...(roles.length > 0 ? [proof(roles)] : []),
  ];
}

/** Finds the app once Exchange knows it, and no longer after that was undone. */
const known = 'Get-ServicePrincipal -Identity $objectId';

function servicePrincipal(connection: string): ScriptSection {
  return {
    why: [
      'Makes the app known to Exchange. Exchange accepts a wrong object id without an error, and every login fails later:',
      'it is the one of the enterprise application, not of the app registration. If Exchange says that the app is',
      'there already, it has another object id: Remove-ServicePrincipal -Identity $appId, then run this again.',
    ],
    apply: unlessFound(known, [
      `New-ServicePrincipal -AppId $appId -ObjectId $objectId -DisplayName ${quoted(appName(connection))}`,
    ]),
    undoWhy: ['Removes the app from Exchange.'],
    undo: ifFound(known, ['Remove-ServicePrincipal -Identity $objectId -Confirm:$false']),
  };
}

function fullAccess(mailboxes: readonly string[]): ScriptSection {
  const list = assignedList('openedMailboxes', mailboxes);
  return {
    why: ['Lets the app open these mailboxes. Without it: "User is authenticated but not connected".'],
    apply: [
      ...list,
      ...forEach('mailbox', 'openedMailboxes', [
        'Add-MailboxPermission -Identity $mailbox -User $objectId -AccessRights FullAccess',
      ]),
    ],
    undoWhy: ['The app can no longer open these mailboxes.'],
    undo: [
      ...list,
      ...ifFound(
        known,
        forEach('mailbox', 'openedMailboxes', [
          'Remove-MailboxPermission -Identity $mailbox -User $objectId -AccessRights FullAccess -Confirm:$false',
        ]),
      ),
    ],
  };
}

interface Role {
  readonly name: string;
  /** Used in names of scopes and variables. */
  readonly key: string;
  readonly does: string;
  /** Further purposes, one line each. */
  readonly besides?: readonly string[];
  readonly mailboxes: readonly string[];
}

const sendingReads = [
  'Sending through Graph uses it for large messages, which go up as drafts, and to look into Sent Items before a',
  'message is sent again. Where no account reads by Graph this part may be left out, and all else works: large',
  'messages then go by SMTP if that is open, and otherwise come back with message-not-sendable-by-graph.',
];

const removingReads = [
  'Accounts with "sentItems": "remove" use it to remove the copies of what they sent, which stay without it.',
];

function rolesOf(accounts: readonly ScriptAccount[], { classic, tenantWide }: ScriptApp): Role[] {
  const by = (wanted: (account: ScriptAccount) => boolean) => mailboxesOf(accounts, wanted);
  const roleOf = (courier: CourierKind): Role[] => {
    const { permissions, exchangeRole } = couriers[courier];
    const { rbacRole: name } = permissions.app;
    return name === undefined
      ? []
      : [{ name, ...exchangeRole, mailboxes: by(({ send }) => send?.includes(courier) === true) }];
  };
  const rolesFor = (wanted: TokenResource) =>
    courierKinds.filter((courier) => couriers[courier].resource === wanted).flatMap(roleOf);
  const makesDrafts = ({ send }: ScriptAccount) => send?.some((courier) => couriers[courier].makesDrafts) === true;
  const reading: Role = {
    name: 'Application Mail.ReadWrite',
    key: 'read',
    does: 'read and write, through Graph,',
    besides: [
      ...(accounts.some(makesDrafts) ? sendingReads : []),
      ...(accounts.some(removesByGraph) ? removingReads : []),
    ],
    mailboxes: tenantWide
      ? []
      : by((account) => makesDrafts(account) || account.read === 'graph' || removesByGraph(account)),
  };
  const sending = [...(classic ? [] : rolesFor('exchange')), ...(tenantWide ? [] : rolesFor('graph'))];
  return [...sending, reading].filter(({ mailboxes }) => mailboxes.length > 0);
}

/** @param app part of the names, so that two bridges in a tenant do not change each other's scopes */
function roleSection(role: Role, app: string): ScriptSection {
  // Exchange's limit is 64 characters.
  const name = quoted(`mailbridge ${role.key} ${app}`.slice(0, 64));
  const variables = [`$${role.key}Name = ${name}`, `$${role.key}Filter = ${quoted(recipientFilter(role.mailboxes))}`];
  const named = `-Identity $${role.key}Name`;
  return {
    why: [
      `Lets the app ${role.does} these mailboxes and no others. It needs no permission in Entra ID; one granted`,
      'there would reach every mailbox. On "Enable-OrganizationCustomization" as an error, run just that, once.',
      ...(role.besides ?? []),
    ],
    apply: [
      ...variables,
      ...unlessFound(`Get-ManagementScope ${named}`, [
        `New-ManagementScope -Name $${role.key}Name -RecipientRestrictionFilter $${role.key}Filter`,
      ]),
      `Set-ManagementScope ${named} -RecipientRestrictionFilter $${role.key}Filter`,
      ...unlessFound(`Get-ManagementRoleAssignment ${named}`, [
        `New-ManagementRoleAssignment -Name $${role.key}Name -Role ${quoted(role.name)} -App $appId -CustomResourceScope $${role.key}Name`,
      ]),
    ],
    undoWhy: [`The app can no longer ${role.does} these mailboxes.`],
    undo: [
      `$${role.key}Name = ${name}`,
      ...ifFound(`Get-ManagementRoleAssignment ${named}`, [`Remove-ManagementRoleAssignment ${named} -Confirm:$false`]),
      ...ifFound(`Get-ManagementScope ${named}`, [`Remove-ManagementScope ${named} -Confirm:$false`]),
    ],
  };
}

function senders(accounts: readonly ScriptAccount[], classic: boolean): ScriptSection[] {
  const rights = senderRights(accounts, trusteesOfApp(classic, quoted));
  const words = {
    sendAs:
      'Lets them send with other addresses in From. For an alias of the mailbox itself the configuration says so.',
    sendAsUndo: 'Removes sending with other addresses in From.',
    onBehalf: 'Lets them send on behalf of other addresses.',
    onBehalfUndo: 'Removes sending on behalf of other addresses.',
  };
  return senderSections(rights, words, (statements) => {
    const ofApp = statements.filter((statement) => statement.includes(' -Trustee $objectId '));
    const others = statements.filter((statement) => !ofApp.includes(statement));
    return [...others, ...(ofApp.length > 0 ? ifFound(known, ofApp) : [])];
  });
}

/**
 * Each mailbox is tested once, for the roles that it needs: it is rightly out of scope for those of other mailboxes.
 */
function proof(roles: readonly Role[]): ScriptSection {
  return {
    why: ['Tests each mailbox for the roles that it needs. A change takes 30 minutes to 2 hours to reach logins.'],
    apply: [
      "$missing = ''",
      ...rolesByMailboxes(roles).flatMap(({ names, mailboxes }) => [
        `$neededRoles = @(${names.map(quoted).join(', ')})`,
        ...assignedList('roleMailboxes', mailboxes),
        ...forEach('mailbox', 'roleMailboxes', testedMailbox),
      ]),
      "if ($missing -eq '') {",
      "  Write-Host 'OK: each mailbox is in the scope of the roles that it needs.'",
      '} else {',
      '  Write-Host "Missing:$missing"',
      '}',
    ],
    undoWhy: [],
    undo: [],
  };
}

/** The result is cleared first: after an error it would still be that of the mailbox before. */
const testedMailbox = [
  '$results = $null',
  '$results = Test-ServicePrincipalAuthorization -Identity $objectId -Resource $mailbox',
  ...forEach('role', 'neededRoles', [
    '$found = $false',
    ...forEach('result', 'results', [
      'if ($result.RoleName -eq $role -and $result.InScope -eq $true) {',
      '  $found = $true',
      '}',
    ]),
    'if (-not $found) {',
    '  $missing = "$missing $mailbox needs $role;"',
    '}',
  ]),
];

/** Groups mailboxes that need the same roles. */
function rolesByMailboxes(roles: readonly Role[]): { names: readonly string[]; mailboxes: string[] }[] {
  const groups = new Map<string, { names: readonly string[]; mailboxes: string[] }>();
  for (const mailbox of new Set(roles.flatMap(({ mailboxes }) => mailboxes))) {
    const names = roles.filter(({ mailboxes }) => mailboxes.includes(mailbox)).map(({ name }) => name);
    const group = groups.get(names.join());
    if (group) group.mailboxes.push(mailbox);
    else groups.set(names.join(), { names, mailboxes: [mailbox] });
  }
  return [...groups.values()];
}
