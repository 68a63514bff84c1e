import { BridgeError } from '../../base/errors.ts';
import type { Grant } from '../../tokens/grants/grant.ts';
import { readClaims, type TokenClaims } from '../check/token-claims.ts';
import { type ReplicationOptions, untilReplicated } from './replication.ts';

/**
 * What Entra ID reports while one of its servers does not know the app, its enterprise application or its credential.
 */
const notYetKnown = new Set(['AADSTS700016', 'AADSTS7000215', 'AADSTS700027', 'AADSTS7000229', 'AADSTS700011']);

/**
 * Requests tokens with a credential until they name every permission granted.
 * @param wanted permissions that the tokens have to name, by the scope of the request
 * @returns the claims of the last token, if they can be read
 * @throws BridgeError `registration-not-visible` when the time is up, `token-refused` if waiting does not help
 */
export async function proveCredential(
  grant: Grant,
  wanted: readonly { readonly scope: string; readonly roles: readonly string[] }[],
  replication: ReplicationOptions,
): Promise<TokenClaims | undefined> {
  let claims: TokenClaims | undefined;
  for (const { scope, roles } of wanted) {
    claims = await untilReplicated(replication, 'the new credential and its permissions', mayPass, async () => {
      const token = await grant.acquire([scope], { forceRenew: true });
      const found = readClaims(token.value);
      // Microsoft guarantees no format for its tokens; one that cannot be read still proves the credential.
      const missing = found ? roles.filter((role) => !found.roles.includes(role)) : [];
      if (missing.length > 0) throw new RolesMissing(missing);
      return found;
    });
  }
  return claims;
}

/** A token arrived before the permissions that were granted. */
class RolesMissing extends Error {
  constructor(roles: readonly string[]) {
    super(`The token does not name ${roles.join(', ')} yet.`);
  }
}

function mayPass(error: unknown): boolean {
  if (error instanceof RolesMissing) return true;
  return error instanceof BridgeError && notYetKnown.has(String(error.details.aadsts));
}
