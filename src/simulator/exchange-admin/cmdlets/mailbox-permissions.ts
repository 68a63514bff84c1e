import type { Reach } from '../../tenant/tenant.ts';
import { reaches } from '../../tenant/tenant.ts';
import type { ExchangeOrganization, RegisteredApp } from '../organization.ts';
import type { Arguments } from '../powershell/arguments.ts';
import { type Cmdlet, exchangeCmdlet } from '../powershell/cmdlet.ts';
import { CmdletError } from '../powershell/parameter.ts';
import type { Row } from '../powershell/value.ts';

const permission = {
  Identity: { type: 'text', mandatory: true },
  User: { type: 'text', mandatory: true },
  AccessRights: { type: 'texts', mandatory: true },
  InheritanceType: { type: 'text' },
} as const;

/** Permissions on mailboxes. Learn, "Add-MailboxPermission" and related cmdlets. */
export function mailboxPermissionCmdlets(organization: ExchangeOrganization): readonly Cmdlet[] {
  return [
    exchangeCmdlet(
      'Add-MailboxPermission',
      { ...permission, AutoMapping: { type: 'boolean' } },
      (given) => change(organization, given, true),
      { positions: ['Identity'] },
    ),
    exchangeCmdlet('Remove-MailboxPermission', permission, (given) => change(organization, given, false), {
      positions: ['Identity'],
      asks: true,
    }),
    exchangeCmdlet(
      'Get-MailboxPermission',
      { Identity: permission.Identity, User: { type: 'text' } },
      (given) => show(organization, organization.mailbox(given.text('Identity')), given.optionalText('User')),
      { positions: ['Identity'] },
    ),
  ];
}

/** Exchange only warns when a permission to add exists already or one to remove does not exist. */
function change(organization: ExchangeOrganization, given: Arguments, granted: boolean): readonly Row[] {
  const mailbox = organization.mailbox(given.text('Identity'));
  const trustee = organization.trustee(given.text('User'));
  const other = given.texts('AccessRights').find((right) => right.toLowerCase() !== 'fullaccess');
  if (other !== undefined) throw new CmdletError(`The access right '${other}' is not simulated.`);
  if ('user' in trustee) setPersons(organization, trustee.user, mailbox, granted);
  else {
    const others = changed(organization, trustee.app.mailboxPermissions, mailbox, granted);
    trustee.app.mailboxPermissions = others;
  }
  return granted ? [describe(mailbox, given.text('User'))] : [];
}

function setPersons({ tenant }: ExchangeOrganization, user: string, mailbox: string, granted: boolean): void {
  const others = tenant.exchange.fullAccess.filter(
    (grant) => grant.user.toLowerCase() !== user || grant.mailbox.toLowerCase() !== mailbox,
  );
  tenant.exchange.fullAccess = granted ? [...others, { user, mailbox }] : others;
}

function changed(organization: ExchangeOrganization, reach: Reach, mailbox: string, granted: boolean): Reach {
  if (granted) return reaches(reach, mailbox) ? reach : [...reach, mailbox];
  const listed = reach === 'all' ? organization.mailboxes.addresses().map((one) => one.toLowerCase()) : reach;
  return listed.filter((one) => one !== mailbox);
}

/** Who else can open the mailbox. An unknown name finds nothing. */
function show(organization: ExchangeOrganization, mailbox: string, user: string | undefined): readonly Row[] {
  const persons = organization.tenant.exchange.fullAccess
    .filter((grant) => grant.mailbox.toLowerCase() === mailbox)
    .map((grant) => ({ names: [grant.user.toLowerCase()], row: describe(mailbox, grant.user) }));
  const apps = organization
    .registeredApps()
    .filter(({ app }) => reaches(app.mailboxPermissions, mailbox))
    .map((app) => ({ names: namesOf(app), row: describe(mailbox, app.objectId) }));
  const wanted = user?.toLowerCase();
  return [...persons, ...apps]
    .filter(({ names }) => wanted === undefined || names.includes(wanted))
    .map(({ row }) => row);
}

function namesOf({ objectId, app }: RegisteredApp): readonly string[] {
  return [objectId.toLowerCase(), app.displayName?.toLowerCase() ?? ''];
}

function describe(mailbox: string, user: string): Row {
  return { Identity: mailbox, User: user, AccessRights: ['FullAccess'], IsInherited: false, Deny: false };
}
