import { SaslSyntaxError } from './sasl-error.ts';

/** Octets a username, a password or an authorization identity may have. */
export const maxIdentityBytes = 1024;

/** Octets an access token may have. Microsoft's have 1,500 to 3,000; group claims make them longer. */
export const maxTokenBytes = 16 * 1024;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Text a client gave, as UTF-8.
 * @param what names the text in the error
 * @throws SaslSyntaxError if it is not UTF-8, holds NUL, or is longer than `maxBytes`
 */
export function decodeText(octets: Buffer, what: string, maxBytes: number): string {
  if (octets.length > maxBytes) throw new SaslSyntaxError(`The ${what} is longer than ${maxBytes} octets.`);
  if (octets.includes(0)) throw new SaslSyntaxError(`The ${what} holds a NUL.`);
  try {
    return strictUtf8.decode(octets);
  } catch {
    throw new SaslSyntaxError(`The ${what} is not UTF-8.`);
  }
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
