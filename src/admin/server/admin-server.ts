import { createServer, type Server as HttpServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ensureAdminToken } from '../access/token-file.ts';
import type { AdminPorts, SetupModePorts } from '../ports.ts';
import type { AdminServerOptions, AdminSettings, AdminTls } from '../settings.ts';
import type { AdminApplication } from './application.ts';
import { boundSockets } from './bounded-sockets.ts';

export interface AdminServer {
  readonly port: number;
  /** Uses another certificate; open connections stay. */
  updateTls(tls: AdminTls): void;
  close(): Promise<void>;
}

/** How long a header, and then a body, may take to arrive, in milliseconds. */
const requestTimeoutMs = 10_000;

/**
 * Listens for monitoring and, if the settings say so, for administrators. The code that answers is loaded with the
 * first request: a bridge starts sooner, and uses less memory if nobody asks. Rejects with the system's error if the
 * port is not available.
 * @throws BridgeError `admin-token-unusable`
 */
export async function listenAdmin(
  settings: AdminSettings,
  ports: AdminPorts | SetupModePorts,
  options: AdminServerOptions,
): Promise<AdminServer> {
  const { log } = options;
  let application: Promise<AdminApplication> | undefined;
  const server = newServer(settings.tls, (request, response) => {
    application ??= import('./application.ts').then(({ openApplication }) =>
      openApplication(server, settings, ports, options),
    );
    application.then(
      ({ handle }) => {
        if (!request.socket.destroyed) handle(request, response);
      },
      (error: unknown) => {
        log.error({ error }, 'cannot answer at the admin port');
        response.writeHead(500).end();
      },
    );
  });
  if (settings.pages && settings.token === undefined) {
    const { isNew } = await ensureAdminToken(settings.dataDir);
    if (isNew) log.info('created an admin token; mailbridge admin token prints it');
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(settings.port, settings.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    updateTls(tls) {
      if ('setSecureContext' in server) server.setSecureContext({ ...tls });
    },
    async close() {
      const opened = await application?.catch(() => undefined);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      await opened?.close();
      if ('close' in ports) await ports.close();
    },
  };
}

function newServer(tls: AdminTls | undefined, listener: RequestListener): HttpServer | HttpsServer {
  const options = { connectionsCheckingInterval: 1_000 };
  const server = tls
    ? createTlsServer({ ...options, ...tls, handshakeTimeout: requestTimeoutMs }, listener)
    : createServer(options, listener);
  server.headersTimeout = requestTimeoutMs;
  server.requestTimeout = requestTimeoutMs;
  boundSockets(server);
  return server;
}
