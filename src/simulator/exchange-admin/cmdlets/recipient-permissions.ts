import type { ExchangeOrganization } from '../organization.ts';
import type { Arguments } from '../powershell/arguments.ts';
import { type Cmdlet, exchangeCmdlet } from '../powershell/cmdlet.ts';
import { CmdletError } from '../powershell/parameter.ts';
import type { Row } from '../powershell/value.ts';

const permission = {
  Identity: { type: 'text', mandatory: true },
  Trustee: { type: 'text', mandatory: true },
  AccessRights: { type: 'texts', mandatory: true },
} as const;

/** Who may send as whom. Learn, "Add-RecipientPermission" and related cmdlets. */
export function recipientPermissionCmdlets(organization: ExchangeOrganization): readonly Cmdlet[] {
  const asking = { positions: ['Identity'], asks: true };
  return [
    exchangeCmdlet('Add-RecipientPermission', permission, (given) => change(organization, given, true), asking),
    exchangeCmdlet('Remove-RecipientPermission', permission, (given) => change(organization, given, false), asking),
    exchangeCmdlet(
      'Get-RecipientPermission',
      { Identity: permission.Identity, Trustee: { type: 'text' } },
      (given) => show(organization, organization.recipient(given.text('Identity')), given.optionalText('Trustee')),
      { positions: ['Identity'] },
    ),
  ];
}

function change(organization: ExchangeOrganization, given: Arguments, granted: boolean): readonly Row[] {
  const as = organization.recipient(given.text('Identity'));
  const trustee = organization.trustee(given.text('Trustee'));
  const other = given.texts('AccessRights').find((right) => right.toLowerCase() !== 'sendas');
  if (other !== undefined) throw new CmdletError(`The access right '${other}' is not valid.`);
  if ('user' in trustee) {
    const { exchange } = organization.tenant;
    const others = exchange.sendAs.filter(
      (grant) => grant.mailbox.toLowerCase() !== trustee.user || grant.as.toLowerCase() !== as,
    );
    exchange.sendAs = granted ? [...others, { mailbox: trustee.user, as }] : others;
  } else {
    const others = trustee.app.sendAs.filter((address) => address !== as);
    trustee.app.sendAs = granted ? [...others, as] : others;
  }
  return granted ? [describe(as, given.text('Trustee'))] : [];
}

function show(organization: ExchangeOrganization, as: string, trustee: string | undefined): readonly Row[] {
  const persons = organization.tenant.exchange.sendAs
    .filter((grant) => grant.as.toLowerCase() === as)
    .map(({ mailbox }) => mailbox);
  const apps = organization.registeredApps().filter(({ app }) => app.sendAs.includes(as));
  return [...persons, ...apps.map(({ objectId }) => objectId)]
    .filter((name) => trustee === undefined || name.toLowerCase() === trustee.toLowerCase())
    .map((name) => describe(as, name));
}

function describe(as: string, trustee: string): Row {
  return { Identity: as, Trustee: trustee, AccessControlType: 'Allow', AccessRights: ['SendAs'] };
}
