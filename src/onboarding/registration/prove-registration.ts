import type { HttpClient } from '../../base/http/client.ts';
import { type ClientCredential, clientCredentialsGrant } from '../../tokens/grants/client-credentials.ts';
import type { AppCredential } from './credentials.ts';
import { proveCredential } from './prove-credential.ts';
import type { Registered, Registration } from './register-app.ts';
import type { ReplicationOptions } from './replication.ts';

/** Where a newly registered app requests its tokens. */
export interface AppOnTrial {
  /** Name of the connection, for messages. */
  readonly name: string;
  readonly tenantId: string;
  /** `https://host[:port]` */
  readonly authority: string;
  readonly exchangeScope: string;
  readonly graphScope: string;
  readonly http: HttpClient;
}

const unchangedPatienceMs = 30_000;

/** The credential in the form of the token grants. */
export function clientCredential(present: AppCredential): ClientCredential {
  return present.kind === 'secret' ? { kind: 'secret', secret: () => present.value } : present;
}

/**
 * Requests tokens with the credential of an app until they name every permission granted.
 * @returns what was seen, for people; undefined if the app has no credential
 * @throws BridgeError as {@link proveCredential}
 */
export async function proveRegistration(
  app: AppOnTrial,
  { roles }: Pick<Registration, 'roles'>,
  registered: Registered,
  replication: ReplicationOptions,
): Promise<string | undefined> {
  if (!registered.credential) return undefined;
  const grant = clientCredentialsGrant({
    ...app,
    clientId: registered.clientId,
    credential: clientCredential(registered.credential.credential),
    clock: replication.clock,
  });
  const of = (resource: string) => roles.filter((role) => role.resource === resource).map(({ value }) => value);
  const wanted = [
    { scope: app.exchangeScope, roles: of('exchange') },
    { scope: app.graphScope, roles: of('graph') },
  ].filter(({ roles: named }, index) => named.length > 0 || (roles.length === 0 && index === 0));
  // If nothing was changed there is little to wait for.
  const patienceMs = registered.changed ? undefined : unchangedPatienceMs;
  await proveCredential(grant, wanted, { ...replication, patienceMs });
  const names = roles.map(({ value }) => value);
  return `the app gets a token${names.length === 0 ? '' : ` that names ${names.join(', ')}`}`;
}
