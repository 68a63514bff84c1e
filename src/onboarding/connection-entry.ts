import { relative, sep } from 'node:path';
import type { ConfigChange } from './config-edit.ts';
import type { SettledCredential } from './registration/settle-credential.ts';

/** The values for `connections.NAME`. */
export interface ConnectionEntry {
  readonly name: string;
  readonly grant: string;
  readonly tenantId: string;
  readonly clientId: string;
  /** Only if it is not the default and not there yet. */
  readonly cloud: string | undefined;
  /** Object id of the app registration if it uses a certificate, whose renewal needs the id. */
  readonly applicationId: string | undefined;
  /** Undefined: the existing one stays. */
  readonly credential: SettledCredential['files'];
}

/** Keys of one grant that another does not accept. */
const ofOtherGrants: Readonly<Record<string, readonly string[]>> = {
  'client-credentials': ['prompt', 'tokenFile', 'redirectUri', 'username', 'password'],
  'device-code': [
    'clientSecretExpiresAt',
    'clientSecret',
    'clientCertificate',
    'applicationObjectId',
    'clientAssertionFile',
    'redirectUri',
    'username',
    'password',
  ],
};

/** The block of a connection that does not exist yet, with paths as {@link connectionChanges} writes them. */
export function connectionBlock(entry: ConnectionEntry, configFolder: string): Record<string, unknown> {
  return Object.fromEntries(values(entry, configFolder).filter(([, value]) => value !== undefined));
}

/**
 * The changes that set these values in the connection; everything else in it stays.
 * @param present the existing `connections.NAME`, if any
 * @param configFolder absolute; files inside it are named relative to it
 */
export function connectionChanges(
  entry: ConnectionEntry,
  present: Readonly<Record<string, unknown>> | undefined,
  configFolder: string,
): ConfigChange[] {
  const path = ['connections', entry.name];
  if (present === undefined) return [{ path, value: connectionBlock(entry, configFolder) }];
  const stale = present.grant === entry.grant ? [] : (ofOtherGrants[entry.grant] ?? []);
  const changes = new Map<string, unknown>(stale.filter((key) => key in present).map((key) => [key, undefined]));
  const isNew = (key: string, value: unknown) =>
    (value !== undefined || key in present) && JSON.stringify(present[key]) !== JSON.stringify(value);
  for (const [key, value] of values(entry, configFolder)) if (isNew(key, value)) changes.set(key, value);
  return [...changes].map(([key, value]) => ({ path: [...path, key], value }));
}

function values(entry: ConnectionEntry, folder: string): [string, unknown][] {
  const { tenantId, clientId, applicationId, grant, cloud, credential } = entry;
  return [
    ['tenantId', tenantId],
    ['clientId', clientId],
    ['grant', grant],
    ...(credential === undefined ? [] : credentialValues(credential, folder)),
    ['applicationObjectId', applicationId],
    ...(cloud === undefined ? [] : [['cloud', cloud] as [string, unknown]]),
  ];
}

/** Exactly one: a connection has a secret, a certificate or a federated token. */
function credentialValues(files: NonNullable<SettledCredential['files']>, folder: string): [string, unknown][] {
  if ('secret' in files) {
    return [
      ['clientSecret', { file: fromFolder(files.secret, folder) }],
      ['clientSecretExpiresAt', dateOf(files.expiresAtMs)],
      ['clientCertificate', undefined],
      ['clientAssertionFile', undefined],
    ];
  }
  const { cert, key } = files.certificate;
  return [
    ['clientCertificate', { cert: fromFolder(cert, folder), key: fromFolder(key, folder) }],
    ['clientSecret', undefined],
    ['clientSecretExpiresAt', undefined],
    ['clientAssertionFile', undefined],
  ];
}

function dateOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString().slice(0, 10);
}

function fromFolder(file: string, folder: string): string {
  const path = relative(folder, file);
  return path.startsWith('..') || path === '' ? file : path.replaceAll(sep, '/');
}
