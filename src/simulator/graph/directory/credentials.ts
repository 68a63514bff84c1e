import { randomBytes, randomUUID, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { HttpAnswer } from '../../http/http-server.ts';
import type { ClientSecret, RegisteredCertificate } from '../../tenant/tenant.ts';
import {
  badRequest,
  type DirectoryOperation,
  type DirectoryRequest,
  keyOf,
  keyPattern,
  readBody,
  requireOwner,
} from './directory-request.ts';
import { findApplication } from './objects.ts';
import { entity } from './odata.ts';
import { manageOwn } from './permission-names.ts';

const time = z.iso.datetime({ offset: true });

/** Learn, "keyCredential resource type". */
export const keyCredential = z.strictObject({
  keyId: z.guid().nullish(),
  /** Base64 of the certificate (DER); an existing one can omit it. */
  key: z.base64().nullish(),
  type: z.literal('AsymmetricX509Cert'),
  usage: z.literal('Verify'),
  displayName: z.string().max(120).nullish(),
  customKeyIdentifier: z.string().nullish(),
  startDateTime: time.nullish(),
  endDateTime: time.nullish(),
});

/**
 * The certificates that a request's list means; they replace the existing ones.
 * @throws GraphError 400
 */
export function readKeyCredentials(
  list: readonly z.infer<typeof keyCredential>[],
  present: readonly RegisteredCertificate[],
): readonly RegisteredCertificate[] {
  return list.map(({ keyId, key, displayName, endDateTime }) => {
    const known = present.find(({ id }) => id === keyId?.toLowerCase());
    if (!key) {
      if (known) return known;
      throw badRequest("New key credential must have the property 'key' set.");
    }
    const certificate = certificateOf(key);
    if (known) {
      if (known.certificate.raw.equals(certificate.raw)) return known;
      throw badRequest(`Update to existing credential with KeyId '${known.id}' is not allowed.`);
    }
    if (endDateTime && Date.parse(endDateTime) > Date.parse(certificate.validTo)) {
      throw badRequest('Key credential end date is invalid.');
    }
    const name = displayName ?? certificate.subject.replaceAll('\n', ', ');
    return { id: keyId?.toLowerCase() ?? randomUUID(), displayName: name, certificate };
  });
}

function certificateOf(key: string): X509Certificate {
  const der = Buffer.from(key, 'base64');
  try {
    // A PEM file in base64 is a common mistake, and the parser would take it.
    if (der[0] === 0x30) return new X509Certificate(der);
  } catch {
    // Reported below.
  }
  throw badRequest("Invalid value specified for property 'keyCredentials' of resource 'Application'.");
}

/** A certificate as an application resource contains it. */
export function showKeyCredential({ id, displayName, certificate }: RegisteredCertificate) {
  return {
    customKeyIdentifier: certificate.fingerprint.replaceAll(':', ''),
    displayName: displayName ?? null,
    endDateTime: isoTime(Date.parse(certificate.validTo)),
    key: null,
    keyId: id,
    startDateTime: isoTime(Date.parse(certificate.validFrom)),
    type: 'AsymmetricX509Cert',
    usage: 'Verify',
  };
}

/** A secret as an application resource contains it: its value is shown once, when created. */
export function showPasswordCredential({ id, value, displayName, startsAt, expiresAt }: ClientSecret) {
  return {
    customKeyIdentifier: null,
    displayName: displayName ?? null,
    endDateTime: isoTime(expiresAt),
    hint: value.slice(0, 3),
    keyId: id,
    secretText: null,
    startDateTime: startsAt === undefined ? null : isoTime(startsAt),
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

const newPassword = z.strictObject({
  passwordCredential: z
    .strictObject({ displayName: z.string().nullish(), startDateTime: time.nullish(), endDateTime: time.nullish() })
    .nullish(),
});
const oldPassword = z.strictObject({ keyId: z.guid() });

/** The operations on secrets. */
export const credentialOperations: readonly DirectoryOperation[] = [
  { method: 'POST', path: `/applications${keyPattern}/addPassword`, permissions: manageOwn, perform: addPassword },
  {
    method: 'POST',
    path: `/applications${keyPattern}/removePassword`,
    permissions: manageOwn,
    perform: removePassword,
  },
];

/** Learn, "application: addPassword": valid for two years unless an end is given. */
async function addPassword(request: DirectoryRequest): Promise<HttpAnswer> {
  const app = findApplication(request.tenant, keyOf(request.captures[0]));
  requireOwner(request, app);
  const { passwordCredential: wanted } = await readBody(request, newPassword, 'passwordCredential');
  const startsAt = wanted?.startDateTime ? Date.parse(wanted.startDateTime) : Date.now();
  const secret: ClientSecret = {
    id: randomUUID(),
    value: secretText(),
    ...(wanted?.displayName ? { displayName: wanted.displayName } : {}),
    startsAt,
    expiresAt: wanted?.endDateTime ? Date.parse(wanted.endDateTime) : twoYearsAfter(startsAt),
  };
  if (secret.expiresAt <= startsAt) throw badRequest('Password credential end date is invalid.');
  app.secrets.push(secret);
  const set = 'microsoft.graph.passwordCredential';
  return entity(request.http, set, { ...showPasswordCredential(secret), secretText: secret.value });
}

async function removePassword(request: DirectoryRequest): Promise<HttpAnswer> {
  const app = findApplication(request.tenant, keyOf(request.captures[0]));
  requireOwner(request, app);
  const { keyId } = await readBody(request, oldPassword, 'passwordCredential');
  const index = app.secrets.findIndex(({ id }) => id === keyId.toLowerCase());
  if (index === -1) throw badRequest(`No password credential found with keyId '${keyId}'.`);
  app.secrets.splice(index, 1);
  return { status: 204 };
}

/** Entra's format: 40 characters, `8Q~` at a fixed position. */
function secretText(): string {
  const random = randomBytes(40).toString('base64url').replaceAll('-', '.');
  return `${random.slice(0, 3)}8Q~${random.slice(3, 37)}`;
}

function twoYearsAfter(ms: number): number {
  const end = new Date(ms);
  return end.setUTCFullYear(end.getUTCFullYear() + 2);
}
