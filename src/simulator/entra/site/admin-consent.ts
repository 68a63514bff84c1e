import type { HttpAnswer, IncomingHttpRequest } from '../../http/http-server.ts';
import { findPermission, type ResourcePermission } from '../../tenant/permissions.ts';
import { resources } from '../../tenant/resources.ts';
import { AadstsError } from '../aadsts.ts';
import { listedPermissions } from '../consent.ts';
import { parseDelegatedScopes, type RequestedScopes } from '../delegated-scopes.ts';
import { requiredField } from '../grants/token-request.ts';
import { platformOf } from '../redirect-uris.ts';
import { findApp } from '../registered-app.ts';
import type { EntraServices } from '../services.ts';
import { assertTenant } from '../tenant-segment.ts';
import { errorPage } from './pages.ts';
import { errorParameters, redirectTo } from './redirect.ts';
import type { SignInGoal, SignInPages } from './sign-in.ts';

/**
 * `GET /{tenant}/v2.0/adminconsent`, and the older `/{tenant}/adminconsent`, which takes no scope. Learn, "Admin
 * consent on the Microsoft identity platform". Accepted permissions are granted to everybody in the tenant.
 */
export function answerAdminConsent(
  entra: EntraServices,
  pages: SignInPages,
  request: IncomingHttpRequest,
  tenantName: string,
  version: 'v1' | 'v2',
): HttpAnswer {
  try {
    return pages.begin(request, goalOf(entra, request.url.searchParams, tenantName, version));
  } catch (error) {
    if (error instanceof AadstsError) return errorPage(error);
    throw error;
  }
}

function goalOf(
  { tenant, authority }: EntraServices,
  query: URLSearchParams,
  tenantName: string,
  version: 'v1' | 'v2',
): SignInGoal {
  assertTenant(tenant, tenantName);
  const app = findApp(tenant, requiredField(query, 'client_id'));
  const redirectUri = requiredField(query, 'redirect_uri');
  if (!platformOf(app, redirectUri)) throw AadstsError.of('50011', redirectUri, app.clientId);
  const scopes = version === 'v2' ? parseDelegatedScopes(tenant, app, query.get('scope'), 'page') : undefined;
  const permissions = scopes ? askedPermissions(app, scopes) : listedPermissions(app);
  const state = query.get('state') ?? undefined;
  return {
    app,
    // The administrator chooses the account explicitly.
    prompt: 'select_account',
    consentFor: (user) => {
      if (!user.administrator) throw AadstsError.of('90094');
      return { permissions, forOrganization: true };
    },
    finish: () =>
      redirectTo(redirectUri, {
        admin_consent: 'True',
        tenant: tenant.id,
        scope: version === 'v2' ? permissions.map(fullName).join(' ') : undefined,
        state,
      }),
    // A refusal also says that it answers an admin consent request; unlike in the documents, it names no tenant.
    fail: (error) => redirectTo(redirectUri, { ...errorParameters(error, authority), admin_consent: 'True', state }),
  };
}

/** `.default` requests everything that the registration lists, for any resource. */
function askedPermissions(app: SignInGoal['app'], scopes: RequestedScopes): readonly ResourcePermission[] {
  const named = scopes.resources.flatMap(({ resource, names }) =>
    names.flatMap((name) => findPermission(resource.key, 'Scope', name) ?? []),
  );
  const listed = scopes.resources.some(({ isDefault }) => isDefault) ? listedPermissions(app) : [];
  return [...new Set([...named, ...listed])];
}

function fullName({ resource, value }: ResourcePermission): string {
  return `${resources.find(({ key }) => key === resource)?.identifierUris[0]}/${value}`;
}
