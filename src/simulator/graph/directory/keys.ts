import { createHash } from 'node:crypto';
import { compactVerify, decodeJwt } from 'jose';
import { z } from 'zod';
import type { HttpAnswer } from '../../http/http-server.ts';
import type { AppRegistration, RegisteredCertificate } from '../../tenant/tenant.ts';
import { GraphFault } from '../graph-error.ts';
import { keyCredential, readKeyCredentials, showKeyCredential } from './credentials.ts';
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

const newKey = z.strictObject({
  keyCredential,
  passwordCredential: z.null(),
  proof: z.string(),
});

/** The operations with which an app rolls its own keys. */
export const keyOperations: readonly DirectoryOperation[] = [
  { method: 'POST', path: `/applications${keyPattern}/addKey`, permissions: [], perform: addKey },
];

/** Learn, "application: addKey". An app needs no permission for its own keys. */
async function addKey(request: DirectoryRequest): Promise<HttpAnswer> {
  const { tenant, http, claims, captures } = request;
  const app = findApplication(tenant, keyOf(captures[0]));
  const isItself = claims.scp === undefined && claims.appid.toLowerCase() === app.clientId.toLowerCase();
  if (!isItself) requireOwner(request, app);
  if (tenant.keyRolling.forbidden) {
    const text = 'Credential type not allowed as per assigned policy.';
    throw new GraphFault(403, 'CredentialTypeNotAllowedAsPerAppPolicy', text);
  }
  const { keyCredential: wanted, proof } = await readBody(request, newKey, 'addKey');
  if (!(await isProofOf(app, tenant.keyRolling.audience, proof)))
    throw badRequest('Access token validation failure. Invalid proof of possession.');
  const [added] = readKeyCredentials([wanted], []) as [RegisteredCertificate];
  if (app.certificates.some(({ certificate }) => certificate.raw.equals(added.certificate.raw))) {
    throw badRequest('A conflicting object with one or more of the specified property values is present.');
  }
  app.certificates.push(added);
  const shown = showKeyCredential(added);
  // The thumbprint is in base64 here.
  const thumbprint = createHash('sha1').update(added.certificate.raw).digest('base64');
  return entity(http, 'microsoft.graph.keyCredential', { ...shown, customKeyIdentifier: thumbprint });
}

const mostSeconds = 10 * 60;
const skewSeconds = 300;

/** Learn, "Generate proof of possession tokens for rolling keys". */
async function isProofOf(app: AppRegistration, audience: string, proof: string): Promise<boolean> {
  const nowSeconds = Date.now() / 1000;
  for (const { certificate } of app.certificates) {
    if (Date.parse(certificate.validTo) / 1000 < nowSeconds) continue;
    try {
      await compactVerify(proof, certificate.publicKey, { algorithms: ['RS256'] });
    } catch {
      continue;
    }
    const { aud, iss, nbf = 0, exp = Number.POSITIVE_INFINITY } = decodeJwt(proof);
    const isInTime = nbf - skewSeconds < nowSeconds && exp > nowSeconds && exp - nbf <= mostSeconds;
    return aud === audience && iss === app.objectId && isInTime;
  }
  return false;
}
