import { createHash, X509Certificate } from 'node:crypto';
import {
  credentialsForm,
  type Directory,
  type KeyCredential,
  newPasswordForm,
  type PasswordCredential,
} from './directory.ts';
import { isNotFound } from './directory-error.ts';
import { type ReplicationOptions, untilReplicated } from './replication.ts';

/** The credential of an app. */
export type AppCredential =
  | { readonly kind: 'certificate'; readonly certPem: string; readonly keyPem: string }
  | { readonly kind: 'secret'; readonly value: string };

/** The credentials of an app registration. */
export interface Credentials {
  readonly certificates: readonly KeyCredential[];
  readonly secrets: readonly PasswordCredential[];
}

/** @param applicationId object id of the app registration */
export async function readCredentials(
  directory: Directory,
  applicationId: string,
  replication: ReplicationOptions,
): Promise<Credentials> {
  const path = `/v1.0/applications/${applicationId}?$select=keyCredentials,passwordCredentials`;
  const found = await untilReplicated(replication, 'the app registration', isNotFound, () =>
    directory.get(path, credentialsForm),
  );
  return { certificates: found.keyCredentials, secrets: found.passwordCredentials };
}

/** Adds a certificate to the existing ones. */
export async function addCertificate(
  directory: Directory,
  applicationId: string,
  present: readonly KeyCredential[],
  certPem: string,
  displayName: string,
): Promise<void> {
  await directory.patch(`/v1.0/applications/${applicationId}`, {
    keyCredentials: [...present, keyCredentialOf(certPem, displayName)],
  });
}

/** A certificate in Graph's form (Learn, "keyCredential resource type"). */
export function keyCredentialOf(certPem: string, displayName: string) {
  const certificate = new X509Certificate(certPem);
  return {
    type: 'AsymmetricX509Cert',
    usage: 'Verify',
    displayName,
    key: certificate.raw.toString('base64'),
    startDateTime: new Date(certificate.validFrom).toISOString(),
    endDateTime: new Date(certificate.validTo).toISOString(),
  };
}

/** Whether a credential of the app registration is this certificate. */
export function isCertificate(credential: KeyCredential, certPem: string): boolean {
  const { raw } = new X509Certificate(certPem);
  if (credential.key) return credential.key === raw.toString('base64');
  // Without its content it is identified by its thumbprint, SHA-1 or SHA-256, which Graph writes in base64 or in hex.
  const named = credential.customKeyIdentifier ?? '';
  return ['sha1', 'sha256'].some((algorithm) => {
    const digest = createHash(algorithm).update(raw).digest();
    return named === digest.toString('base64') || named.toLowerCase() === digest.toString('hex');
  });
}

/**
 * Creates a client secret.
 * @param endMs when it expires, milliseconds since 1970
 * @returns its value, which is only returned once
 */
export async function addSecret(
  directory: Directory,
  applicationId: string,
  displayName: string,
  endMs: number,
): Promise<string> {
  const path = `/v1.0/applications/${applicationId}/addPassword`;
  const body = { passwordCredential: { displayName, endDateTime: new Date(endMs).toISOString() } };
  return (await directory.post(path, body, newPasswordForm)).secretText;
}

/**
 * Removes a credential from the registration and leaves the others. Microsoft only shows the first three characters of
 * a secret: if two begin alike, none is removed.
 * @param current the credential that replaces it, which the registration has to show first: writing back a list from a
 * server that does not know it yet would remove it
 * @returns whether it was there and could be identified
 */
export async function removeCredential(
  directory: Directory,
  applicationId: string,
  old: AppCredential,
  current: AppCredential,
  replication: ReplicationOptions,
): Promise<boolean> {
  const has = await untilReplicated(replication, 'the new credential', isNotShown, async () => {
    const found = await readCredentials(directory, applicationId, replication);
    if (!shows(found, current)) throw new NotShown('The registration does not show the new credential yet.');
    return found;
  });
  if (old.kind === 'certificate') {
    const keyCredentials = has.certificates.filter((credential) => !isCertificate(credential, old.certPem));
    if (keyCredentials.length === has.certificates.length) return false;
    await directory.patch(`/v1.0/applications/${applicationId}`, { keyCredentials });
    return true;
  }
  const [alike, another] = has.secrets.filter(({ hint }) => hint === old.value.slice(0, 3));
  if (alike === undefined || another !== undefined) return false;
  await directory.act(`/v1.0/applications/${applicationId}/removePassword`, { keyId: alike.keyId });
  return true;
}

/** Whether the registration has this credential, as far as can be seen: for a secret only how it begins. */
export function shows({ certificates, secrets }: Credentials, wanted: AppCredential): boolean {
  if (wanted.kind === 'certificate') return certificates.some((each) => isCertificate(each, wanted.certPem));
  return secrets.some(({ hint }) => hint === undefined || hint === null || wanted.value.startsWith(hint));
}

class NotShown extends Error {}

function isNotShown(error: unknown): boolean {
  return error instanceof NotShown;
}
