import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { Log } from '../base/log.ts';
import { boundSockets } from './bounded-sockets.ts';
import type { AdminFacts } from './facts.ts';
import { metricsOf } from './metrics/registry.ts';

export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Listens for whoever watches the bridge: `GET /healthz` and `GET /health` answer 200 while it runs, the latter with the
 * connections in trouble; `GET /readyz` answers 503 while it should get no clients; `GET /metrics` is for Prometheus.
 * Rejects with the system's error when the port cannot be had.
 */
export async function listenAdmin(
  { host, port }: { readonly host: string; readonly port: number },
  facts: AdminFacts,
  log: Log,
): Promise<AdminServer> {
  const registry = metricsOf(facts);
  const server = createServer({ connectionsCheckingInterval: 1_000 }, (request, response) => {
    if (request.socket.destroyed) return;
    answer(registry, facts, request, response).catch((error: unknown) => {
      log.error({ error }, 'cannot answer at the admin port');
      response.writeHead(500).end();
    });
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  boundSockets(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  registry: Registry,
  facts: AdminFacts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method, url } = request;
  const path = url?.split('?')[0];
  const json = (status: number, body: object): void => {
    response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    response.end(`${JSON.stringify(body)}\n`);
  };
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD' }).end();
  } else if (path === '/healthz') {
    json(200, { status: 'ok' });
  } else if (path === '/readyz') {
    const reasons = await facts.notReady();
    if (reasons.length === 0) json(200, { status: 'ready' });
    else json(503, { status: 'not ready', reasons });
  } else if (path === '/health') {
    // 200 all the same: to start the bridge anew would not help.
    json(200, await healthOf(facts));
  } else if (path === '/metrics') {
    const text = await registry.metrics();
    response.writeHead(200, { 'Content-Type': registry.contentType, 'Cache-Control': 'no-store' }).end(text);
  } else {
    response.writeHead(404).end();
  }
}

async function healthOf(facts: AdminFacts): Promise<object> {
  const troubles = facts.troubles();
  const reasons = await facts.notReady();
  return {
    ...(troubles.length === 0 ? { status: 'ok' } : { status: 'degraded', troubles }),
    ...(reasons.length === 0 ? { ready: true } : { ready: false, reasons }),
  };
}
