import { provesPassword } from '../sasl/cram-md5.ts';
import type { SaslCredentials } from '../sasl/server-exchange.ts';

/** An answer to a challenge in place of a password. The password itself can check it, its hash cannot. */
export class PasswordProof {
  /** Tells it from every other one. */
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

/** What a client gave to be checked against an account's password; undefined for a token, which is Microsoft's to check. */
export function givenPassword(credentials: SaslCredentials): string | PasswordProof | undefined {
  if ('password' in credentials) return credentials.password;
  return 'digest' in credentials ? new PasswordProof(credentials.challenge, credentials.digest) : undefined;
}
