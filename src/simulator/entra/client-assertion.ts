import { createHash, createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { compactVerify, decodeJwt, decodeProtectedHeader } from 'jose';
import type { AppRegistration } from '../tenant/tenant.ts';
import { AadstsError } from './aadsts.ts';

interface AssertionHeader {
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
}

const clockSkewSeconds = 300;

/** The client id in an assertion, unverified. */
export function clientIdOf(assertion: string): string | undefined {
  return parse(assertion).claims.sub;
}

/**
 * Verifies a client assertion: with one of the app's certificates, or with a federated credential if the assertion
 * names no certificate and has another issuer. Learn, "Microsoft identity platform application authentication
 * certificate credentials"; RFC 7523 section 3.
 * @param audiences what `aud` may be: the token endpoint or the issuer, by tenant id or domain
 * @throws AadstsError
 */
export async function verifyClientAssertion(
  assertion: string,
  app: AppRegistration,
  audiences: readonly string[],
): Promise<void> {
  const { header, claims } = parse(assertion);
  if (claims.iss !== claims.sub && thumbprintIn(header) === '' && header.x5c === undefined) {
    await verifyFederated(app, assertion, claims);
    return;
  }
  const certificate = app.certificates
    .map((registered) => registered.certificate)
    .find((candidate) => isMeant(candidate, header));
  if (!certificate) throw AadstsError.of('700027', 'The key was not found.', thumbprintIn(header), app.clientId);
  if (!(await hasValidSignature(assertion, certificate.publicKey))) {
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
async function verifyFederated(app: AppRegistration, assertion: string, claims: AssertionClaims): Promise<void> {
  const { iss = '', sub = '', aud = '' } = claims;
  const credentials = app.federatedCredentials;
  if (credentials.length === 0) throw AadstsError.of('70021', iss, sub, aud);
  const ofIssuer = credentials.filter(({ issuer }) => issuer === iss);
  if (ofIssuer.length === 0) throw AadstsError.of('700211', iss);
  const ofSubject = ofIssuer.filter(({ subject }) => subject === sub);
  if (ofSubject.length === 0) throw AadstsError.of('700213', sub);
  const credential = ofSubject.find(({ audience }) => audience === aud);
  if (!credential) throw AadstsError.of('700212', aud);
  if (!(await hasValidSignature(assertion, createPublicKey(credential.publicKeyPem)))) throw AadstsError.of('50013');
  assertInTime(claims);
}

function assertInTime(claims: AssertionClaims): void {
  const now = Date.now() / 1000;
  const { exp, nbf = 0 } = claims;
  if (exp !== undefined && exp + clockSkewSeconds > now && nbf - clockSkewSeconds < now) return;
  const time = (seconds: number) => new Date(seconds * 1000).toISOString();
  throw AadstsError.of('700024', time(now), time(nbf), exp === undefined ? 'none' : time(exp));
}

/** Whether the header identifies this registered certificate. */
function isMeant(certificate: X509Certificate, header: AssertionHeader): boolean {
  const thumbprint = (hash: string) => createHash(hash).update(certificate.raw).digest('base64url');
  if (header['x5t#S256'] !== undefined) return header['x5t#S256'] === thumbprint('sha256');
  if (header.x5t !== undefined) return header.x5t === thumbprint('sha1');
  const chain = typeof header.x5c === 'string' ? [header.x5c] : (header.x5c ?? []);
  return chain[0] !== undefined && Buffer.from(chain[0], 'base64').equals(certificate.raw);
}

async function hasValidSignature(assertion: string, key: KeyObject): Promise<boolean> {
  try {
    await compactVerify(assertion, key, { algorithms: ['RS256', 'PS256'] });
    return true;
  } catch {
    return false;
  }
}

function thumbprintIn(header: AssertionHeader): string {
  const encoded = header['x5t#S256'] ?? header.x5t ?? '';
  return Buffer.from(encoded, 'base64url').toString('hex').toUpperCase();
}

function parse(assertion: string): ParsedAssertion {
  try {
    return {
      header: decodeProtectedHeader(assertion) as AssertionHeader,
      claims: decodeJwt(assertion) as AssertionClaims,
    };
  } catch {
    throw AadstsError.of('50027');
  }
}
