import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import fastify, { type FastifyServerFactory } from 'fastify';
import { NetworkTable } from '../../accounts/networks.ts';
import type { AdminPorts, SetupModePorts } from '../ports.ts';
import type { AdminServerOptions, AdminSettings } from '../settings.ts';
import { openProtected } from './protected.ts';
import { addWatchRoutes } from './watch-routes.ts';

/** Answers the requests to the admin server. */
export interface AdminApplication {
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Ends all sessions. */
  close(): Promise<void>;
}

const maxBodyBytes = 256 * 1024;
/** Enough for a percent-encoded address. */
const maxParamLength = 1_000;

/** @param server already listening */
export async function openApplication(
  server: HttpServer | HttpsServer,
  settings: AdminSettings,
  ports: AdminPorts | SetupModePorts,
  options: AdminServerOptions,
): Promise<AdminApplication> {
  const { log } = options;
  let handle: Parameters<FastifyServerFactory>[0] | undefined;
  const app = fastify({
    bodyLimit: maxBodyBytes,
    routerOptions: { maxParamLength },
    exposeHeadRoutes: true,
    trustProxy: trustOf(settings),
    forceCloseConnections: true,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    serverFactory: (handler) => {
      handle = handler;
      return server;
    },
  });
  // Only JSON: a form on another site's page can send anything else without asking.
  app.removeContentTypeParser('text/plain');
  app.setErrorHandler((error, _, reply) => {
    log.error({ error }, 'cannot answer at the admin port');
    return reply.code(500).send('');
  });
  app.setNotFoundHandler((_, reply) => reply.code(404).send(''));
  app.register((watch, _, done) => {
    addWatchRoutes(watch, ports.facts);
    done();
  });
  const part = settings.pages ? openProtected(app, settings, ports, options) : undefined;
  await app.ready();
  return {
    handle: (request, response) => handle?.(request, response),
    async close() {
      part?.close();
      await app.close();
    },
  };
}

/** Which proxies are trusted to say where a client comes from. */
function trustOf({ trustedProxies = [] }: AdminSettings): false | ((address: string) => boolean) {
  if (trustedProxies.length === 0) return false;
  const table = new NetworkTable<true>();
  for (const network of trustedProxies) table.add(network, true);
  return (address) => table.find(address) ?? false;
}
