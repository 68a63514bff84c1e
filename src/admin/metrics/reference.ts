import type { MetricObject } from 'prom-client';
import type { AdminFacts } from '../facts.ts';
import { countedMetrics, metricsOf } from './registry.ts';

/** A metric, as described. */
export interface DescribedMetric {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

const nothing: Omit<AdminFacts, 'observed'> = {
  notReady: async () => [],
  queue: async () => ({}),
  clients: () => ({}),
  workers: async () => [],
  sharing: () => ({ instances: 0, leases: 0 }),
  alerts: () => [],
  troubles: () => [],
  signIns: async () => [],
};

/** Every metric that a bridge reports about itself, by name; not including those of a Node.js process. */
export function describedMetrics(): DescribedMetric[] {
  const registry = metricsOf({
    ...nothing,
    observed: {
      counted: countedMetrics().registry,
      version: '',
      instance: '',
      oldestQueuedAtMs: async () => undefined,
      tokens: () => [],
      expiries: async () => [],
    },
  });
  return (registry.getMetricsAsArray() as unknown as readonly (MetricObject & { readonly labelNames: string[] })[])
    .filter(({ name }) => name.startsWith('mailbridge_'))
    .map(({ name, type, help, labelNames }) => ({ name, type: String(type), labels: labelNames, help }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
