import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { AdminFacts, SharingFacts, WorkerFacts } from '../facts.ts';

/** What `/metrics` tells. */
export function metricsOf(facts: AdminFacts): Registry {
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
