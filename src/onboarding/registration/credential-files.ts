import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CertificateAndKey } from '../../base/certificates.ts';
import { BridgeError, systemErrorCode } from '../../base/errors.ts';
import { readPem } from '../../base/files/pem-file.ts';
import { writeWholeFile } from '../whole-file.ts';

/** Where a connection's locally made credential is. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** Name of the bridge's own key file in the data folder, which a connection's key would overwrite. */
const nameOfKey = 'token';

/**
 * @param folder absolute
 * @param nowMs given for another one beside the first: it becomes part of the names
 * @throws BridgeError `usage` for a connection whose key would have the name of one of the bridge's own
 */
export function certificateFiles(folder: string, connection: string, nowMs?: number): CertificateFiles {
  if (nowMs === undefined && connection.toLowerCase() === nameOfKey) {
    throw new BridgeError('usage', `The bridge has a key of its own in ${nameOfKey}.key.`, {
      remedy: `Give the connection another name than "${connection}".`,
    });
  }
  const stem = join(folder, `${connection}${dated(nowMs)}`);
  return { cert: `${stem}.crt`, key: `${stem}.key` };
}

/** @see {@link certificateFiles} */
export function secretFile(folder: string, connection: string, nowMs?: number): string {
  return join(folder, `${connection}${dated(nowMs)}.secret`);
}

/** The certificate and key, or undefined if one of the files is missing. */
export async function readCertificateFiles(files: CertificateFiles): Promise<CertificateAndKey | undefined> {
  const [cert, key] = await Promise.all([readIfThere(files.cert), readIfThere(files.key)]);
  return cert === undefined || key === undefined ? undefined : { cert, key };
}

/** Where the pair waits that will replace these files, see `renewCertificate`. */
export function nextFiles({ cert, key }: CertificateFiles): CertificateFiles {
  return { cert: `${cert}.next`, key: `${key}.next` };
}

/**
 * The certificate and key that a configuration names. If a renewal was interrupted, the key is the new one, and its
 * certificate waits beside the old one.
 * @throws BridgeError `tls-material-unreadable`
 */
export async function readCertificatePair(files: CertificateFiles): Promise<CertificateAndKey> {
  const [cert, key] = [await readPem(files.cert), await readPem(files.key)];
  if (belongTogether(cert, key)) return { cert, key };
  const next = await readIfThere(nextFiles(files).cert);
  return { cert: next !== undefined && belongTogether(next, key) ? next : cert, key };
}

function belongTogether(cert: string, key: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

/** The key first: a certificate without one is useless, and is created again. @throws BridgeError `file-not-written` */
export async function writeCertificateFiles(files: CertificateFiles, made: CertificateAndKey): Promise<void> {
  await writeWholeFile(files.key, made.key, 0o600);
  await writeWholeFile(files.cert, made.cert, 0o644);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function dated(nowMs: number | undefined): string {
  return nowMs === undefined ? '' : `-${new Date(nowMs).toISOString().slice(0, 19).replace(/[-:]/g, '')}`;
}
