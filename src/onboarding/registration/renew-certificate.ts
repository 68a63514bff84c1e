import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { CertificateAndKey } from '../../base/certificates.ts';
import { BridgeError } from '../../base/errors.ts';
import { renameDurably } from '../../base/files/private-file.ts';
import type { Grant } from '../../tokens/grants/grant.ts';
import { certificateDays, makeClientCertificate } from '../client-certificate-maker.ts';
import { appName } from '../names.ts';
import { assertCanWrite } from '../whole-file.ts';
import {
  type CertificateFiles,
  nextFiles,
  readCertificateFiles,
  readCertificatePair,
  writeCertificateFiles,
} from './credential-files.ts';
import { keyCredentialOf } from './credentials.ts';
import { type Directory, encoded } from './directory.ts';
import { keyProof, proofAudiences } from './key-proof.ts';
import { proveCredential } from './prove-credential.ts';
import type { ReplicationOptions } from './replication.ts';

/** The app whose certificate is renewed. */
export interface RenewedApp {
  /** Name of the connection. */
  readonly name: string;
  /** Object id of the app registration. */
  readonly applicationId: string;
  /** The files that the configuration names. */
  readonly files: CertificateFiles;
  /** Scope of Graph, such as `https://graph.microsoft.com/.default`. */
  readonly graphScope: string;
  /** A grant with a certificate. */
  grantBy(pair: CertificateAndKey): Grant;
  /** The directory, accessed with a token of the app itself. */
  directoryBy(token: string): Directory;
}

const dayMs = 24 * 60 * 60 * 1000;
/** Long enough for somebody to act on the alerts if it fails. */
const renewBeforeMs = 45 * dayMs;

/** Whether a certificate expires soon: within 45 days, or a third of its lifetime if that is less. */
export function isDueForRenewal(certPem: string, nowMs: number): boolean {
  const { validFrom, validTo } = new X509Certificate(certPem);
  const endMs = Date.parse(validTo);
  return endMs - nowMs < Math.min(renewBeforeMs, (endMs - Date.parse(validFrom)) / 3);
}

/**
 * Replaces the app's certificate, without any permission except the proof that it has the key of the present one
 * (Learn, "application: addKey"). The new one is used once it has got a token; the old one stays in the registration
 * until it expires, because other instances may use it. It can be interrupted anywhere and repeated.
 * @returns when the new one expires, milliseconds since 1970
 * @throws BridgeError `directory-refused`, `registration-not-visible`, `file-not-written`, or as {@link Grant.acquire}
 */
export async function renewCertificate(app: RenewedApp, replication: ReplicationOptions): Promise<number> {
  const { name, files, graphScope } = app;
  const nowMs = replication.clock.now();
  const next = nextFiles(files);
  for (const file of [files.key, files.cert, next.key, next.cert]) await assertCanWrite(file);
  const left = await readCertificateFiles(next);
  const made = left ?? (await makeClientCertificate(appName(name), nowMs, certificateDays));
  if (!left) await writeCertificateFiles(next, made);
  if (!(left && (await isKnown(app, left)))) await addKey(app, made, nowMs);
  await proveCredential(app.grantBy(made), [{ scope: graphScope, roles: [] }], replication);
  await putInPlace(files);
  return Date.parse(new X509Certificate(made.cert).validTo);
}

/**
 * Completes a renewal that was interrupted between renaming the key and renaming its certificate.
 * @throws Error of the file system
 */
export async function finishRenewal(files: CertificateFiles): Promise<void> {
  const present = await readCertificateFiles(files);
  if (!present) return;
  const { cert } = await readCertificatePair(files);
  if (cert !== present.cert) await renameDurably(nextFiles(files).cert, files.cert);
}

/** The key first: a reader between the two finds the certificate beside it, see {@link readCertificatePair}. */
async function putInPlace(files: CertificateFiles): Promise<void> {
  const next = nextFiles(files);
  await renameDurably(next.key, files.key);
  await renameDurably(next.cert, files.cert);
}

/** Whether Entra ID knows a certificate that an earlier try left. */
async function isKnown({ grantBy, graphScope }: RenewedApp, pair: CertificateAndKey): Promise<boolean> {
  try {
    await grantBy(pair).acquire([graphScope], { forceRenew: true });
    return true;
  } catch (error) {
    if (error instanceof BridgeError && error.details.aadsts === 'AADSTS700027') return false;
    throw error;
  }
}

const addedKey = z.looseObject({ keyId: z.string().nullish() });

async function addKey(app: RenewedApp, made: CertificateAndKey, nowMs: number): Promise<void> {
  const { name, applicationId, files, graphScope } = app;
  const present = await readCertificatePair(files);
  const token = await app.grantBy(present).acquire([graphScope], { forceRenew: true });
  const directory = app.directoryBy(token.value);
  const keyCredential = keyCredentialOf(made.cert, appName(name));
  const add = async (audience: string) => {
    const proof = await keyProof(present, applicationId, audience, nowMs);
    const body = { keyCredential, passwordCredential: null, proof };
    await directory.post(`/v1.0/applications/${encoded(applicationId)}/addKey`, body, addedKey);
  };
  const [usual, earlier] = proofAudiences;
  try {
    await add(usual);
  } catch (error) {
    if (!isRefused(error)) throw error;
    // If that one is refused as well, the error for the usual one is more informative.
    await add(earlier).catch((another: unknown) => {
      throw isRefused(another) ? error : another;
    });
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof BridgeError && error.code === 'directory-refused' && error.kind !== 'temporary';
}
