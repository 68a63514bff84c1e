/** An access token as it is stored: asked for once, used by every process until it expires. */
export interface StoredToken {
  /** As asked for; Entra ID names those granted in other words. */
  readonly scopes: readonly string[];
  readonly value: string;
  readonly expiresAtMs: number;
}

/** What a sign-in stores beside who it is: the Microsoft library's cache, and the access tokens that still live. */
export interface StoredCache {
  /** With account and refresh token, as the library serializes it. */
  readonly msal: string;
  readonly tokens: readonly StoredToken[];
}

/** The member beside the library's own (Account, RefreshToken …) that holds our tokens. */
const member = 'MailbridgeTokens';

/**
 * One text out of both. The library's own access tokens are left out: it would judge them by the machine's clock, and
 * look for them by the scopes granted in place of those asked for.
 */
export function packCache({ msal, tokens }: StoredCache): string {
  return JSON.stringify({ ...parseObject(msal), AccessToken: {}, [member]: tokens });
}

/** The two parts of a text made by {@link packCache}; one that is damaged has neither, as if nobody had signed in. */
export function unpackCache(packed: string): StoredCache {
  const { [member]: tokens, ...msal } = parseObject(packed);
  return { msal: JSON.stringify(msal), tokens: Array.isArray(tokens) ? (tokens as StoredToken[]) : [] };
}

/** Whether there is anything to renew the sign-in with. */
export function holdsRefreshToken(cache: StoredCache): boolean {
  const { RefreshToken } = parseObject(cache.msal);
  return Object.keys(RefreshToken ?? {}).length > 0;
}

/** The stored token for these very scopes that lives longer than `leftMs`. */
export function findToken(cache: StoredCache, scopes: readonly string[], nowMs: number, leftMs: number) {
  const key = scopesKey(scopes);
  return cache.tokens.find((token) => scopesKey(token.scopes) === key && token.expiresAtMs - nowMs > leftMs);
}

/** The tokens with one more, without its predecessor and what has expired. */
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

// The parser's own error would quote a piece of the text, which is secret.
function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
