import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Log } from '../base/log.ts';
import { boundSockets } from './bounded-sockets.ts';

/** A part of a connection that is in trouble, for which its mail waits. */
export interface ConnectionTroubleFacts {
  readonly connection: string;
  /** `graph-token`, `exchange-token`, `graph`, `smtp`. */
  readonly part: string;
  readonly state: string;
  readonly since: string;
  readonly nextProbe: string;
  readonly code: string;
  readonly text: string;
  readonly remedy?: string;
}

/** What an administrator may look at. Nothing of it is secret. */
export interface AdminFacts {
  /** Messages in the queue, by state. */
  queue(): Readonly<Record<string, number>>;
  /** Empty where everything works. */
  troubles(): readonly ConnectionTroubleFacts[];
  /** Connections that work in a person's name, and whether that person has to sign in (again). */
  signIns(): Promise<readonly { readonly connection: string; readonly isNeeded: boolean }[]>;
}

export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Listens for whoever watches the bridge: `GET /health` answers 200 while it runs, and tells of connections in trouble;
 * `GET /metrics` is for Prometheus.
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
      log.error({ error }, 'cannot collect the metrics');
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
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD' }).end();
  } else if (path === '/health') {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    const troubles = facts.troubles();
    // 200 all the same: to start the bridge anew would not help.
    const health = troubles.length === 0 ? { status: 'ok' } : { status: 'degraded', troubles };
    response.end(`${JSON.stringify(health)}\n`);
  } else if (path === '/metrics') {
    const text = await registry.metrics();
    response.writeHead(200, { 'Content-Type': registry.contentType, 'Cache-Control': 'no-store' }).end(text);
  } else {
    response.writeHead(404).end();
  }
}

function metricsOf(facts: AdminFacts): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, label: string, values: () => Promise<Readonly<Record<string, number>>>) =>
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      async collect() {
        this.reset();
        for (const [key, value] of Object.entries(await values())) this.set({ [label]: key }, value);
      },
    });
  gauge('mailbridge_queue_messages', 'Messages in the queue, by state.', 'state', async () => facts.queue());
  new Gauge({
    name: 'mailbridge_connection_paused',
    help: 'Parts of connections in trouble, for which their mail waits: 1; those that work are not listed.',
    labelNames: ['connection', 'part'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { connection, part } of facts.troubles()) this.set({ connection, part }, 1);
    },
  });
  gauge(
    'mailbridge_sign_in_needed',
    'Whether somebody has to sign in (again) for a connection: 1 or 0.',
    'connection',
    async () =>
      Object.fromEntries((await facts.signIns()).map(({ connection, isNeeded }) => [connection, isNeeded ? 1 : 0])),
  );
  return registry;
}
