import { randomUUID } from 'node:crypto';
import { type HttpAnswer, type IncomingHttpRequest, type Listening, listenHttp } from '../http/http-server.ts';
import { findRoute, type Route } from '../http/routes.ts';
import { AadstsError, errorAnswer } from './aadsts.ts';
import { instanceDiscovery, openidConfiguration } from './discovery.ts';
import { introspect } from './introspection.ts';
import { AuthorizationCodes } from './people/authorization-codes.ts';
import { DeviceCodes } from './people/device-codes.ts';
import { RefreshTokens } from './people/refresh-tokens.ts';
import type { EntraServices, EntraSettings } from './services.ts';
import { signInRoutes } from './site/routes.ts';
import { assertTenant } from './tenant-segment.ts';
import { answerDeviceCodeRequest, answerTokenRequest, maxFormBytes } from './token-endpoint.ts';

/** Listens as Entra ID's sign-in host (login.microsoftonline.com). */
export async function listenEntra(settings: EntraSettings): Promise<Listening> {
  const { host, port, tls, tenant, signer, faults, onDefect } = settings;
  const entra: EntraServices = {
    tenant,
    signer,
    faults,
    deviceCodes: new DeviceCodes(tenant),
    authorizationCodes: new AuthorizationCodes(tenant),
    refreshTokens: new RefreshTokens(tenant),
    authority: '',
  };
  const routes = [...routesOf(entra), ...signInRoutes(entra)];
  const handle = async (request: IncomingHttpRequest): Promise<HttpAnswer> => {
    const found = findRoute(routes, request);
    if (typeof found === 'string') return { status: found === 'not-found' ? 404 : 405 };
    return found.route.handle(request, found.captures);
  };
  const listening = await listenHttp({ host, port, tls, handle, onDefect });
  entra.authority = `https://${host}:${listening.port}`;
  return listening;
}

function routesOf(entra: EntraServices): readonly Route[] {
  const { tenant, signer } = entra;
  const answerIntrospection = async (request: IncomingHttpRequest, token: string | null): Promise<HttpAnswer> => {
    const username = request.url.searchParams.get('username') ?? undefined;
    return { status: 200, body: await introspect(signer, token, username) };
  };
  return [
    {
      method: 'POST',
      path: /^\/([^/]+)\/oauth2\/v2\.0\/token$/,
      handle: (request, [name = '']) => answerTokenRequest(entra, request, name),
    },
    {
      method: 'POST',
      path: /^\/([^/]+)\/oauth2\/v2\.0\/devicecode$/,
      handle: (request, [name = '']) => answerDeviceCodeRequest(entra, request, name),
    },
    {
      method: 'GET',
      path: /^\/([^/]+)\/v2\.0\/\.well-known\/openid-configuration$/,
      handle: (_, [name = '']) => ofTenant(entra, name, () => openidConfiguration(entra.authority, tenant, name)),
    },
    {
      method: 'GET',
      path: /^\/common\/discovery\/instance$/,
      handle: () => ({ status: 200, body: instanceDiscovery(entra.authority, tenant) }),
    },
    {
      method: 'GET',
      path: /^\/([^/]+)\/discovery\/v2\.0\/keys$/,
      handle: (_, [name = '']) => ofTenant(entra, name, async () => ({ keys: [await signer.jwk()] })),
    },
    {
      method: 'POST',
      path: /^\/introspect$/,
      handle: async (request) => {
        const form = new URLSearchParams((await request.readBody(maxFormBytes)).toString());
        return answerIntrospection(request, form.get('token'));
      },
    },
    {
      // Two ways to introspect without a form, for servers that support no other.
      method: 'GET',
      path: /^\/introspect$/,
      handle: (request) => {
        const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
        return answerIntrospection(request, bearer ?? request.url.searchParams.get('token'));
      },
    },
  ];
}

/** A document of a tenant, or Entra's error for an unknown tenant. */
async function ofTenant(
  entra: EntraServices,
  name: string,
  document: () => Promise<object> | object,
): Promise<HttpAnswer> {
  try {
    assertTenant(entra.tenant, name);
    return { status: 200, body: await document() };
  } catch (error) {
    if (error instanceof AadstsError) return errorAnswer(error, randomUUID(), entra.authority);
    throw error;
  }
}
