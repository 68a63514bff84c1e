import { createServer, type Server as HttpServer } from 'node:http';
import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance, type FastifyServerFactory } from 'fastify';
import { NetworkTable } from '../../accounts/networks.ts';
import type { AdminPorts, SetupModePorts } from '../ports.ts';
import type { AdminServerOptions, AdminSettings, AdminTls } from '../settings.ts';
import { boundSockets } from './bounded-sockets.ts';
import { openProtected, type ProtectedPart } from './protected.ts';
import { addWatchRoutes } from './watch-routes.ts';

export interface AdminServer {
  readonly port: number;
  /** Takes up another certificate; connections that are open stay. */
  updateTls(tls: AdminTls): void;
  close(): Promise<void>;
}

/** A header, and then a body, have so long to arrive, in milliseconds. */
const requestTimeoutMs = 10_000;
const maxBodyBytes = 256 * 1024;
/** An address, in percent encoding. */
const maxParamLength = 1_000;

/**
 * Listens for whoever watches the bridge, and, where the settings say so, for whoever administers it.
 * Rejects with the system's error when the port cannot be had.
 * @throws BridgeError `admin-token-unusable`
 */
export async function listenAdmin(
  settings: AdminSettings,
  ports: AdminPorts | SetupModePorts,
  options: AdminServerOptions,
): Promise<AdminServer> {
  const { log } = options;
  let server: HttpServer | HttpsServer | undefined;
  const app = fastify({
    bodyLimit: maxBodyBytes,
    routerOptions: { maxParamLength },
    exposeHeadRoutes: true,
    trustProxy: trustOf(settings),
    forceCloseConnections: true,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    serverFactory: (handler) => {
      server = newServer(settings.tls, handler);
      return server;
    },
  });
  // JSON alone: a form of a page elsewhere can send anything else without asking.
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
  const part = settings.pages ? await openProtected(app, settings, ports, options) : undefined;
  await app.ready();
  return await listening(app, server as HttpServer | HttpsServer, settings, { part, ports });
}

/** Whose word on where a client comes from is taken. */
function trustOf({ trustedProxies = [] }: AdminSettings): false | ((address: string) => boolean) {
  if (trustedProxies.length === 0) return false;
  const table = new NetworkTable<true>();
  for (const network of trustedProxies) table.add(network, true);
  return (address) => table.find(address) ?? false;
}

function newServer(tls: AdminTls | undefined, handler: Parameters<FastifyServerFactory>[0]): HttpServer | HttpsServer {
  const options = { connectionsCheckingInterval: 1_000 };
  const listener: Parameters<FastifyServerFactory>[0] = (request, response) => {
    if (!request.socket.destroyed) handler(request, response);
  };
  const server = tls
    ? createTlsServer({ ...options, ...tls, handshakeTimeout: requestTimeoutMs }, listener)
    : createServer(options, listener);
  server.headersTimeout = requestTimeoutMs;
  server.requestTimeout = requestTimeoutMs;
  boundSockets(server);
  return server;
}

async function listening(
  app: FastifyInstance,
  server: HttpServer | HttpsServer,
  { host, port }: AdminSettings,
  { part, ports }: { readonly part: ProtectedPart | undefined; readonly ports: AdminPorts | SetupModePorts },
): Promise<AdminServer> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    updateTls(tls) {
      if ('setSecureContext' in server) server.setSecureContext({ ...tls });
    },
    async close() {
      part?.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      await app.close();
      if ('close' in ports) await ports.close();
    },
  };
}
