import 'reflect-metadata';
import { createHash, generateKeyPairSync, webcrypto, X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';

export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
  readonly thumbprintSha256: string;
}

/** A self-signed RSA certificate, as an administrator uploads it. */
export async function makeClientCertificate(
  validity: { notBefore?: Date; notAfter?: Date } = {},
): Promise<ClientCertificate> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=bridge',
    notBefore: validity.notBefore ?? new Date(Date.now() - 60_000),
    notAfter: validity.notAfter ?? new Date(Date.now() + 3_600_000),
    signingAlgorithm: algorithm,
    keys: {
      privateKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']),
      publicKey: await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']),
    },
  });
  const cert = certificate.toString('pem');
  return {
    cert,
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    thumbprintSha256: createHash('sha256').update(new X509Certificate(cert).raw).digest('hex').toUpperCase(),
  };
}
