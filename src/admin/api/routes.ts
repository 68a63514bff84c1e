import type { AuditLog } from '../access/audit-log.ts';
import type { AdminPorts } from '../ports.ts';
import { accountRoutes } from './accounts/routes.ts';
import { auditRoutes } from './audit/routes.ts';
import { connectionRoutes } from './connections/routes.ts';
import { type EventStreams, eventRoutes } from './events/routes.ts';
import { historyRoutes } from './history/routes.ts';
import { logRoutes } from './log/routes.ts';
import { messageRoutes } from './messages/routes.ts';
import { openApiDocument } from './openapi.ts';
import { overviewRoutes } from './overview/routes.ts';
import { type ApiRoute, apiRoute, ok } from './route.ts';
import { sessionRoutes } from './session/routes.ts';

/** Every route of the API. */
export function apiRoutes(ports: AdminPorts, streams: EventStreams, audit: AuditLog): ApiRoute[] {
  const routes: ApiRoute[] = [
    ...sessionRoutes(streams.access, ports.instance),
    ...overviewRoutes(() => ports.overview()),
    ...historyRoutes((range) => ports.history(range)),
    ...messageRoutes(ports.messages),
    ...accountRoutes(ports.accounts),
    ...connectionRoutes(ports.connections),
    ...logRoutes(ports.logTail),
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
