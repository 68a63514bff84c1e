import { createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';

/** Lower-case letters and digits that nobody takes for one another, on paper or on a small display. */
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';
const groups = 7;
const groupLength = 4;
const form = new RegExp(`^[${alphabet}]{${groups * groupLength}}$`);
const saltBytes = 16;

/** What is kept of an app password. */
export interface SecretDigest {
  /** Base64. */
  readonly salt: string;
  /** HMAC-SHA-256 of the password under the salt; base64. */
  readonly digest: string;
}

/** Makes an app password: 28 letters and digits, 138 random bits, in groups of four to be typed off a screen. */
export function makeSecret(): string {
  const letter = () => alphabet[randomInt(alphabet.length)];
  const group = () => Array.from({ length: groupLength }, letter).join('');
  return Array.from({ length: groups }, group).join('-');
}

/**
 * What somebody typed, as it was made: hyphens, blanks and capitals do not count. Undefined for what cannot be an app
 * password.
 */
export function typedSecret(given: string): string | undefined {
  // Whoever gives more than this gives something else.
  if (given.length > 4 * groups * groupLength) return undefined;
  const plain = given.toLowerCase().replace(/[\s-]/g, '');
  return form.test(plain) ? plain : undefined;
}

/**
 * What is kept of a new app password. One fast hash is enough: it holds back guesses at what people think of, by making
 * each one dear, and nobody guesses 138 random bits at any price. So each login of each device costs next to nothing.
 */
export function digestOf(secret: string): SecretDigest {
  const salt = randomBytes(saltBytes);
  return { salt: salt.toString('base64'), digest: hmac(salt, typedSecret(secret) ?? '').toString('base64') };
}

/** Whether an app password is the one that was kept; in the same time wherever the two differ. @param typed see {@link typedSecret} */
export function matchesDigest(typed: string, { salt, digest }: SecretDigest): boolean {
  const kept = Buffer.from(digest, 'base64');
  const given = hmac(Buffer.from(salt, 'base64'), typed);
  return kept.length === given.length && timingSafeEqual(kept, given);
}

function hmac(salt: Buffer, text: string): Buffer {
  return createHmac('sha256', salt).update(text).digest();
}
