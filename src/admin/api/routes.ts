import type { AdminAccess } from '../access/access.ts';
import type { AdminPorts, SetupModePorts } from '../ports.ts';
import { openApiDocument } from './openapi.ts';
import { overviewRoutes } from './overview/routes.ts';
import { type ApiRoute, apiRoute, ok } from './route.ts';
import { sessionRoutes } from './session/routes.ts';
import { setUpRoutes } from './set-up/routes.ts';

/** Every route of the API. */
export function apiRoutes(access: AdminAccess, ports: AdminPorts | SetupModePorts): ApiRoute[] {
  const routes: ApiRoute[] = [
    ...sessionRoutes(access, ports.instance),
    ...(ports.setUp ? setUpRoutes(ports.setUp) : []),
    ...('overview' in ports ? bridgeRoutes(ports) : []),
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

/** What a bridge that runs is asked. */
function bridgeRoutes(ports: AdminPorts): ApiRoute[] {
  return [...overviewRoutes(() => ports.overview())];
}
