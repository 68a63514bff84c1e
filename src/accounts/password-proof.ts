import { provesPassword } from '../sasl/cram-md5.ts';
import type { SaslCredentials } from '../sasl/server-exchange.ts';

/**
 * A response to a challenge in place of a password. It can be checked with the password itself, but not with its hash.
 */
export class PasswordProof {
  /** Identifies it among all others. */
  readonly text: string;
  readonly #challenge: Buffer;
  readonly #digest: string;

  constructor(challenge: Buffer, digest: string) {
    this.#challenge = challenge;
    this.#digest = digest;
    this.text = `${challenge.toString('latin1')} ${digest}`;
  }

  provenBy(password: string): boolean {
    return provesPassword(this.#challenge, this.#digest, password);
  }
}

/**
 * Returns what a client sent to be checked against an account's password; undefined for a token, which is Microsoft's
 * to check.
 */
export function givenPassword(credentials: SaslCredentials): string | PasswordProof | undefined {
  if ('password' in credentials) return credentials.password;
  return 'digest' in credentials ? new PasswordProof(credentials.challenge, credentials.digest) : undefined;
}
