import type { AuditLog } from '../access/audit-log.ts';
import type { ConnectPageParts } from '../connect/routes.ts';
import type { AdminPorts, SetupModePorts } from '../ports.ts';
import { accountRoutes } from './accounts/routes.ts';
import { auditRoutes } from './audit/routes.ts';
import { connectRoutes } from './connect/routes.ts';
import { connectionRoutes } from './connections/routes.ts';
import { type EventStreams, eventRoutes } from './events/routes.ts';
import { historyRoutes } from './history/routes.ts';
import { logRoutes } from './log/routes.ts';
import { messageRoutes } from './messages/routes.ts';

import { openApiDocument } from './openapi.ts';
import { overviewRoutes } from './overview/routes.ts';
import { type ApiRoute, apiRoute, ok } from './route.ts';
import { sessionRoutes } from './session/routes.ts';
import { setUpRoutes } from './set-up/routes.ts';

/** Every route of the API. */
export function apiRoutes(
  ports: AdminPorts | SetupModePorts,
  streams: EventStreams,
  audit: AuditLog,
  connect?: ConnectPageParts,
): ApiRoute[] {
  const routes: ApiRoute[] = [
    ...sessionRoutes(streams.access, ports.instance),
    ...overviewRoutes(() => ports.overview()),
    ...('messages' in ports ? bridgeRoutes(ports) : []),
    ...(connect ? connectRoutes(connect) : []),
    ...(ports.setUp ? setUpRoutes(ports.setUp) : []),
    ...logRoutes(ports.logTail),
    ...historyRoutes((range) => ports.history(range)),
    ...eventRoutes(streams),
    ...auditRoutes(audit),
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

/** Routes for a running bridge. */
function bridgeRoutes(ports: AdminPorts): ApiRoute[] {
  return [...messageRoutes(ports.messages), ...accountRoutes(ports.accounts), ...connectionRoutes(ports.connections)];
}
