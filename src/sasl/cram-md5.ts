import { createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { hostname } from 'node:os';
import { decodeName } from './octets.ts';
import { SaslSyntaxError } from './sasl-error.ts';

/** A client's answer to a challenge of CRAM-MD5 (RFC 2195). */
export interface CramMd5Response {
  readonly username: string;
  /** HMAC-MD5 of the challenge with the password as the key, in lower-case hexadecimal digits. */
  readonly digest: string;
}

/**
 * Creates a challenge in the form of a Message-ID (RFC 2195 section 2). It is unpredictable, so a captured digest
 * cannot be reused. It has a random number in place of the RFC's timestamp, which no client reads.
 */
export function cramMd5Challenge(host = hostname()): Buffer {
  const name = host.replace(/[^A-Za-z0-9.-]/g, '') || 'localhost';
  return Buffer.from(`<${randomBytes(16).toString('hex')}.${randomInt(2 ** 40)}@${name}>`);
}

/** @throws SaslSyntaxError */
export function decodeCramMd5(octets: Buffer): CramMd5Response {
  // The name may contain spaces; the digest contains none.
  const blank = octets.lastIndexOf(0x20);
  const digest = octets.toString('latin1', blank + 1).toLowerCase();
  if (blank < 1 || !/^[0-9a-f]{32}$/.test(digest)) throw new SaslSyntaxError('Invalid CRAM-MD5 response.');
  return { username: decodeName(octets.subarray(0, blank)), digest };
}

/** Computes the digest of a challenge with a password, in hexadecimal digits. */
export function cramMd5Digest(challenge: Buffer, password: string | Buffer): string {
  return createHmac('md5', password).update(challenge).digest('hex');
}

/**
 * Tells whether a digest was made with a password, whose bytes may be UTF-8, composed or not, or Latin-1. The timing
 * does not reveal where digests differ.
 */
export function provesPassword(challenge: Buffer, digest: string, password: string): boolean {
  const given = Buffer.from(digest.padEnd(32).slice(0, 32), 'latin1');
  const composed = password.normalize('NFC');
  const keys = [Buffer.from(composed), Buffer.from(password), Buffer.from(password.normalize('NFD'))];
  // Nothing beyond Latin-1 could have been typed on such a device.
  if (/^[\0-\xff]*$/.test(composed)) keys.push(Buffer.from(composed, 'latin1'));
  const equal = keys.map((key) => timingSafeEqual(Buffer.from(cramMd5Digest(challenge, key)), given));
  return equal.includes(true);
}
