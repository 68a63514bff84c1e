import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { SignJWT } from 'jose';
import type { CertificateAndKey } from '../../base/certificates.ts';

/** Microsoft Graph, and Azure AD Graph before it: the documentation has named both. */
export const proofAudiences = ['00000003-0000-0000-c000-000000000000', '00000002-0000-0000-c000-000000000000'] as const;

/** Microsoft allows 10 minutes. */
const lifetimeSeconds = 10 * 60;

/**
 * Proves that the app has the key of one of its certificates (Learn, "Generate proof of possession tokens for rolling
 * keys").
 * @param applicationId object id of the app registration
 * @param nowMs milliseconds since 1970
 * @returns a JWT, signed with RS256
 */
export async function keyProof(
  { cert, key }: CertificateAndKey,
  applicationId: string,
  audience: string,
  nowMs: number,
): Promise<string> {
  const nbf = Math.floor(nowMs / 1000);
  const x5t = createHash('sha1').update(new X509Certificate(cert).raw).digest('base64url');
  return await new SignJWT({ aud: audience, iss: applicationId, nbf, exp: nbf + lifetimeSeconds })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', x5t })
    .sign(createPrivateKey(key));
}
