import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashPassword, isPasswordHash, parsePasswordHash, verifyPassword } from '../../src/accounts/passwords.ts';
import { account as configAccount, load, sample } from '../config/sample.ts';

/** `scrypt("geheim", salt of sixteen bytes 0x01, N=1024, r=8, p=1)`, computed with Python's hashlib. */
const cheapHash = '$scrypt$ln=10,r=8,p=1$AQEBAQEBAQEBAQEBAQEBAQ$n9blbmYBU7Yn3iusAJGmo9XietnDIrU5XJL4Y0szadI';

test('a hash opens for its password and no other', async () => {
  const hash = await hashPassword('correct horse');
  expect(hash).toMatch(/^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(await verifyPassword(hash, 'correct horse')).toBe(true);
  expect(await verifyPassword(hash, 'correct hors')).toBe(false);
  expect(await verifyPassword(hash, hash)).toBe(false);
});

test('a hash made by another program opens', async () => {
  expect(await verifyPassword(cheapHash, 'geheim')).toBe(true);
  expect(await verifyPassword(cheapHash, 'Geheim')).toBe(false);
});

test('the same password has another hash each time', async () => {
  expect(await hashPassword('x')).not.toBe(await hashPassword('x'));
});

test('a plain password is compared as it is, letters composed or not', async () => {
  expect(await verifyPassword('pässword', 'pa\u0308ssword')).toBe(true);
  expect(await verifyPassword('password', 'password ')).toBe(false);
  expect(await verifyPassword('password', '')).toBe(false);
  expect(await verifyPassword('$2b$not-scrypt', '$2b$not-scrypt')).toBe(true);
});

test('a damaged hash matches nothing, itself least of all', async () => {
  const damaged = cheapHash.slice(0, -1);
  expect(isPasswordHash(damaged)).toBe(true);
  expect(await verifyPassword(damaged, damaged)).toBe(false);
  expect(await verifyPassword(damaged, 'geheim')).toBe(false);
});

const base64 = (bytes: number) => Buffer.alloc(bytes, 7).toString('base64').replace(/=+$/, '');
const phc = (ln: unknown, r: unknown, p: unknown, salt = 16, hash = 32) =>
  `$scrypt$ln=${ln},r=${r},p=${p}$${base64(salt)}$${base64(hash)}`;

test.each([
  ['2^31 rounds', phc(31, 8, 1)],
  ['128 MiB', phc(17, 8, 1)],
  ['a large block size', phc(15, 99, 1)],
  ['many lanes', phc(15, 8, 99)],
  ['hardly any rounds', phc(9, 8, 1)],
  ['no rounds', phc(0, 8, 1)],
  ['a negative cost', phc(-1, 8, 1)],
  ['a leading zero', phc('015', 8, 1)],
  ['a short salt', phc(15, 8, 1, 7)],
  ['a long salt', phc(15, 8, 1, 65)],
  ['a short hash', phc(15, 8, 1, 16, 15)],
  ['padding', `${phc(15, 8, 1)}=`],
  ['a line behind it', `${phc(15, 8, 1)}\n`],
  ['another kind', '$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA'],
])('a hash with %s is not taken', (_, text) => {
  expect(parsePasswordHash(text)).toBeUndefined();
});

test('64 MiB is the most a hash may cost', () => {
  expect(parsePasswordHash(phc(16, 8, 1))).toMatchObject({ ln: 16, r: 8, p: 1 });
  expect(parsePasswordHash(phc(16, 9, 1))).toBeUndefined();
});

test('parsing is bounded and never throws, whatever it is given', () => {
  const part = fc.oneof(fc.nat(200).map(String), fc.string({ maxLength: 4 }));
  const near = fc.tuple(part, part, part, fc.base64String({ maxLength: 100 }), fc.base64String({ maxLength: 100 }));
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        near.map(([ln, r, p, s, h]) => `$scrypt$ln=${ln},r=${r},p=${p}$${s}$${h}`),
      ),
      (text) => {
        const parsed = parsePasswordHash(text);
        if (parsed) expect(128 * parsed.r * 2 ** parsed.ln).toBeLessThanOrEqual(64 * 1024 * 1024);
      },
    ),
  );
});

test('the configuration takes just the hashes that the verifier can use', async () => {
  const numbers = fc.tuple(
    fc.integer({ min: 8, max: 18 }),
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 1, max: 6 }),
  );
  const sizes = fc.tuple(fc.constantFrom(7, 8, 16, 64, 65), fc.constantFrom(15, 16, 32, 64, 65));
  await fc.assert(
    fc.asyncProperty(numbers, sizes, async ([ln, r, p], [salt, hash]) => {
      const password = phc(ln, r, p, salt, hash);
      const accepted = await load(sample({ accounts: [{ ...configAccount, password }] })).then(
        () => true,
        () => false,
      );
      expect(accepted).toBe(parsePasswordHash(password) !== undefined);
    }),
    { numRuns: 60 },
  );
});
