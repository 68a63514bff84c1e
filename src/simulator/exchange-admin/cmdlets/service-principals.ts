import type { ExchangeOrganization, RegisteredApp } from '../organization.ts';
import { type Cmdlet, exchangeCmdlet } from '../powershell/cmdlet.ts';
import { CmdletError } from '../powershell/parameter.ts';
import type { Row } from '../powershell/value.ts';

const guid = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Exchange's references to service principals of Entra ID. Learn, "New-ServicePrincipal" and related cmdlets. */
export function servicePrincipalCmdlets(organization: ExchangeOrganization): readonly Cmdlet[] {
  return [
    exchangeCmdlet(
      'New-ServicePrincipal',
      {
        AppId: { type: 'text', mandatory: true },
        // The deprecated name of ObjectId.
        ServiceId: { type: 'text' },
        ObjectId: { type: 'text' },
        DisplayName: { type: 'text' },
      },
      (given) => {
        const objectId = given.optionalText('ObjectId') ?? given.optionalText('ServiceId');
        return [register(organization, given.text('AppId'), objectId, given.optionalText('DisplayName'))];
      },
    ),
    exchangeCmdlet(
      'Get-ServicePrincipal',
      { Identity: { type: 'text' } },
      (given) => {
        const identity = given.optionalText('Identity');
        if (identity !== undefined) return [describe(organization.servicePrincipal(identity))];
        return organization.registeredApps().map(describe);
      },
      { positions: ['Identity'] },
    ),
    exchangeCmdlet(
      'Remove-ServicePrincipal',
      { Identity: { type: 'text', mandatory: true } },
      (given) => {
        forget(organization, organization.servicePrincipal(given.text('Identity')));
        return [];
      },
      { positions: ['Identity'], asks: true },
    ),
  ];
}

/** Any object id is accepted, even a wrong one: it belongs to nobody who ever logs in. */
function register(
  organization: ExchangeOrganization,
  appId: string,
  objectId: string | undefined,
  displayName: string | undefined,
): Row {
  if (objectId === undefined) {
    throw new CmdletError('Cannot process command because of one or more missing mandatory parameters: ObjectId.');
  }
  for (const id of [appId, objectId]) {
    if (!guid.test(id)) throw new CmdletError(`The value '${id}' is not a GUID.`);
  }
  const inUse = organization
    .registeredApps()
    .find((one) => one.clientId === appId.toLowerCase() || one.objectId.toLowerCase() === objectId.toLowerCase());
  if (inUse) {
    const which = inUse.clientId === appId.toLowerCase() ? `AppId '${appId}'` : `ObjectId '${objectId}'`;
    throw new CmdletError(`A service principal with the ${which} already exists.`);
  }
  const app = organization.tenant.exchangeApp(appId);
  app.servicePrincipalObjectId = objectId;
  app.displayName = displayName;
  return describe({ clientId: appId.toLowerCase(), objectId, app });
}

/** Also removes its mailbox permissions and roles: if created again, it is a new one. */
function forget(organization: ExchangeOrganization, { clientId, app }: RegisteredApp): void {
  Object.assign(app, {
    servicePrincipalObjectId: undefined,
    displayName: undefined,
    mailboxPermissions: [],
    sendAs: [],
  });
  for (const [key, assignment] of organization.assignments) {
    if (assignment.clientId === clientId) organization.assignments.delete(key);
  }
  organization.applyRoles(clientId);
}

function describe({ clientId, objectId, app }: RegisteredApp): Row {
  return { DisplayName: app.displayName ?? '', AppId: clientId, ObjectId: objectId, Identity: objectId };
}
