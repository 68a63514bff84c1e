import { checkPasswordFile } from '../accounts/sources/file/check.ts';
import { systemClock } from '../base/clock.ts';
import { BridgeError } from '../base/errors.ts';
import { readCertificates } from '../base/files/pem-file.ts';
import { resolveCloud } from '../config/clouds.ts';
import type { Config, Connection } from '../config/schema.ts';
import { readClientCertificate } from '../tokens/grants/client-certificate.ts';
import { clientCredentialOf } from './connections/tokens.ts';
import { tlsFilesOf } from './listener-certificates.ts';
import { readTlsFiles } from './tls-material.ts';

/** A file named in the configuration that would keep the bridge from starting. */
export interface FileProblem {
  /** Path of the key in the configuration. */
  readonly key: string;
  readonly error: BridgeError;
}

/**
 * Opens the certificates, keys and CA files of a configuration like a start would, and reports what is wrong with each.
 */
export async function configuredFileProblems(config: Config): Promise<FileProblem[]> {
  const found: FileProblem[] = [];
  for (const [key, open] of filesOf(config)) {
    try {
      await open();
    } catch (error) {
      if (!(error instanceof BridgeError)) throw error;
      // The certificate comes with the registration.
      const isUnregistered = error.code === 'app-not-registered';
      found.push({ key: isUnregistered ? key.replace(/clientCertificate$/, 'clientId') : key, error });
    }
  }
  return found;
}

/** How to open each, by its key: what several listeners share is opened once. */
function filesOf(config: Config): ReadonlyMap<string, () => Promise<unknown>> {
  const files = new Map<string, () => Promise<unknown>>();
  for (const [index, listener] of config.listeners.entries()) {
    const tls = listener.security === 'none' ? undefined : tlsFilesOf(listener, config);
    if (tls) files.set(listener.tls?.cert === undefined ? 'tls' : `listeners[${index}].tls`, () => readTlsFiles(tls));
  }
  const adminTls = config.admin?.security === 'tls' && tlsFilesOf(config.admin, config);
  if (adminTls) files.set(config.admin.tls?.cert === undefined ? 'tls' : 'admin.tls', () => readTlsFiles(adminTls));
  for (const [name, connection] of Object.entries(config.connections)) {
    const { caFile } = resolveCloud(connection.cloud, connection.tenantId);
    if (caFile !== undefined) files.set(`connections.${name}.cloud.caFile`, () => readCertificates(caFile));
    if ('clientCertificate' in connection && connection.clientCertificate) {
      files.set(`connections.${name}.clientCertificate`, () => openClientCertificate(name, connection));
    }
  }
  for (const [index, { passwordFrom }] of config.accounts.entries()) {
    const key = `accounts[${index}].passwordFrom`;
    if (passwordFrom === undefined || passwordFrom === 'app-passwords') continue;
    if (passwordFrom.file !== undefined) {
      files.set(`${key}.file`, () => checkPasswordFile(passwordFrom.file, systemClock));
    } else {
      const { caFile } = passwordFrom.ldap;
      if (caFile !== undefined) files.set(`${key}.ldap.caFile`, () => readCertificates(caFile));
    }
  }
  return files;
}

async function openClientCertificate(name: string, connection: Connection): Promise<void> {
  const credential = await clientCredentialOf(name, connection);
  if (credential?.kind === 'certificate') readClientCertificate(name, credential.certPem, credential.keyPem);
}
