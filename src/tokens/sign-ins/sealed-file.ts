import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';

/*
 * A sealed file: its content can be neither read nor changed without the key, and no other file can pass for one.
 *
 *   magic       8 bytes  "mbsignin"
 *   version     1 byte   1
 *   key id      8 bytes  HMAC-SHA-256 of a fixed text under the key, cut: tells a wrong key from damage
 *   owner      32 bytes  SHA-256 of the owner's name
 *   nonce      12 bytes  random for each write
 *   sealed      n bytes  AES-256-GCM; everything above and the owner's name are its additional data
 *   tag        16 bytes  of GCM
 *   checksum   32 bytes  SHA-256 of everything above: tells damage from a wrong key
 */

const magic = Buffer.from('mbsignin');
const version = 1;
const keyIdBytes = 8;
const ownerBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const checksumBytes = 32;
const keyIdAt = magic.length + 1;
const ownerAt = keyIdAt + keyIdBytes;
const nonceAt = ownerAt + ownerBytes;
const sealedAt = nonceAt + nonceBytes;

/** Why a file cannot be opened; `foreign`: it is not a sealed file at all. */
export type SealFault = 'foreign' | 'newer' | 'damaged' | 'other-owner' | 'key-wrong';

/** Key and owner of sealed data. */
export interface Seal {
  /** 32 bytes. */
  readonly key: Buffer;
  /** A text unique to each owner. */
  readonly owner: string;
}

/** Encrypts a text for {@link openSealed}. */
export function sealText(text: string, { key, owner }: Seal): Buffer {
  const nonce = randomBytes(nonceBytes);
  const head = Buffer.concat([magic, Buffer.of(version), keyId(key), sha256(owner), nonce]);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(additionalData(head, owner));
  const sealed = Buffer.concat([head, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return Buffer.concat([sealed, sha256(sealed)]);
}

/** Decrypts what {@link sealText} encrypted for the same owner with the same key, or says why it cannot. */
export function openSealed(
  file: Buffer,
  { key, owner }: Seal,
): { readonly text: string } | { readonly fault: SealFault } {
  if (!file.subarray(0, magic.length).equals(magic)) {
    // A file cut off within the first bytes is a damaged one of ours, as is an empty one.
    return { fault: magic.subarray(0, file.length).equals(file) ? 'damaged' : 'foreign' };
  }
  if (file.length > magic.length && file.readUInt8(magic.length) > version) return { fault: 'newer' };
  const sealed = file.subarray(0, Math.max(0, file.length - checksumBytes));
  if (sealed.length < sealedAt + tagBytes || !sha256(sealed).equals(file.subarray(sealed.length))) {
    return { fault: 'damaged' };
  }
  if (!sealed.subarray(ownerAt, nonceAt).equals(sha256(owner))) return { fault: 'other-owner' };
  if (!sealed.subarray(keyIdAt, ownerAt).equals(keyId(key))) return { fault: 'key-wrong' };
  const tagAt = sealed.length - tagBytes;
  const nonce = sealed.subarray(nonceAt, sealedAt);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(additionalData(sealed.subarray(0, sealedAt), owner));
  decipher.setAuthTag(sealed.subarray(tagAt));
  try {
    const text = Buffer.concat([decipher.update(sealed.subarray(sealedAt, tagAt)), decipher.final()]);
    return { text: text.toString('utf8') };
  } catch {
    // The checksum matches, so the file was tampered with.
    return { fault: 'damaged' };
  }
}

function keyId(key: Buffer): Buffer {
  return createHmac('sha256', key).update('mailbridge sign-in key id').digest().subarray(0, keyIdBytes);
}

function additionalData(head: Buffer, owner: string): Buffer {
  return Buffer.concat([head, Buffer.from(owner, 'utf8')]);
}

function sha256(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
