import { generateKeyPair, webcrypto } from 'node:crypto';
import { promisify } from 'node:util';
import type { CertificateAndKey } from '../base/certificates.ts';

const dayMs = 24 * 60 * 60 * 1000;
/** How long an app's certificate is valid, in days. */
export const certificateDays = 730;
const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const;

/**
 * Creates the certificate with which the app authenticates to Entra ID: self-signed, RSA of 3072 bits, which Entra ID
 * accepts (Learn, "Microsoft identity platform application authentication certificate credentials").
 * @param name common name, shown in the Entra admin center
 * @param nowMs milliseconds since 1970
 * @param validDays days from `nowMs` until it expires
 * @returns PEM; the key is PKCS #8, not encrypted
 */
export async function makeClientCertificate(
  name: string,
  nowMs: number,
  validDays: number,
): Promise<CertificateAndKey> {
  await import('reflect-metadata');
  // Large, and only used here.
  const x509 = await import('@peculiar/x509');
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 3072 });
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    // One day back, for clocks that are a little slow.
    notBefore: new Date(nowMs - dayMs),
    notAfter: new Date(nowMs + validDays * dayMs),
    signingAlgorithm: algorithm,
    keys: {
      privateKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']),
      publicKey: await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']),
    },
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    ],
  });
  return {
    cert: `${certificate.toString('pem')}\n`,
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}
