import { SaslSyntaxError } from './sasl-error.ts';

/** Octets a username, a password or an authorization identity may have. */
export const maxIdentityBytes = 1024;

/** Octets an access token may have. Microsoft's have 1,500 to 3,000; group claims make them longer. */
export const maxTokenBytes = 16 * 1024;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Text a client gave: UTF-8, or Latin-1 where its octets are none. Old devices know no UTF-8, and no text in Latin-1
 * with a letter beyond ASCII is likely to be UTF-8 by accident.
 * @param what names the text in the error
 * @throws SaslSyntaxError if it holds NUL, or is longer than `maxBytes`
 */
export function decodeText(octets: Buffer, what: string, maxBytes: number): string {
  if (octets.length > maxBytes) throw new SaslSyntaxError(`The ${what} is longer than ${maxBytes} octets.`);
  if (octets.includes(0)) throw new SaslSyntaxError(`The ${what} holds a NUL.`);
  try {
    return strictUtf8.decode(octets);
  } catch {
    return octets.toString('latin1');
  }
}

/**
 * A username or an authorization identity.
 * @throws SaslSyntaxError as {@link decodeText}, and for control characters: names stand in logs and replies
 */
export function decodeName(octets: Buffer, what = 'username'): string {
  const name = decodeText(octets, what, maxIdentityBytes);
  if (/\p{Cc}/u.test(name)) throw new SaslSyntaxError(`The ${what} holds a control character.`);
  return name;
}

/** @throws SaslSyntaxError */
export function decodePassword(octets: Buffer): string {
  return decodeText(octets, 'password', maxIdentityBytes);
}

/**
 * Base64 as SASL profiles carry it: one line, padding optional, nothing else tolerated.
 * @throws SaslSyntaxError
 */
export function decodeBase64(line: string): Buffer {
  const text = line.trim();
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.replace(/=+$/, '').length % 4 === 1) {
    throw new SaslSyntaxError('The response is not base64.');
  }
  return Buffer.from(text, 'base64');
}
