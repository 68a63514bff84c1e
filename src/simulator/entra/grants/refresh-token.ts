import { issueUserTokens } from '../people/user-tokens.ts';
import { assertUsersServed } from '../tenant-segment.ts';
import { assertCredentialFits } from './authorization-code.ts';
import { requiredField, type TokenRequest, wantsClientInfo } from './token-request.ts';

/**
 * The refresh token grant (RFC 6749 section 6), for any resource consented to. Learn, "Refresh tokens in the Microsoft
 * identity platform".
 * @throws EntraError
 */
export async function grantRefreshToken({ entra, form, client, tenantName }: TokenRequest): Promise<object> {
  assertUsersServed(entra.tenant, tenantName, client.app);
  const token = requiredField(form, 'refresh_token');
  const grant = entra.refreshTokens.find(token, client.app);
  assertCredentialFits(client, grant.confidential ? 'web' : 'public');
  entra.refreshTokens.spend(token);
  return issueUserTokens(entra, {
    client,
    signedIn: grant.signedIn,
    scope: form.get('scope') ?? grant.scope,
    wantsClientInfo: wantsClientInfo(form),
    renews: true,
  });
}
