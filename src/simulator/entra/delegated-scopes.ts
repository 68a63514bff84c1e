import { findPermission } from '../tenant/permissions.ts';
import { type ApiResource, findResource } from '../tenant/resources.ts';
import type { AppRegistration, Tenant } from '../tenant/tenant.ts';
import { AadstsError } from './aadsts.ts';

/** The scopes that a request asks for from one resource on behalf of a user. */
export interface ResourceScopes {
  readonly resource: ApiResource;
  /** The resource's identifier as the client spelled it: the token's `aud`. */
  readonly audience: string;
  /** The prefix of scope names in the answer, as the client wrote it. */
  readonly prefix: string;
  /** Names without the resource; empty if only the user's identity is requested. */
  readonly names: readonly string[];
  /** `.default`: everything consented to, or what the registration lists. */
  readonly isDefault: boolean;
}

/** The scopes of a request for a user's tokens. */
export interface RequestedScopes {
  /** The OpenID Connect scopes: `openid`, `profile`, `email`, `offline_access`. */
  readonly openId: readonly string[];
  /** At least one. */
  readonly resources: readonly [ResourceScopes, ...ResourceScopes[]];
}

/** Scopes that belong to no resource. */
export const openIdScopes: readonly string[] = ['openid', 'profile', 'email', 'offline_access'];
const graph = 'https://graph.microsoft.com';
const graphAppId = '00000003-0000-0000-c000-000000000000';

/**
 * Reads the `scope` parameter of a user's sign-in. Learn, "Scopes and permissions in the Microsoft identity platform".
 * @param endpoint the sign-in page has a different error for scopes that do not exist
 * @throws AadstsError 900144, 70011, 650053, 500011
 */
export function parseDelegatedScopes(
  tenant: Tenant,
  app: AppRegistration,
  scope: string | null,
  endpoint: 'token' | 'page',
): RequestedScopes {
  const all = (scope ?? '').split(/\s+/).filter((one) => one !== '');
  if (all.length === 0) throw AadstsError.of('900144', 'scope');
  const openId = openIdScopes.filter((name) => all.some((one) => one.toLowerCase() === name));
  const others = all.filter((one) => !openIdScopes.includes(one.toLowerCase()));
  const parts = others.map((one) => ({ one, ...splitScope(tenant, one) }));
  const keys = [...new Set(parts.map((part) => part.resource.key))];
  const [first, ...rest] = keys.map((key) => {
    const ofResource = parts.filter((part) => part.resource.key === key);
    const [{ resource, audience, prefix } = identityOnly] = ofResource;
    const names = ofResource
      .filter(({ name }) => name !== '.default')
      .map((part) => canonicalName(app, part, endpoint));
    return { resource, audience, prefix, names, isDefault: names.length < ofResource.length };
  });
  return { openId, resources: [first ?? { ...identityOnly, names: [], isDefault: false }, ...rest] };
}

/** The one resource a token can be for. @throws AadstsError if the request names several */
export function onlyResource(scopes: RequestedScopes, code: '28000' | '70011', scope: string): ResourceScopes {
  if (scopes.resources.length > 1) throw AadstsError.of(code, scope);
  return scopes.resources[0];
}

/** A `scope` parameter for the first resource only. */
export function scopeOfFirst({ openId, resources: [first] }: RequestedScopes): string {
  const names = first.isDefault ? [...first.names, '.default'] : first.names;
  return [...names.map((name) => `${first.prefix}${name}`), ...openId].join(' ');
}

const identityOnly = { resource: resourceNamed(graphAppId), audience: graphAppId, prefix: '' };

function resourceNamed(identifier: string): ApiResource {
  const resource = findResource(identifier);
  if (!resource) throw new Error(`no resource ${identifier}`);
  return resource;
}

/** Splits `https://resource/Name`; a bare name belongs to Graph. */
function splitScope(tenant: Tenant, one: string) {
  const slash = one.lastIndexOf('/');
  const name = one.slice(slash + 1);
  if (slash < 0) return { resource: resourceNamed(graph), audience: graph, prefix: '', name };
  const audience = one.slice(0, slash);
  const resource = findResource(audience);
  if (!resource) throw AadstsError.of('500011', audience, tenant.displayName);
  return { resource, audience, prefix: `${audience}/`, name };
}

function canonicalName(
  app: AppRegistration,
  { resource, name, one }: { readonly resource: ApiResource; readonly name: string; readonly one: string },
  endpoint: 'token' | 'page',
): string {
  const permission = findPermission(resource.key, 'Scope', name);
  if (permission) return permission.value;
  if (endpoint === 'page') throw AadstsError.of('650053', app.displayName, name, resource.appId);
  throw AadstsError.of('70011', one);
}
