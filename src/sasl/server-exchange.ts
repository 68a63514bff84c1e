import { cramMd5Challenge, decodeCramMd5 } from './cram-md5.ts';
import { decodeLoginUsername, loginPrompts } from './login.ts';
import { decodeOauthbearer } from './oauthbearer.ts';
import { decodePassword } from './octets.ts';
import { decodePlain } from './plain.ts';
import { SaslSyntaxError } from './sasl-error.ts';
import { decodeXoauth2 } from './xoauth2.ts';

/** The supported mechanisms. */
export const saslMechanisms = ['PLAIN', 'LOGIN', 'CRAM-MD5', 'XOAUTH2', 'OAUTHBEARER'] as const;

export type SaslMechanism = (typeof saslMechanisms)[number];

/** Credentials sent by a client. */
export type SaslCredentials =
  | {
      readonly mechanism: 'PLAIN' | 'LOGIN';
      readonly username: string;
      readonly password: string;
      /** The identity the client wants to act as; absent for its own. */
      readonly authorizationId?: string;
    }
  | {
      readonly mechanism: 'CRAM-MD5';
      readonly username: string;
      readonly challenge: Buffer;
      /** See {@link CramMd5Response}. */
      readonly digest: string;
    }
  | { readonly mechanism: 'XOAUTH2' | 'OAUTHBEARER'; readonly username: string; readonly accessToken: string };

const nothing = Buffer.alloc(0);

/**
 * Runs the server's side of an exchange, up to the client's last message.
 * @param initialResponse sent with the command; undefined if absent
 * @param ask sends a challenge and resolves to the client's response; its errors are passed through
 * @throws SaslSyntaxError
 */
export async function receiveCredentials(
  mechanism: SaslMechanism,
  initialResponse: Buffer | undefined,
  ask: (challenge: Buffer) => Promise<Buffer>,
): Promise<SaslCredentials> {
  if (mechanism === 'LOGIN') {
    const username = decodeLoginUsername(initialResponse ?? (await ask(loginPrompts.username)));
    return { mechanism, username, password: decodePassword(await ask(loginPrompts.password)) };
  }
  if (mechanism === 'CRAM-MD5') {
    if (initialResponse !== undefined) throw new SaslSyntaxError('CRAM-MD5 allows no initial response.');
    const challenge = cramMd5Challenge();
    return { mechanism, challenge, ...decodeCramMd5(await ask(challenge)) };
  }
  const response = initialResponse ?? (await ask(nothing));
  if (mechanism === 'PLAIN') {
    const { authorizationId, username, password } = decodePlain(response);
    const other = authorizationId !== '' && authorizationId !== username;
    return { mechanism, username, password, ...(other && { authorizationId }) };
  }
  const { username, accessToken } = mechanism === 'XOAUTH2' ? decodeXoauth2(response) : decodeOauthbearer(response);
  return { mechanism, username, accessToken };
}

/** Finds a mechanism by name, in any case; undefined if unsupported. */
export function mechanismNamed(name: string): SaslMechanism | undefined {
  const upper = name.toUpperCase();
  return saslMechanisms.find((mechanism) => mechanism === upper);
}
