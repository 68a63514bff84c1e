import { BridgeError } from '../../base/errors.ts';
import { noClientId } from '../init-config.ts';
import type { InitAnswers } from '../init-questions.ts';
import type { PresentConfig, SetupPorts } from './ports.ts';
import type { SetupProgress } from './progress.ts';

/** `connections.NAME` in the configuration. */
export type KnownConnection = PresentConfig['connections'][string];

/** Undefined if the configuration has no connection of that name. */
export function knownConnection(present: PresentConfig, name: string | undefined): KnownConnection | undefined {
  return name !== undefined && Object.hasOwn(present.connections, name) ? present.connections[name] : undefined;
}

/** Grants by which a connection acts on behalf of a person. */
const personal: readonly unknown[] = ['device-code', 'authorization-code', 'password'];

/** Whether a connection acts on behalf of a person: the existing one, else according to the answers. */
export function actsAsPerson(known: KnownConnection | undefined, answers: InitAnswers): boolean {
  return known === undefined ? answers['sign-in'] === 'person' : personal.includes(known.grant);
}

/** Whether somebody signs in to a connection; with the grant `password` the configuration has username and password. */
export function isSignedInTo(known: KnownConnection | undefined, answers: InitAnswers): boolean {
  return actsAsPerson(known, answers) && known?.grant !== 'password';
}

/** The app of a connection, or of the answers; undefined if neither names one. */
export function knownClientId(known: KnownConnection | undefined, answers: InitAnswers): string | undefined {
  const clientId = known?.clientId ?? answers['client-id'];
  return typeof clientId === 'string' && clientId !== '' && clientId !== noClientId ? clientId : undefined;
}

/**
 * The credential of a connection only goes to the servers of its own cloud.
 * @param described the requested cloud; undefined: none
 * @throws BridgeError `usage` if it is another one, `config-invalid`
 */
export function assertSameCloud(
  ports: Pick<SetupPorts, 'cloudOf'>,
  name: string,
  known: KnownConnection,
  described: unknown,
): void {
  if (described === undefined) return;
  const [own, asked] = [known.cloud, described].map((cloud) => ports.cloudOf(cloud, ''));
  if (JSON.stringify(own) === JSON.stringify(asked)) return;
  throw new BridgeError('usage', `Connection "${name}" already exists and has another cloud.`, {
    remedy: 'Leave the cloud out, or choose another name for the connection.',
  });
}

/**
 * A set-up gives a connection its app and tenant, and changes neither.
 * @throws BridgeError `usage` if the app is another one
 */
export function assertSameApp(
  name: string,
  known: KnownConnection | undefined,
  { tenantId, clientId }: Pick<NonNullable<SetupProgress['app']>, 'tenantId' | 'clientId'>,
): void {
  if (known === undefined) return;
  if (isSame(known.clientId, clientId, [noClientId]) && isSame(known.tenantId, tenantId, openTenants)) return;
  throw new BridgeError('usage', `Connection "${name}" already exists and belongs to another app or tenant.`, {
    remedy: 'Register the app of that connection, or choose another name for the connection.',
  });
}

/** Tenant names of an app that accepts people of any tenant. */
const openTenants = ['common', 'organizations'];

/** @param none values that mean none */
function isSame(own: unknown, given: string, none: readonly string[]): boolean {
  if (own === undefined || own === '' || none.includes(String(own).toLowerCase())) return true;
  return String(own).toLowerCase() === given.toLowerCase();
}
