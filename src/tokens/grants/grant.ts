import type { AccessToken } from '../access-token.ts';

/** A way to obtain tokens. Each grant is a file beside this one, without caching or sharing. */
export interface Grant {
  /** As in the configuration: `client-credentials` … */
  readonly kind: string;
  /**
   * Requests a token from Microsoft Entra ID.
   * @param scopes of one resource, such as `https://graph.microsoft.com/.default`
   * @param options `forceRenew`: do not return a token the grant itself may keep, because the upstream has refused it
   * @throws BridgeError see {@link tokenError}
   */
  acquire(scopes: readonly string[], options: { readonly forceRenew: boolean }): Promise<AccessToken>;
}
