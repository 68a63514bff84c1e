import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import { silentLog } from '../../base/log.ts';
import type { RecordTable } from '../../base/record-table.ts';
import { resolveCloud } from '../../config/clouds.ts';
import type { Config } from '../../config/schema.ts';
import { ownConnection } from '../../message/own-connection.ts';
import type { SignInWatcher } from '../../onboarding/guided-setup/ports.ts';
import { signInByDeviceCode } from '../../tokens/grants/device-code.ts';
import { storeSignIn } from '../../tokens/sign-ins/user-sign-in.ts';
import { isDelegated, openConnectionStore, openPersonalAccess } from '../connections/tokens.ts';
import { openHttp } from './cloud-access.ts';

/** A connection that a person signs in to. */
export interface SignInPlace {
  readonly name: string;
  /** The owner of the sign-in, if each mailbox has its own: nobody else's is kept. */
  readonly owner?: string;
  readonly config: Config;
  /** See `withSharedRecords`. */
  readonly shared: RecordTable | undefined;
  readonly clock: Clock;
}

/**
 * Signs a person in by device code, stores the sign-in, and requests the scopes of every other service that the
 * accounts need, so that a missing consent shows now.
 * @returns the user principal name of the person
 * @throws BridgeError `usage`, and see `signInByDeviceCode`, `SignInStore`
 */
export async function signInPerson(
  { name, owner, config, shared, clock }: SignInPlace,
  { onCode, signal }: SignInWatcher,
): Promise<string> {
  const connection = config.connections[name];
  if (!connection || !isDelegated(connection) || connection.grant === 'password') {
    throw new BridgeError('usage', `Nobody signs in to connection "${name}".`);
  }
  const endpoints = resolveCloud(connection.cloud, connection.tenantId);
  const http = await openHttp(endpoints, { proxy: config.proxy?.reveal() });
  try {
    const parts = { endpoints, http, clock, log: silentLog, shared };
    const own = owner === undefined ? name : ownConnection(name, owner);
    const { client, store, scopes, grant } = await openPersonalAccess(own, connection, config, parts);
    const [first, ...others] = (['exchange', 'graph'] as const).filter((each) => (scopes[each] ?? []).length > 0);
    if (first === undefined) throw new BridgeError('usage', `No account uses connection ${name}.`);
    const signedIn = await signInByDeviceCode({ ...client, scopes: scopes[first] ?? [], signal, onCode });
    if (owner !== undefined && signedIn.username.toLowerCase() !== owner.toLowerCase()) {
      throw new BridgeError('sign-in-other-person', `${signedIn.username} has signed in, not ${owner}.`);
    }
    await storeSignIn(store, client, signedIn, first);
    for (const resource of others) {
      const { refusal } = await grant.redeem(resource);
      if (refusal) throw refusal;
    }
    return signedIn.username;
  } finally {
    await http.close();
  }
}

/** The person who has signed in; undefined if nobody has, the sign-in has ended, or it cannot be read here. */
export async function signedInPerson({ name, owner, config, shared, clock }: SignInPlace): Promise<string | undefined> {
  const connection = config.connections[name];
  if (!connection || !isDelegated(connection)) return undefined;
  if (connection.grant === 'password') return connection.username;
  const parts = { endpoints: resolveCloud(connection.cloud, connection.tenantId), clock, log: silentLog, shared };
  try {
    const own = owner === undefined ? name : ownConnection(name, owner);
    const signIn = await (await openConnectionStore(own, connection, config, parts)).read();
    return signIn?.ended === undefined ? signIn?.username : undefined;
  } catch (error) {
    if (error instanceof BridgeError) return undefined;
    throw error;
  }
}
