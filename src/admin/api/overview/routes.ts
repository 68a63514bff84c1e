import { type ApiRoute, apiRoute, ok } from '../route.ts';
import { type Overview, overviewSchema } from './schemas.ts';

/** The state of the bridge at a glance. */
export function overviewRoutes(overview: () => Promise<Overview>): ApiRoute[] {
  return [
    apiRoute({
      method: 'GET',
      path: '/overview',
      summary: 'The state of the bridge: connections, accounts, queue, clients, alerts.',
      access: 'view',
      answers: { 200: { description: 'The overview.', schema: overviewSchema } },
      run: async () => ok(await overview()),
    }),
  ];
}
