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

/** Why a balancer should send no clients here now. */
export interface NotReadyReason {
  /** `draining`, `queue-full`, `queue-unreachable`. */
  readonly code: string;
  readonly text: string;
}

/** A worker process. */
export interface WorkerFacts {
  /** 1 is the first. */
  readonly worker: number;
  /** Connections that it serves. */
  readonly clients: number;
  /** How often it was started. */
  readonly starts: number;
  /** Undefined while it does not run, or does not answer. */
  readonly usage: { readonly cpuSeconds: number; readonly residentBytes: number } | undefined;
}

/** How this instance shares its queue with others. */
export interface SharingFacts {
  /** Instances that run, this one among them, as it saw them last. */
  readonly instances: number;
  /** Mailboxes that this one delivers. */
  readonly leases: number;
}

/** What an administrator may look at. Nothing of it is secret. */
export interface AdminFacts {
  /** Empty where clients are welcome. Never rejects. */
  notReady(): Promise<readonly NotReadyReason[]>;
  /** Messages in the queue, by state. */
  queue(): Promise<Readonly<Record<string, number>>>;
  /** Client connections, by protocol, whichever process serves them. */
  clients(): Readonly<Record<string, number>>;
  /** Empty where one process does everything. */
  workers(): Promise<readonly WorkerFacts[]>;
  /** Left out where no other instance can share the queue. */
  sharing?(): SharingFacts;
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
  gauge('mailbridge_queue_messages', 'Messages in the queue, by state.', 'state', () => facts.queue());
  gauge(
    'mailbridge_client_connections',
    'Connections of clients, by protocol, over all workers.',
    'protocol',
    async () => facts.clients(),
  );
  addWorkerMetrics(registry, facts);
  if (facts.sharing) addSharingMetrics(registry, facts.sharing);
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

const workerMetrics: readonly (readonly [
  name: string,
  help: string,
  of: (worker: WorkerFacts) => number | undefined,
])[] = [
  ['connections', 'Connections of clients that a worker serves.', ({ clients }) => clients],
  ['starts', 'How often a worker was started; more than 1: it ended by itself.', ({ starts }) => starts],
  ['cpu_seconds', 'Processor time of a worker since its last start.', ({ usage }) => usage?.cpuSeconds],
  ['resident_memory_bytes', 'Resident memory of a worker.', ({ usage }) => usage?.residentBytes],
];

/** The default metrics are those of the main process alone. */
function addWorkerMetrics(registry: Registry, facts: AdminFacts): void {
  let asked: Promise<readonly WorkerFacts[]> | undefined;
  /** Once for all that are told together. */
  const workers = () => {
    asked ??= facts.workers().finally(() => {
      asked = undefined;
    });
    return asked;
  };
  for (const [name, help, of] of workerMetrics) {
    new Gauge({
      name: `mailbridge_worker_${name}`,
      help,
      labelNames: ['worker'],
      registers: [registry],
      async collect() {
        this.reset();
        for (const each of await workers()) {
          const value = of(each);
          if (value !== undefined) this.set({ worker: String(each.worker) }, value);
        }
      },
    });
  }
}

function addSharingMetrics(registry: Registry, sharing: () => SharingFacts): void {
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  gauge('mailbridge_instances', 'Instances that share the queue and run.', () => sharing().instances);
  gauge('mailbridge_leases_held', 'Mailboxes that this instance delivers.', () => sharing().leases);
}
