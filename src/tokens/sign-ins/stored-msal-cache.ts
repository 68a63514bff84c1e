/** A stored access token: requested once, used by every process until it expires. */
export interface StoredToken {
  /** As requested; Entra ID names the granted ones differently. */
  readonly scopes: readonly string[];
  readonly value: string;
  readonly expiresAtMs: number;
}

/** What a sign-in stores besides its identity: the Microsoft library's cache, and the valid access tokens. */
export interface StoredCache {
  /** With account and refresh token, as serialized by the library. */
  readonly msal: string;
  readonly tokens: readonly StoredToken[];
}

/** The member beside the library's own (Account, RefreshToken …) that contains our tokens. */
const member = 'MailbridgeTokens';

/**
 * Packs both into one text. The library's own access tokens are left out: it would judge them by the machine's clock,
 * and look them up by the granted scopes instead of the requested ones.
 */
export function packCache({ msal, tokens }: StoredCache): string {
  return JSON.stringify({ ...parseObject(msal), AccessToken: {}, [member]: tokens });
}

/**
 * Returns the two parts of a text from {@link packCache}; a damaged text yields empty parts, as if nobody had signed
 * in.
 */
export function unpackCache(packed: string): StoredCache {
  const { [member]: tokens, ...msal } = parseObject(packed);
  return { msal: JSON.stringify(msal), tokens: Array.isArray(tokens) ? (tokens as StoredToken[]) : [] };
}

/** Tells whether the cache has a refresh token to renew the sign-in with. */
export function holdsRefreshToken(cache: StoredCache): boolean {
  const { RefreshToken } = parseObject(cache.msal);
  return Object.keys(RefreshToken ?? {}).length > 0;
}

/** Finds the stored token for exactly these scopes that lives longer than `leftMs`. */
export function findToken(cache: StoredCache, scopes: readonly string[], nowMs: number, leftMs: number) {
  const key = scopesKey(scopes);
  return cache.tokens.find((token) => scopesKey(token.scopes) === key && token.expiresAtMs - nowMs > leftMs);
}

/** Adds a token, dropping its predecessor and expired tokens. */
export function withToken(tokens: readonly StoredToken[], added: StoredToken, nowMs: number): StoredToken[] {
  const key = scopesKey(added.scopes);
  return [...tokens.filter((token) => scopesKey(token.scopes) !== key && token.expiresAtMs > nowMs), added];
}

function scopesKey(scopes: readonly string[]): string {
  return scopes
    .map((scope) => scope.toLowerCase())
    .sort()
    .join(' ');
}

// The parser's own error would quote part of the text, which is secret.
function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
