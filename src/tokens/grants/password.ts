import { BridgeError } from '../../base/errors.ts';
import type { SignedIn, UserClientOptions } from '../sign-ins/user-sign-in.ts';
import { requestUserToken } from './user-token-request.ts';

/** A sign-in with username and password. */
export interface PasswordOptions extends UserClientOptions {
  /** Scopes of one resource. */
  readonly scopes: readonly string[];
  /** User principal name. */
  readonly username: string;
  /** Called for each sign-in, so that a replaced password takes effect. */
  readonly password: () => string;
}

/** A second factor is required, or has to be set up first. */
const secondFactor = new Set(['50072', '50074', '50076', '50078', '50079', '50158'].map((number) => `AADSTS${number}`));
/** Wrong password, or one unknown to Entra ID, which answers the same for passwords kept elsewhere. */
const notChecked = new Set(['50034', '50056', '50126'].map((number) => `AADSTS${number}`));

/**
 * Signs a person in with their password (RFC 6749 section 4.3; Microsoft identity platform documentation, "OAuth 2.0
 * Resource Owner Password Credentials").
 *
 * Microsoft deprecates this flow and advises against it, as do we. It fails if anything requires a second factor, which
 * Microsoft itself does more and more; for federated users, whose password Entra ID cannot check; for personal
 * accounts; and for users without a password.
 * @throws BridgeError `secret-unavailable`, or see `tokenError`
 */
export async function signInByPassword(options: PasswordOptions): Promise<SignedIn> {
  const { scopes, username } = options;
  const password = options.password();
  if (password === '') throw new BridgeError('secret-unavailable', `The password of "${options.name}" is empty.`);
  try {
    return await requestUserToken(options, { scopes, secrets: [password] }, (app) =>
      app.acquireTokenByUsernamePassword({ scopes: [...scopes], username, password }),
    );
  } catch (error) {
    throw error instanceof BridgeError ? explained(error) : error;
  }
}

function explained(error: BridgeError): BridgeError {
  const { code, kind, message, details, cause } = error;
  const remedy = remedyOf(String(details.aadsts), error.remedy);
  return new BridgeError(code, message, { kind, details, cause, remedy });
}

function remedyOf(aadsts: string, usual: string): string {
  if (secondFactor.has(aadsts)) {
    return 'The password grant cannot answer a second factor, which Microsoft requires more and more often. Use the grant client-credentials, which has no user, or device-code or authorization-code.';
  }
  if (!notChecked.has(aadsts)) return usual;
  return `${usual} The password grant never works for federated users, personal accounts and users without a password: use another grant for them.`;
}
