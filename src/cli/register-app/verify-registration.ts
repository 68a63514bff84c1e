import { isDelegated } from '../../app/connections/tokens.ts';
import { BridgeError } from '../../base/errors.ts';
import type { HttpClient } from '../../base/http/client.ts';
import { resolveCloud } from '../../config/clouds.ts';
import type { Config, Connection } from '../../config/schema.ts';
import { delegatedNames, resourcesOf, usesOf } from '../../onboarding/permissions.ts';
import { delegatedScopes } from '../../tokens/entra/scopes.ts';
import { requestDeviceCode } from '../../tokens/grants/device-code.ts';
import type { SignInTerminal } from '../sign-in/terminal.ts';

/** What a device code proves about an app registration. */
export interface VerifiedRegistration {
  readonly tenantId: string;
  readonly clientId: string;
  /** The scopes of the request. */
  readonly scopes: readonly string[];
  readonly userCode: string;
  readonly verificationUri: string;
}

/**
 * Requests a device code and does nothing with it: if one is issued, Microsoft knows the tenant and the app
 * registration. Works for every connection that has one, whoever signs in.
 * @throws BridgeError `usage` for a connection without a registration, or see `requestDeviceCode`
 */
export async function verifyRegistration(
  name: string,
  connection: Connection,
  config: Config,
  http: HttpClient,
  { clock }: SignInTerminal,
): Promise<VerifiedRegistration> {
  const { tenantId, clientId } = connection;
  if (tenantId === undefined || clientId === undefined || connection.grant === 'managed-identity') {
    throw new BridgeError('usage', `Connection ${name} is a managed identity, which has no app registration.`, {
      remedy: `Run mailbridge check ${name} to try it.`,
    });
  }
  const { authority } = resolveCloud(connection.cloud, connection.tenantId);
  const scopes = scopesOf(name, connection, config);
  const code = await requestDeviceCode({ name, tenantId, clientId, authority, http, clock, scopes });
  return { tenantId, clientId, scopes, userCode: code.userCode, verificationUri: code.verificationUri };
}

/** Scopes of one resource: what the accounts need from a person, or whatever an app was granted. */
function scopesOf(name: string, connection: Connection, config: Config): readonly string[] {
  const cloud = resolveCloud(connection.cloud, connection.tenantId);
  const uses = usesOf(config.accounts.filter((account) => account.connection === name));
  if (!isDelegated(connection)) {
    const needsExchange = uses.send.length === 0 || resourcesOf(uses).has('exchange');
    return [needsExchange ? cloud.exchangeScope : cloud.graphScope];
  }
  const { exchange, graph } = delegatedScopes(delegatedNames(uses, { shared: false }), cloud, connection.scopes);
  return exchange ?? graph ?? [cloud.exchangeScope];
}

/** The same in words. */
export function verifiedText({ tenantId, clientId, scopes, userCode, verificationUri }: VerifiedRegistration): string {
  return [
    `✓ Microsoft knows app registration ${clientId} in tenant ${tenantId}, and gave a device code for it.`,
    `  Asked for: ${scopes.join(' ')}`,
    `  To try the sign-in page too, open ${verificationUri} and enter ${userCode}. It is not kept.`,
  ].join('\n');
}
