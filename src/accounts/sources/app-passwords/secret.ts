import { createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';

/** Lower-case letters and digits that cannot be confused with one another, on paper or on a small display. */
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';
const groups = 7;
const groupLength = 4;
const form = new RegExp(`^[${alphabet}]{${groups * groupLength}}$`);
const saltBytes = 16;

/** The stored form of an app password. */
export interface SecretDigest {
  /** Base64. */
  readonly salt: string;
  /** HMAC-SHA-256 of the password keyed with the salt; base64. */
  readonly digest: string;
}

/** Generates an app password: 28 letters and digits, 138 random bits, in groups of four for typing off a screen. */
export function makeSecret(): string {
  const letter = () => alphabet[randomInt(alphabet.length)];
  const group = () => Array.from({ length: groupLength }, letter).join('');
  return Array.from({ length: groups }, group).join('-');
}

/**
 * Normalizes what somebody typed: hyphens, spaces and capitals do not count. Undefined if it cannot be an app password.
 */
export function typedSecret(given: string): string | undefined {
  // Anything longer cannot be an app password.
  if (given.length > 4 * groups * groupLength) return undefined;
  const plain = given.toLowerCase().replace(/[\s-]/g, '');
  return form.test(plain) ? plain : undefined;
}

/**
 * Returns the stored form of a new app password. One fast hash is enough: slow hashes make guesses at human passwords
 * expensive, but nobody can guess 138 random bits at any price. So each login of each device costs next to nothing.
 */
export function digestOf(secret: string): SecretDigest {
  const salt = randomBytes(saltBytes);
  return { salt: salt.toString('base64'), digest: hmac(salt, typedSecret(secret) ?? '').toString('base64') };
}

/**
 * Tells whether an app password matches a stored one; the time does not depend on where they differ.
 * @param typed see {@link typedSecret}
 */
export function matchesDigest(typed: string, { salt, digest }: SecretDigest): boolean {
  const kept = Buffer.from(digest, 'base64');
  const given = hmac(Buffer.from(salt, 'base64'), typed);
  return kept.length === given.length && timingSafeEqual(kept, given);
}

function hmac(salt: Buffer, text: string): Buffer {
  return createHmac('sha256', salt).update(text).digest();
}
