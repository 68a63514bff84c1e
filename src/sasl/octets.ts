import { SaslSyntaxError } from './sasl-error.ts';

/** Maximum bytes of a username, a password or an authorization identity. */
export const maxIdentityBytes = 1024;

/** Maximum bytes of an access token. Microsoft's have 1,500 to 3,000; group claims make them longer. */
export const maxTokenBytes = 16 * 1024;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Decodes text from a client: UTF-8, or Latin-1 if it is not valid UTF-8. Old devices do not support UTF-8, and Latin-1
 * text with letters beyond ASCII is unlikely to be valid UTF-8 by accident.
 * @param what names the text in the error
 * @throws SaslSyntaxError if it contains NUL, or is longer than `maxBytes`
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
 * Decodes a username or an authorization identity.
 * @throws SaslSyntaxError like {@link decodeText}, and for control characters, because names appear in logs and replies
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
 * Decodes base64 as SASL profiles carry it: one line, optional padding, nothing else tolerated.
 * @throws SaslSyntaxError
 */
export function decodeBase64(line: string): Buffer {
  const text = line.trim();
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.replace(/=+$/, '').length % 4 === 1) {
    throw new SaslSyntaxError('The response is not base64.');
  }
  return Buffer.from(text, 'base64');
}
