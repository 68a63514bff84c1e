import type { AdminAccess } from '../access/access.ts';
import type { AdminPorts } from '../ports.ts';
import { openApiDocument } from './openapi.ts';
import { overviewRoutes } from './overview/routes.ts';
import { type ApiRoute, apiRoute, ok } from './route.ts';
import { sessionRoutes } from './session/routes.ts';

/** Every route of the API. */
export function apiRoutes(access: AdminAccess, ports: AdminPorts): ApiRoute[] {
  const routes: ApiRoute[] = [
    ...sessionRoutes(access, ports.instance),
    ...overviewRoutes(() => ports.overview()),
    apiRoute({
      method: 'GET',
      path: '/openapi.json',
      summary: 'This description of the API.',
      access: 'view',
      answers: { 200: { description: 'OpenAPI 3.1.', type: 'application/json' } },
      run: () => ok(openApiDocument(routes, ports.instance.version)),
    }),
  ];
  return routes;
}
