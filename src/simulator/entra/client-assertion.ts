import { constants, createHash, createPublicKey, type KeyObject, verify, type X509Certificate } from 'node:crypto';
import type { AppRegistration } from '../tenant/tenant.ts';
import { AadstsError } from './aadsts.ts';

interface AssertionHeader {
  readonly alg?: string;
  readonly x5t?: string;
  readonly 'x5t#S256'?: string;
  readonly x5c?: string | readonly string[];
}

interface AssertionClaims {
  readonly aud?: string;
  readonly iss?: string;
  readonly sub?: string;
  readonly exp?: number;
  readonly nbf?: number;
}

interface ParsedAssertion {
  readonly header: AssertionHeader;
  readonly claims: AssertionClaims;
  readonly signed: Buffer;
  readonly signature: Buffer;
}

const clockSkewSeconds = 300;

/** The client id an assertion speaks for, before anything is checked. */
export function clientIdOf(assertion: string): string | undefined {
  return parse(assertion).claims.sub;
}

/**
 * Verifies a client assertion: by one of the app's certificates, or by a federated credential where the assertion
 * names no certificate and somebody else issued it. Learn, "Microsoft identity platform application authentication certificate
 * credentials"; RFC 7523 section 3.
 * @param audiences what `aud` may be: the token endpoint or the issuer, by tenant id or domain
 * @throws AadstsError
 */
export function verifyClientAssertion(assertion: string, app: AppRegistration, audiences: readonly string[]): void {
  const { header, claims, signed, signature } = parse(assertion);
  if (claims.iss !== claims.sub && thumbprintIn(header) === '' && header.x5c === undefined) {
    verifyFederated(app, { header, claims, signed, signature });
    return;
  }
  const certificate = app.certificates
    .map((registered) => registered.certificate)
    .find((candidate) => isMeant(candidate, header));
  if (!certificate) throw AadstsError.of('700027', 'The key was not found.', thumbprintIn(header), app.clientId);
  if (!hasValidSignature(header.alg, signed, certificate.publicKey, signature)) {
    throw AadstsError.of(
      '700027',
      'The key was found, but the signature does not match.',
      thumbprintIn(header),
      app.clientId,
    );
  }
  if (Date.parse(certificate.validTo) < Date.now()) {
    throw AadstsError.of('700027', 'The key used is expired.', thumbprintIn(header), app.clientId);
  }
  if (claims.iss !== claims.sub || claims.sub?.toLowerCase() !== app.clientId.toLowerCase())
    throw AadstsError.of('700021');
  if (!claims.aud || !audiences.includes(claims.aud.toLowerCase())) throw AadstsError.of('700023');
  assertInTime(claims);
}

/** Learn, "Workload identity federation". @throws AadstsError 70021, 700211, 700213, 700212, 50013, 700024 */
function verifyFederated(app: AppRegistration, { header, claims, signed, signature }: ParsedAssertion): void {
  const { iss = '', sub = '', aud = '' } = claims;
  const credentials = app.federatedCredentials;
  if (credentials.length === 0) throw AadstsError.of('70021', iss, sub, aud);
  const ofIssuer = credentials.filter(({ issuer }) => issuer === iss);
  if (ofIssuer.length === 0) throw AadstsError.of('700211', iss);
  const ofSubject = ofIssuer.filter(({ subject }) => subject === sub);
  if (ofSubject.length === 0) throw AadstsError.of('700213', sub);
  const credential = ofSubject.find(({ audience }) => audience === aud);
  if (!credential) throw AadstsError.of('700212', aud);
  if (!hasValidSignature(header.alg, signed, createPublicKey(credential.publicKeyPem), signature)) {
    throw AadstsError.of('50013');
  }
  assertInTime(claims);
}

function assertInTime(claims: AssertionClaims): void {
  const now = Date.now() / 1000;
  const { exp, nbf = 0 } = claims;
  if (exp !== undefined && exp + clockSkewSeconds > now && nbf - clockSkewSeconds < now) return;
  const time = (seconds: number) => new Date(seconds * 1000).toISOString();
  throw AadstsError.of('700024', time(now), time(nbf), exp === undefined ? 'none' : time(exp));
}

/** Whether a registered certificate is the one the header points at. */
function isMeant(certificate: X509Certificate, header: AssertionHeader): boolean {
  const thumbprint = (hash: string) => createHash(hash).update(certificate.raw).digest('base64url');
  if (header['x5t#S256'] !== undefined) return header['x5t#S256'] === thumbprint('sha256');
  if (header.x5t !== undefined) return header.x5t === thumbprint('sha1');
  const chain = typeof header.x5c === 'string' ? [header.x5c] : (header.x5c ?? []);
  return chain[0] !== undefined && Buffer.from(chain[0], 'base64').equals(certificate.raw);
}

function hasValidSignature(alg: string | undefined, signed: Buffer, key: KeyObject, signature: Buffer): boolean {
  if (key.asymmetricKeyType !== 'rsa') return false;
  if (alg === 'RS256') return verify('RSA-SHA256', signed, key, signature);
  if (alg !== 'PS256') return false;
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return verify('RSA-SHA256', signed, { key, padding, saltLength: 32 }, signature);
}

function thumbprintIn(header: AssertionHeader): string {
  const encoded = header['x5t#S256'] ?? header.x5t ?? '';
  return Buffer.from(encoded, 'base64url').toString('hex').toUpperCase();
}

function parse(assertion: string): ParsedAssertion {
  const parts = assertion.split('.');
  const [header = '', claims = '', signature = ''] = parts;
  try {
    if (parts.length !== 3) throw new Error('not three parts');
    return {
      header: JSON.parse(Buffer.from(header, 'base64url').toString()) as AssertionHeader,
      claims: JSON.parse(Buffer.from(claims, 'base64url').toString()) as AssertionClaims,
      signed: Buffer.from(`${header}.${claims}`),
      signature: Buffer.from(signature, 'base64url'),
    };
  } catch {
    throw AadstsError.of('50027');
  }
}
