import { AadstsError } from '../aadsts.ts';
import type { AuthenticatedClient } from '../client-authentication.ts';
import { issueUserTokens } from '../people/user-tokens.ts';
import type { Platform } from '../redirect-uris.ts';
import { assertUsersServed } from '../tenant-segment.ts';
import { requiredField, type TokenRequest, wantsClientInfo } from './token-request.ts';

/**
 * The authorization code grant (RFC 6749 section 4.1.3, RFC 7636). Learn, "Microsoft identity platform and OAuth 2.0
 * authorization code flow".
 * @throws AadstsError
 */
export async function grantAuthorizationCode({ entra, form, client, tenantName }: TokenRequest): Promise<object> {
  assertUsersServed(entra.tenant, tenantName, client.app);
  const name = requiredField(form, 'code');
  const redirectUri = requiredField(form, 'redirect_uri');
  const platform = entra.authorizationCodes.platformOf(name);
  if (platform) assertCredentialFits(client, platform);
  const code = entra.authorizationCodes.redeem(name, client.app, redirectUri, form.get('code_verifier'));
  return issueUserTokens(entra, {
    client,
    signedIn: code.signedIn,
    scope: form.get('scope') ?? code.scope,
    nonce: code.nonce,
    wantsClientInfo: wantsClientInfo(form),
  });
}

/** Web apps must authenticate; apps on people's machines cannot. @throws AadstsError 7000218, 700025 */
export function assertCredentialFits({ method }: AuthenticatedClient, platform: Platform): void {
  if (platform === 'web' && method === '0') throw AadstsError.of('7000218');
  if (platform === 'public' && method !== '0') throw AadstsError.of('700025');
}
