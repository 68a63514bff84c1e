import type { Permission } from '../permissions.ts';
import { settleApplication } from './application.ts';
import type { Directory } from './directory.ts';
import { grantRoles, grantScopes, type SettledGrants } from './grants.ts';
import type { ReplicationOptions } from './replication.ts';
import { resolvePermissions } from './resources.ts';
import { settleServicePrincipal } from './service-principal.ts';
import { type SettledCredential, settleCredential, type WantedCredential } from './settle-credential.ts';

/** The requested registration. */
export interface Registration {
  readonly displayName: string;
  /** Identifies the registration; without it the one of that name is used. */
  readonly clientId: string | undefined;
  /** Application permissions. */
  readonly roles: readonly Permission[];
  /** Delegated permissions. */
  readonly scopes: readonly Permission[];
  /** People sign in to it, without a secret. */
  readonly publicClient: boolean;
  readonly redirectUris: readonly string[];
  /** Undefined: the app has none, because a person signs in. */
  readonly credential: WantedCredential | undefined;
}

/** One thing done, or found to be done. */
export interface RegistrationStep {
  readonly outcome: 'created' | 'added' | 'found' | 'left-alone';
  readonly text: string;
}

/** The resulting app. */
export interface Registered {
  readonly clientId: string;
  /** Object id of the app registration. */
  readonly applicationId: string;
  /** Object id of the enterprise application: the one that Exchange requires. */
  readonly servicePrincipalId: string;
  readonly credential: SettledCredential | undefined;
  /** Whether anything was missing. */
  readonly changed: boolean;
}

/**
 * Registers the app, with its enterprise application, permissions, consent and credential, or adds what is missing to
 * an existing registration. It can be interrupted anywhere and repeated.
 * @param tell called for each completed step
 * @throws BridgeError `directory-refused`, `permission-unknown`, `registration-missing`, `registration-ambiguous`,
 * `registration-not-visible`, `file-not-written`, or one of the HTTP client
 */
export async function registerApp(
  directory: Directory,
  wanted: Registration,
  replication: ReplicationOptions,
  tell: (step: RegistrationStep) => void,
): Promise<Registered> {
  let changed = false;
  const done = (outcome: RegistrationStep['outcome'], text: string) => {
    if (outcome === 'created' || outcome === 'added') changed = true;
    tell({ outcome, text });
  };
  const roles = await resolvePermissions(directory, wanted.roles, 'Role');
  const scopes = await resolvePermissions(directory, wanted.scopes, 'Scope');
  const { application, ...settled } = await settleApplication(directory, {
    ...wanted,
    permissions: [...roles, ...scopes],
  });
  const name = `app registration "${application.displayName ?? wanted.displayName}" (client id ${application.appId})`;
  done(settled.created ? 'created' : 'found', name);
  for (const what of settled.repaired) done('added', `to the registration: ${what}`);
  for (const what of settled.leftAlone) done('left-alone', what);

  const { servicePrincipal, created } = await settleServicePrincipal(directory, application.appId, replication);
  done(created ? 'created' : 'found', `enterprise application (object id ${servicePrincipal.id})`);

  const reportGrants = (kind: string, { granted, leftAlone }: SettledGrants) => {
    if (granted.length > 0) done('added', `admin consent to the ${kind} permissions ${granted.join(', ')}`);
    for (const what of leftAlone) done('left-alone', what);
  };
  reportGrants('application', await grantRoles(directory, servicePrincipal.id, roles, replication));
  reportGrants('delegated', await grantScopes(directory, servicePrincipal.id, scopes, replication));

  const credential =
    wanted.credential && (await settleCredential(directory, application.id, wanted.credential, replication));
  if (credential) reportCredential(credential, done);
  return {
    clientId: application.appId,
    applicationId: application.id,
    servicePrincipalId: servicePrincipal.id,
    credential,
    changed,
  };
}

function reportCredential(
  { credential, added, expiresAtMs, others }: SettledCredential,
  done: (outcome: RegistrationStep['outcome'], text: string) => void,
): void {
  const what = credential.kind === 'certificate' ? 'certificate' : 'client secret';
  const until = expiresAtMs === undefined ? '' : ` (valid until ${new Date(expiresAtMs).toISOString().slice(0, 10)})`;
  done(added ? 'added' : 'found', `${what} of this connection${until}`);
  if (others > 0)
    done('left-alone', `${others} more ${others === 1 ? 'secret or certificate' : 'secrets and certificates'}`);
}
