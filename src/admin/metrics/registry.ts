import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { AdminFacts, ConnectionTroubleFacts, ObservedFacts, SharingFacts, WorkerFacts } from '../facts.ts';
import { BridgeCounters } from './counters.ts';

/** What is counted since the start of a bridge, and the registry for it. */
export interface CountedMetrics {
  readonly registry: Registry;
  readonly counters: BridgeCounters;
}

export function countedMetrics(): CountedMetrics {
  const registry = new Registry();
  return { registry, counters: new BridgeCounters(registry) };
}

/** The contents of `/metrics`. */
export function metricsOf(facts: AdminFacts): Registry {
  const registry = facts.observed?.counted ?? new Registry();
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
  gauge('mailbridge_client_connections', 'Client connections, by protocol, over all workers.', 'protocol', async () =>
    facts.clients(),
  );
  addWorkerMetrics(registry, facts);
  if (facts.sharing) addSharingMetrics(registry, facts.sharing);
  if (facts.observed) addObservedMetrics(registry, facts.observed);
  if (facts.alerts) addAlertMetrics(registry, facts.alerts);
  addBreakerMetrics(registry, () => facts.troubles());
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
  ['connections', 'Client connections that a worker serves.', ({ clients }) => clients],
  ['starts', 'How often a worker was started; more than 1: it ended unexpectedly.', ({ starts }) => starts],
  ['cpu_seconds', 'Processor time of a worker since its last start.', ({ usage }) => usage?.cpuSeconds],
  ['resident_memory_bytes', 'Resident memory of a worker.', ({ usage }) => usage?.residentBytes],
];

/** The default metrics only cover the main process. */
function addWorkerMetrics(registry: Registry, facts: AdminFacts): void {
  let asked: Promise<readonly WorkerFacts[]> | undefined;
  /** Once for all metrics of one scrape. */
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
  gauge('mailbridge_instances', 'Running instances that share the queue.', () => sharing().instances);
  gauge('mailbridge_leases_held', 'Mailboxes that this instance delivers.', () => sharing().leases);
}

function addAlertMetrics(registry: Registry, alerts: NonNullable<AdminFacts['alerts']>): void {
  new Gauge({
    name: 'mailbridge_alerts',
    help: 'Current alerts, by code and severity, of all instances that share the queue.',
    labelNames: ['code', 'severity'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { code, severity } of alerts()) this.inc({ code, severity });
    },
  });
}

function addBreakerMetrics(registry: Registry, troubles: () => readonly ConnectionTroubleFacts[]): void {
  new Gauge({
    name: 'mailbridge_breaker_open_seconds',
    help: 'How long parts of connections have been in trouble; state is open or probing. Those that work are not listed.',
    labelNames: ['connection', 'part', 'state'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { connection, part, state, since } of troubles()) {
        this.set({ connection, part, state }, Math.max(0, Date.now() - Date.parse(since)) / 1000);
      }
    },
  });
}

function addObservedMetrics(registry: Registry, observed: ObservedFacts): void {
  const registers = [registry];
  const { version, instance } = observed;
  new Gauge({
    name: 'mailbridge_info',
    help: 'Always 1; version of the bridge, and the name of this instance.',
    labelNames: ['version', 'instance'],
    registers,
  }).set({ version, instance }, 1);
  new Gauge({
    name: 'mailbridge_queue_oldest_seconds',
    help: 'How long the oldest queued message has been in the queue; 0 if none is queued.',
    registers,
    async collect() {
      const atMs = await observed.oldestQueuedAtMs();
      this.set(atMs === undefined ? 0 : Math.max(0, Date.now() - atMs) / 1000);
    },
  });
  new Gauge({
    name: 'mailbridge_token_expires_timestamp_seconds',
    help: 'When the cached access token expires, seconds since 1970; it is renewed automatically before that.',
    labelNames: ['connection', 'resource'],
    registers,
    collect() {
      this.reset();
      for (const { connection, resource, expiresAtMs } of observed.tokens())
        this.set({ connection, resource }, expiresAtMs / 1000);
    },
  });
  new Gauge({
    name: 'mailbridge_credential_expires_timestamp_seconds',
    help: 'When a client secret, a certificate or a sign-in ends, seconds since 1970, if known; connection is listeners for those of the listeners.',
    labelNames: ['connection', 'what'],
    registers,
    async collect() {
      this.reset();
      for (const { connection, what, atMs } of await observed.expiries())
        if (atMs !== undefined) this.set({ connection, what }, atMs / 1000);
    },
  });
}
