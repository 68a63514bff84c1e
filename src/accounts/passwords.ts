import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** scrypt's cost parameters (RFC 7914): N = 2^ln, block size r, parallelization p. */
export interface ScryptCost {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

/** A parsed password hash. */
export interface PasswordHash extends ScryptCost {
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** The cost of {@link hashPassword}: 32 MiB, and 60 to 100 ms of one core. */
export const standardCost: ScryptCost = { ln: 15, r: 8, p: 1 };

const saltBytes = 16;
const hashBytes = 32;
// Hashes come from files that others may have written, and must not exhaust memory.
const maxMemoryBytes = 64 * 1024 * 1024;
const maxParallel = 4;
const phcForm = /^\$scrypt\$ln=([1-9]\d?),r=([1-9]\d?),p=([1-9]\d?)\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/**
 * Hashes a password with a random salt.
 * @returns a PHC string, `$scrypt$ln=15,r=8,p=1$salt$hash`
 */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const { ln, r, p } = standardCost;
  const hash = await derive(password, { ...standardCost, salt, hash: Buffer.alloc(hashBytes) });
  return `$scrypt$ln=${ln},r=${r},p=${p}$${unpadded(salt)}$${unpadded(hash)}`;
}

/** Tells whether a stored password is a hash, valid or not. Anything else is the password itself. */
export function isPasswordHash(stored: string): boolean {
  return stored.startsWith('$scrypt$');
}

/**
 * Parses a PHC string. Returns undefined unless it is a scrypt one in canonical form with a cost within limits: N from
 * 2^10, 64 MiB at most, p up to 4; salt 8 to 64 bytes, hash 16 to 64 bytes.
 */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, ln, r, p, salt64 = '', hash64 = ''] = phcForm.exec(text) ?? [];
  const salt = Buffer.from(salt64, 'base64');
  const hash = Buffer.from(hash64, 'base64');
  const cost = { ln: Number(ln), r: Number(r), p: Number(p) };
  const affordable = cost.ln >= 10 && cost.p <= maxParallel && memoryBytes(cost) <= maxMemoryBytes;
  const sized = salt.length >= 8 && salt.length <= 64 && hash.length >= 16 && hash.length <= 64;
  // If it does not encode back, it was cut or altered.
  const canonical = unpadded(salt) === salt64 && unpadded(hash) === hash64;
  return affordable && sized && canonical ? { ...cost, salt, hash } : undefined;
}

/**
 * Compares in time that does not depend on where the two differ.
 * @param stored a PHC string, or the password itself. A hash that cannot be parsed matches nothing.
 */
export async function verifyPassword(stored: string, given: string): Promise<boolean> {
  if (!isPasswordHash(stored)) return equalText(stored, given);
  const parsed = parsePasswordHash(stored);
  if (!parsed) return false;
  return timingSafeEqual(await derive(given, parsed), parsed.hash);
}

/** Does equal work whatever the lengths, by comparing digests instead of the texts. */
function equalText(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(prepared(text)).digest();
}

/** The same letters can be typed composed or decomposed (RFC 8265 section 4.2). */
function prepared(password: string): string {
  return password.normalize('NFC');
}

function memoryBytes({ ln, r }: ScryptCost): number {
  return 128 * r * 2 ** ln;
}

function derive(password: string, target: PasswordHash): Promise<Buffer> {
  const options = { N: 2 ** target.ln, r: target.r, p: target.p, maxmem: 2 * maxMemoryBytes };
  return new Promise((resolve, reject) => {
    scrypt(prepared(password), target.salt, target.hash.length, options, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
