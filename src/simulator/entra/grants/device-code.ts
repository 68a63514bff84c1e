import { AadstsError } from '../aadsts.ts';
import { assertMayBePublic } from '../client-authentication.ts';
import { issueUserTokens } from '../people/user-tokens.ts';
import { assertUsersServed } from '../tenant-segment.ts';
import { requiredField, type TokenRequest, wantsClientInfo } from './token-request.ts';

/**
 * The device code grant (RFC 8628 section 3.4). Learn, "Microsoft identity platform and the OAuth 2.0 device
 * authorization grant flow".
 * @throws AadstsError
 */
export async function grantDeviceCode({ entra, form, client, tenantName }: TokenRequest): Promise<object> {
  assertUsersServed(entra.tenant, tenantName, client.app);
  assertMayBePublic(client);
  // The first version of the flow called it `code`; the error still does.
  const deviceCode = form.get('device_code') ?? requiredField(form, 'code');
  const { signedIn, scope } = entra.deviceCodes.redeem(deviceCode, client.app);
  if (entra.tenant.policies.deviceCodeBlocked) throw AadstsError.of('53003');
  return issueUserTokens(entra, { client, signedIn, scope, wantsClientInfo: wantsClientInfo(form) });
}
