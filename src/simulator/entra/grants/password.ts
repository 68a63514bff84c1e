import { assertMayBePublic } from '../client-authentication.ts';
import { authenticateUser } from '../people/sign-in-policies.ts';
import { signedInNow } from '../people/signed-in.ts';
import { issueUserTokens } from '../people/user-tokens.ts';
import { assertUsersServed } from '../tenant-segment.ts';
import { requiredField, type TokenRequest, wantsClientInfo } from './token-request.ts';

/**
 * The password grant (RFC 6749 section 4.3). Learn, "Microsoft identity platform and OAuth 2.0 Resource Owner Password
 * Credentials". It supports neither a second factor nor consent.
 * @throws EntraError
 */
export async function grantPassword({ entra, form, client, tenantName }: TokenRequest): Promise<object> {
  assertUsersServed(entra.tenant, tenantName, client.app, 'password');
  assertMayBePublic(client);
  const username = requiredField(form, 'username');
  const user = authenticateUser(entra.tenant, username, requiredField(form, 'password'));
  const signedIn = signedInNow(entra.tenant, user, false);
  return issueUserTokens(entra, { client, signedIn, scope: form.get('scope'), wantsClientInfo: wantsClientInfo(form) });
}
