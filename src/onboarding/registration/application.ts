import { BridgeError } from '../../base/errors.ts';
import { resourceAppIds } from '../permissions.ts';
import { type Application, applicationForm, type Directory, filterBy } from './directory.ts';
import type { ResolvedPermission } from './resources.ts';

/** The required state of the app registration. */
export interface WantedApplication {
  readonly displayName: string;
  /** Identifies the registration; without it the one of this name is used, if there is one. */
  readonly clientId: string | undefined;
  readonly permissions: readonly ResolvedPermission[];
  /** People sign in to it: device code and browser, without a secret. */
  readonly publicClient: boolean;
  readonly redirectUris: readonly string[];
}

/** The registration as it is now, and what was done to it. */
export interface SettledApplication {
  readonly application: Application;
  readonly created: boolean;
  /** What was missing and was added. */
  readonly repaired: readonly string[];
  /** What it has beyond the requirements, and keeps. */
  readonly leftAlone: readonly string[];
}

type RequiredAccess = Application['requiredResourceAccess'];

/**
 * Finds the app registration or creates it, and adds what is missing. Nothing is removed.
 * @throws BridgeError `registration-missing`, `registration-ambiguous`, `directory-refused`
 */
export async function settleApplication(directory: Directory, wanted: WantedApplication): Promise<SettledApplication> {
  const found = await findApplication(directory, wanted);
  const access = accessOf(wanted.permissions);
  if (!found) {
    const application = await directory.post(
      '/v1.0/applications',
      {
        displayName: wanted.displayName,
        signInAudience: 'AzureADMyOrg',
        isFallbackPublicClient: wanted.publicClient,
        publicClient: { redirectUris: wanted.redirectUris },
        requiredResourceAccess: access,
      },
      applicationForm,
    );
    return { application, created: true, repaired: [], leftAlone: [] };
  }
  const { change, repaired } = repairOf(found, wanted, access);
  if (repaired.length > 0) await directory.patch(`/v1.0/applications/${found.id}`, change);
  return { application: found, created: false, repaired, leftAlone: surplus(found, access) };
}

async function findApplication(directory: Directory, wanted: WantedApplication): Promise<Application | undefined> {
  const { clientId, displayName } = wanted;
  if (clientId !== undefined) {
    const [byId] = await directory.list(`/v1.0/applications?${filterBy('appId', clientId)}`, applicationForm);
    if (byId) return byId;
    throw new BridgeError('registration-missing', `The tenant has no app registration with client id ${clientId}.`);
  }
  const named = await directory.list(`/v1.0/applications?${filterBy('displayName', displayName)}`, applicationForm);
  if (named.length <= 1) return named[0];
  const ids = named.map(({ appId }) => appId).join(', ');
  throw new BridgeError(
    'registration-ambiguous',
    `The tenant has ${named.length} app registrations named "${displayName}": ${ids}.`,
  );
}

/** The permissions as `requiredResourceAccess` (Learn, "requiredResourceAccess resource type"). */
function accessOf(permissions: readonly ResolvedPermission[]): RequiredAccess {
  const keys = [...new Set(permissions.map(({ resource }) => resource))];
  return keys.map((key) => ({
    resourceAppId: resourceAppIds[key],
    resourceAccess: permissions.filter(({ resource }) => resource === key).map(({ id, type }) => ({ id, type })),
  }));
}

function repairOf(found: Application, wanted: WantedApplication, access: RequiredAccess) {
  const change: Record<string, unknown> = {};
  const repaired: string[] = [];
  if (missing(access, found.requiredResourceAccess) > 0) {
    change.requiredResourceAccess = merged(found.requiredResourceAccess, access);
    repaired.push('permissions asked for');
  }
  const uris = found.publicClient?.redirectUris ?? [];
  if (wanted.redirectUris.some((uri) => !uris.includes(uri))) {
    change.publicClient = { redirectUris: [...new Set([...uris, ...wanted.redirectUris])] };
    repaired.push('redirect URI');
  }
  if (wanted.publicClient && found.isFallbackPublicClient !== true) {
    change.isFallbackPublicClient = true;
    repaired.push('"Allow public client flows"');
  }
  return { change, repaired };
}

/** How many permissions of the first list are missing in the second. */
function missing(wanted: RequiredAccess, present: RequiredAccess): number {
  return wanted.reduce((count, { resourceAppId, resourceAccess }) => {
    const there = present.find((entry) => entry.resourceAppId === resourceAppId)?.resourceAccess ?? [];
    return count + resourceAccess.filter(({ id }) => !there.some((each) => each.id === id)).length;
  }, 0);
}

function merged(present: RequiredAccess, wanted: RequiredAccess): RequiredAccess {
  const apps = new Set([...present, ...wanted].map(({ resourceAppId }) => resourceAppId));
  return [...apps].map((resourceAppId) => {
    const entries = [...present, ...wanted].filter((entry) => entry.resourceAppId === resourceAppId);
    const byId = new Map(entries.flatMap(({ resourceAccess }) => resourceAccess.map((each) => [each.id, each])));
    return { resourceAppId, resourceAccess: [...byId.values()] };
  });
}

function surplus(found: Application, access: RequiredAccess): string[] {
  const count = missing(found.requiredResourceAccess, access);
  return count === 0 ? [] : [`${count} more ${count === 1 ? 'permission' : 'permissions'} that the registration lists`];
}
