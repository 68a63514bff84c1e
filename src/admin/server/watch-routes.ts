import type { FastifyInstance } from 'fastify';
import type { AdminFacts } from '../facts.ts';
import { metricsOf } from '../metrics/registry.ts';

/**
 * What load balancers and monitoring request without a login: `GET /healthz` and `GET /health` answer 200 while the
 * bridge runs, the latter with the connections in trouble; `GET /readyz` answers 503 while it should get no clients;
 * `GET /metrics` is for Prometheus. Requests may use any name that the network gives the machine.
 */
export function addWatchRoutes(app: FastifyInstance, facts: AdminFacts): void {
  const registry = metricsOf(facts);
  app.get('/healthz', async () => line({ status: 'ok' }));
  app.get('/readyz', async (_, reply) => {
    const reasons = await facts.notReady();
    if (reasons.length === 0) return line({ status: 'ready' });
    reply.code(503);
    return line({ status: 'not ready', reasons });
  });
  // Still 200: restarting the bridge would not help.
  app.get('/health', async () => line(await healthOf(facts)));
  app.get('/metrics', async (_, reply) => {
    reply.type(registry.contentType);
    return await registry.metrics();
  });
  for (const url of ['/healthz', '/readyz', '/health', '/metrics']) {
    app.route({
      method: ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      url,
      handler: (_, reply) => reply.code(405).header('Allow', 'GET, HEAD').send(),
    });
  }
  app.addHook('onRequest', async (_, reply) => {
    reply.type('application/json').header('Cache-Control', 'no-store');
  });
}

function line(body: object): string {
  return `${JSON.stringify(body)}\n`;
}

async function healthOf(facts: AdminFacts): Promise<object> {
  const troubles = facts.troubles();
  const reasons = await facts.notReady();
  return {
    ...(troubles.length === 0 ? { status: 'ok' } : { status: 'degraded', troubles }),
    ...(reasons.length === 0 ? { ready: true } : { ready: false, reasons }),
  };
}
