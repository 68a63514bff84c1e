import { decodeName, decodePassword } from './octets.ts';
import { SaslSyntaxError } from './sasl-error.ts';

/** The message of SASL PLAIN (RFC 4616). */
export interface PlainMessage {
  /** The identity the client wants to act as; empty for its own. */
  readonly authorizationId: string;
  readonly username: string;
  readonly password: string;
}

/** @throws SaslSyntaxError if a part contains NUL */
export function encodePlain(message: PlainMessage): Buffer {
  const parts = [message.authorizationId, message.username, message.password];
  if (parts.some((part) => part.includes('\0'))) throw new SaslSyntaxError('PLAIN cannot carry a NUL.');
  return Buffer.from(parts.join('\0'));
}

/** @throws SaslSyntaxError */
export function decodePlain(octets: Buffer): PlainMessage {
  // Latin-1 preserves every byte.
  const parts = octets.toString('latin1').split('\0');
  if (parts.length !== 3) throw new SaslSyntaxError('A PLAIN message has three parts with NUL between them.');
  const [first, second, third] = parts.map((part) => Buffer.from(part, 'latin1')) as [Buffer, Buffer, Buffer];
  const authorizationId = decodeName(first, 'authorization identity');
  const authenticationId = decodeName(second);
  const password = decodePassword(third);
  // Old devices fill in only the first part; RFC 4616 requires the second.
  const username = authenticationId === '' ? authorizationId : authenticationId;
  if (username === '') throw new SaslSyntaxError('The username is empty.');
  return { authorizationId, username, password };
}
