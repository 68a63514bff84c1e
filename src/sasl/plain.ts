import { decodeName, decodePassword } from './octets.ts';
import { SaslSyntaxError } from './sasl-error.ts';

/** The message of SASL PLAIN (RFC 4616). */
export interface PlainMessage {
  /** Whom the client wants to act as; empty for itself. */
  readonly authorizationId: string;
  readonly username: string;
  readonly password: string;
}

/** @throws SaslSyntaxError if a part holds NUL */
export function encodePlain(message: PlainMessage): Buffer {
  const parts = [message.authorizationId, message.username, message.password];
  if (parts.some((part) => part.includes('\0'))) throw new SaslSyntaxError('PLAIN cannot carry a NUL.');
  return Buffer.from(parts.join('\0'));
}

/** @throws SaslSyntaxError */
export function decodePlain(octets: Buffer): PlainMessage {
  const first = octets.indexOf(0);
  const second = first < 0 ? -1 : octets.indexOf(0, first + 1);
  if (second < 0) throw new SaslSyntaxError('A PLAIN message has three parts with NUL between them.');
  const authorizationId = decodeName(octets.subarray(0, first), 'authorization identity');
  const authenticationId = decodeName(octets.subarray(first + 1, second));
  const password = decodePassword(octets.subarray(second + 1));
  // Old devices fill in the first part alone; RFC 4616 wants the second.
  const username = authenticationId === '' ? authorizationId : authenticationId;
  if (username === '') throw new SaslSyntaxError('The username is empty.');
  return { authorizationId, username, password };
}
