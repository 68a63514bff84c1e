import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/** A certificate and its private key, both PEM. */
export interface CertificateAndKey {
  readonly cert: string;
  readonly key: string;
}

const dayMs = 24 * 60 * 60 * 1000;
/** `rsa` works with every device, `ec` is generated in a moment. */
export type KeyKind = 'rsa' | 'ec';

const keyAlgorithms = {
  rsa: { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
  ec: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
} as const;

async function makeKeys(kind: KeyKind): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(keyAlgorithms[kind], true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

/** The X.509 library, loaded only when certificates are made, because it is large. */
async function loadX509() {
  await import('reflect-metadata');
  return await import('@peculiar/x509');
}

function validity(validDays: number) {
  // A day earlier, for clients whose clock is slightly behind.
  return { notBefore: new Date(Date.now() - dayMs), notAfter: new Date(Date.now() + validDays * dayMs) };
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

/**
 * Makes a private certificate authority.
 * @param name common name, shown by the mail program that is asked to trust it
 * @param validDays days from now until it expires
 */
export async function makeAuthority(name: string, validDays: number, kind: KeyKind = 'ec'): Promise<CertificateAndKey> {
  const x509 = await loadX509();
  const keys = await makeKeys(kind);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    ...validity(validDays),
    keys,
    signingAlgorithm: keyAlgorithms[kind],
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: `${cert.toString('pem')}\n`, key: await privateKeyPem(keys.privateKey) };
}

/**
 * Issues a TLS server certificate with a key of the same kind as the authority's.
 * @param names host names and IP addresses of the server; the first becomes the common name
 * @param validDays days from now until it expires
 */
export async function issueServerCertificate(
  authority: CertificateAndKey,
  names: readonly [string, ...string[]],
  validDays: number,
): Promise<CertificateAndKey> {
  const x509 = await loadX509();
  const kind = createPrivateKey(authority.key).asymmetricKeyType === 'rsa' ? 'rsa' : 'ec';
  const keys = await makeKeys(kind);
  const issuer = new x509.X509Certificate(authority.cert);
  const issuerKeyDer = Buffer.from(authority.key.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const issuerKey = await webcrypto.subtle.importKey('pkcs8', issuerKeyDer, keyAlgorithms[kind], false, ['sign']);
  // Old clients let the server decrypt with its RSA key instead of a Diffie-Hellman exchange.
  const { digitalSignature, keyEncipherment } = x509.KeyUsageFlags;
  const keyUsage = kind === 'rsa' ? digitalSignature | keyEncipherment : digitalSignature;
  const cert = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [names[0]] }],
    issuer: issuer.subject,
    ...validity(validDays),
    publicKey: keys.publicKey,
    signingKey: issuerKey,
    signingAlgorithm: keyAlgorithms[kind],
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(keyUsage, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((name) => ({ type: isIP(name) ? ('ip' as const) : ('dns' as const), value: name })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      // Verifiers in strict mode (Python 3.13 and later) require it.
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { cert: `${cert.toString('pem')}\n`, key: await privateKeyPem(keys.privateKey) };
}

/** Tells whether the first certificate of a PEM file is valid for all these names and addresses. */
export function certificateCovers(pem: string | Buffer, names: readonly string[]): boolean {
  const cert = new X509Certificate(pem);
  return names.every((name) => (isIP(name) ? cert.checkIP(name) : cert.checkHost(name)) !== undefined);
}

/** Returns when the first certificate of a PEM file expires, in milliseconds since 1970. */
export function certificateExpiry(pem: string | Buffer): number {
  return Date.parse(new X509Certificate(pem).validTo);
}
