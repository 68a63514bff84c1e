import type { TokenResource } from '../token-source.ts';

/** Delegated scopes to request, by resource. A resource without an entry is not used. */
export type DelegatedScopes = Partial<Readonly<Record<TokenResource, readonly string[]>>>;

/** The delegated permissions that a connection needs for its purposes, by resource: `SMTP.Send`. */
export type NeededPermissions = Readonly<Record<TokenResource, readonly string[]>>;

/** The cloud's scopes of an app-only token; their origins identify the resources. */
export interface CloudScopes {
  /** For example `https://graph.microsoft.com/.default`. */
  readonly graphScope: string;
  /** For example `https://outlook.office365.com/.default`. */
  readonly exchangeScope: string;
}

/**
 * Returns the delegated scopes for these permissions, and no more: Microsoft documentation, "Authenticate an IMAP, POP
 * or SMTP connection using OAuth" and "Microsoft Graph permissions reference". `openid`, `profile` and `offline_access`
 * are not included: every delegated request adds them.
 * @param configured `scopes` of the connection; if it names scopes of a resource, only these are requested for it
 */
export function delegatedScopes(
  needed: NeededPermissions,
  cloud: CloudScopes,
  configured?: readonly string[],
): DelegatedScopes {
  const wanted = configured ? byResource(configured, cloud) : { graph: [], exchange: [] };
  const graph = wanted.graph.length > 0 ? wanted.graph : prefixed(cloud.graphScope, needed.graph);
  const exchange = wanted.exchange.length > 0 ? wanted.exchange : prefixed(cloud.exchangeScope, needed.exchange);
  return { ...(graph.length > 0 ? { graph } : {}), ...(exchange.length > 0 ? { exchange } : {}) };
}

/**
 * Microsoft documents the delegated scopes of Exchange Online under this name; the hosts of its app-only scope work
 * too.
 */
const exchangeOrigins: Readonly<Record<string, string>> = {
  'https://outlook.office365.com': 'https://outlook.office.com',
};

function prefixed(cloudScope: string, names: readonly string[]): string[] {
  const { origin } = new URL(cloudScope);
  return names.map((name) => `${exchangeOrigins[origin] ?? origin}/${name}`);
}

function byResource(scopes: readonly string[], { graphScope }: CloudScopes) {
  const result: Record<TokenResource, string[]> = { graph: [], exchange: [] };
  for (const scope of scopes) {
    if (signInScopes.has(scope.toLowerCase())) continue;
    // A scope without a resource belongs to Graph: "Scopes and permissions in the Microsoft identity platform".
    const isGraph = !scope.includes('://') || scope.startsWith(`${new URL(graphScope).origin}/`);
    result[isGraph ? 'graph' : 'exchange'].push(scope);
  }
  return result;
}

/** Scopes of the sign-in itself. Entra ID never lists `offline_access` among the granted scopes. */
const signInScopes: ReadonlySet<string> = new Set(['openid', 'profile', 'email', 'offline_access']);

/**
 * Returns the wanted scopes that were not granted. Entra ID names granted scopes with or without their resource and in
 * the spelling of the app registration, so short names are compared, ignoring case. `.default` stands for whatever was
 * consented to, and is missing only if nothing was granted.
 */
export function missingScopes(wanted: readonly string[], granted: readonly string[]): string[] {
  const have = new Set(granted.map(shortName).filter((name) => !signInScopes.has(name)));
  return wanted.filter((scope) => {
    const name = shortName(scope);
    if (signInScopes.has(name)) return false;
    return name === '.default' ? have.size === 0 : !have.has(name);
  });
}

/** Returns `mail.send` for `https://graph.microsoft.com/Mail.Send`. */
function shortName(scope: string): string {
  return scope.slice(scope.lastIndexOf('/') + 1).toLowerCase();
}
