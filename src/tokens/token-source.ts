import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { AccessToken } from './access-token.ts';
import type { Grant } from './grants/grant.ts';
import { TokenCache } from './token-cache.ts';

/** What a token gives access to: Microsoft Graph, or Exchange Online's IMAP, POP3 and SMTP. */
export type TokenResource = 'graph' | 'exchange';

/** The tokens of one connection. */
export interface TokenSource {
  /**
   * Returns a token for a resource, from the cache if possible.
   * @param options `refused`: a token that the upstream has just refused. If it is still the cached one, a new one is
   * requested, at most every 30 seconds; if the same token is returned, a new one would not help. `anew`: asks
   * Microsoft again although a failure is remembered; the caller must limit how often
   * @throws BridgeError `token-refused`, `token-temporarily-unavailable`, `token-answer-invalid`, or one of the HTTP
   * client. A failure is remembered for 1 to 60 seconds, or for as long as Microsoft asks
   */
  getToken(
    resource: TokenResource,
    options?: { readonly refused?: string | undefined; readonly anew?: boolean },
  ): Promise<AccessToken>;
  /** When each cached token expires, in milliseconds since 1970. */
  expiries(): Readonly<Partial<Record<TokenResource, number>>>;
  /** No more tokens are needed. */
  close(): void;
}

/** What is needed to turn a grant into a token source. */
export interface GrantTokenSourceOptions {
  /** Name of the connection. */
  readonly name: string;
  readonly grant: Grant;
  /** For example `https://graph.microsoft.com/.default` and `https://outlook.office365.com/.default`. */
  readonly scopes: Readonly<Record<TokenResource, readonly string[]>>;
  readonly clock: Clock;
  readonly log: Log;
  /** Called with the duration of each request, and whether it returned a token. */
  onAsked?(resource: TokenResource, ms: number, isGiven: boolean): void;
}

/** Creates the token source of any grant: adds caching, sharing and early renewal. */
export function tokenSourceOf(options: GrantTokenSourceOptions): TokenSource {
  const { name, scopes, clock, log } = options;
  const cache = (resource: TokenResource) => {
    const grant = timed(options, resource);
    return new TokenCache({ connection: name, resource, grant, scopes: scopes[resource], clock, log });
  };
  const caches: Record<TokenResource, TokenCache> = { graph: cache('graph'), exchange: cache('exchange') };
  return {
    getToken: (resource, { refused, anew } = {}) => caches[resource].get(refused, anew),
    expiries() {
      const { graph, exchange } = caches;
      return {
        ...(graph.expiresAtMs !== undefined && { graph: graph.expiresAtMs }),
        ...(exchange.expiresAtMs !== undefined && { exchange: exchange.expiresAtMs }),
      };
    },
    close() {
      for (const each of Object.values(caches)) each.close();
    },
  };
}

function timed({ grant, onAsked }: GrantTokenSourceOptions, resource: TokenResource): Grant {
  if (!onAsked) return grant;
  return {
    kind: grant.kind,
    async acquire(scopes, options) {
      const startedAtMs = performance.now();
      const asked = (isGiven: boolean) => onAsked(resource, performance.now() - startedAtMs, isGiven);
      try {
        const token = await grant.acquire(scopes, options);
        asked(true);
        return token;
      } catch (error) {
        asked(false);
        throw error;
      }
    },
  };
}
