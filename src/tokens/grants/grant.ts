import type { AccessToken } from '../access-token.ts';

/** One way of getting tokens. Each grant is a file beside this one, and knows neither caching nor sharing. */
export interface Grant {
  /** As in the configuration: `client-credentials` … */
  readonly kind: string;
  /**
   * Asks Microsoft Entra ID for a token.
   * @param scopes of one resource, such as `https://graph.microsoft.com/.default`
   * @param options `forceRenew`: a token the grant may keep of its own is not good enough, the upstream has refused it
   * @throws BridgeError see {@link tokenError}
   */
  acquire(scopes: readonly string[], options: { readonly forceRenew: boolean }): Promise<AccessToken>;
}
