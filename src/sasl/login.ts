import { decodeName } from './octets.ts';
import { SaslSyntaxError } from './sasl-error.ts';

/**
 * The prompts of SASL LOGIN (draft-murchison-sasl-login). Devices compare them byte by byte, so they are exactly
 * `VXNlcm5hbWU6` and `UGFzc3dvcmQ6` on the wire.
 */
export const loginPrompts = { username: Buffer.from('Username:'), password: Buffer.from('Password:') } as const;

/** @throws SaslSyntaxError */
export function decodeLoginUsername(octets: Buffer): string {
  // Some clients end the name with NUL, as the draft's first version required.
  const end = octets.at(-1) === 0 ? octets.length - 1 : octets.length;
  const username = decodeName(octets.subarray(0, end));
  if (username === '') throw new SaslSyntaxError('The username is empty.');
  return username;
}
