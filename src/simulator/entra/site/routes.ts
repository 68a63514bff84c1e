import type { IncomingHttpRequest } from '../../http/http-server.ts';
import type { Route } from '../../http/routes.ts';
import type { EntraServices } from '../services.ts';
import { maxFormBytes } from '../token-endpoint.ts';
import { answerAdminConsent } from './admin-consent.ts';
import { answerAuthorize } from './authorize.ts';
import { answerDevicePage, devicePath, showDevicePage } from './device-page.ts';
import { signInPath } from './pages.ts';
import { Sessions } from './sessions.ts';
import { SignInPages } from './sign-in.ts';

/** The pages that people see: plain HTML and forms, without scripts. */
export function signInRoutes(entra: EntraServices): readonly Route[] {
  const pages = new SignInPages(entra.tenant, new Sessions(entra.tenant));
  return [
    {
      method: 'GET',
      path: /^\/([^/]+)\/oauth2\/v2\.0\/authorize$/,
      handle: (request, [name = '']) => answerAuthorize(entra, pages, request, name),
    },
    {
      method: 'GET',
      path: /^\/([^/]+)\/v2\.0\/adminconsent$/,
      handle: (request, [name = '']) => answerAdminConsent(entra, pages, request, name, 'v2'),
    },
    {
      method: 'GET',
      path: /^\/([^/]+)\/adminconsent$/,
      handle: (request, [name = '']) => answerAdminConsent(entra, pages, request, name, 'v1'),
    },
    { method: 'GET', path: exactly(devicePath), handle: (request) => showDevicePage(request) },
    {
      method: 'POST',
      path: exactly(devicePath),
      handle: async (request) => answerDevicePage(entra, pages, request, await formOf(request)),
    },
    {
      method: 'POST',
      path: exactly(signInPath),
      handle: async (request) => pages.next(request, await formOf(request)),
    },
  ];
}

function exactly(path: string): RegExp {
  return new RegExp(`^${path}$`);
}

async function formOf(request: IncomingHttpRequest): Promise<URLSearchParams> {
  return new URLSearchParams((await request.readBody(maxFormBytes)).toString());
}
