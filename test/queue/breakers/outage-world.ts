import type { ConnectionPart, ConnectionTrouble } from '../../../src/message/delivery.ts';
import type { QueueLimits } from '../../../src/queue/limits/limits.ts';
import type { QueueOptions } from '../../../src/queue/queue.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { meteredQueue, Upstream } from '../metered-world.ts';
import { recordedLog } from '../recorded-log.ts';

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;

/** How Microsoft's side looks during an outage. */
export const outages: Readonly<Record<string, ConnectionTrouble>> = {
  'Entra ID answers 503': trouble('graph-token', 'token-temporarily-unavailable', 'HTTP 503'),
  'Entra ID answers 503 with Retry-After': {
    ...trouble('graph-token', 'token-temporarily-unavailable', 'HTTP 503'),
    retryAfterMs: 20_000,
  },
  'the name cannot be resolved': trouble('graph', 'upstream-name-unknown', 'ENOTFOUND'),
  'the port refuses connections': trouble('graph', 'upstream-unreachable', 'ECONNREFUSED'),
  'the certificate is not trusted': {
    ...trouble('graph', 'upstream-certificate-untrusted', 'SELF_SIGNED_CERT_IN_CHAIN'),
    outcome: 'needs-admin',
    remedy: 'Give that CA certificate as caFile.',
  },
};

export function trouble(part: ConnectionPart, code: string, text: string): ConnectionTrouble {
  return { part, outcome: 'temporary', code, text, isSure: true };
}

/** An upstream that has an outage when told so, and counts the attempts that come anyway. */
export class OutageUpstream extends Upstream {
  outage: ConnectionTrouble | undefined;
  /** When probes came. */
  readonly probes: number[] = [];

  constructor(clock: FakeClock, random?: () => number) {
    super(clock, random);
    this.answer = () => this.#said();
  }

  readonly probe: NonNullable<QueueOptions['probe']> = async (connection, part) => {
    this.probes.push(this.clock.now());
    return connection === 'contoso' && part === this.outage?.part ? this.outage : undefined;
  };

  #said() {
    if (!this.outage) return {};
    const { outcome, code, text } = this.outage;
    return { outcome, code, text, trouble: this.outage };
  }
}

/** A queue with an upstream that has outages; its log is kept, and the writes to its store are counted. */
export function outageQueue(
  limits: Partial<QueueLimits> = {},
  { folder, clock = new FakeClock(), upstream = new OutageUpstream(clock) }: Partial<OutageParts> = {},
  overrides: Partial<QueueOptions> = {},
) {
  const { log, lines } = recordedLog();
  const world = meteredQueue(
    limits,
    { clock, upstream, ...(folder === undefined ? {} : { folder }) },
    { log, probe: upstream.probe, ...overrides },
  );
  const writes = { messages: 0, pauses: 0 };
  for (const name of ['record', 'defer', 'giveUp', 'hasten', 'release'] as const) {
    counted(world.store, name, () => writes.messages++);
  }
  for (const name of ['setPause', 'endPause'] as const) counted(world.store, name, () => writes.pauses++);
  return { ...world, upstream, lines, writes };
}

interface OutageParts {
  readonly folder: string;
  readonly clock: FakeClock;
  readonly upstream: OutageUpstream;
}

function counted(store: object, name: string, count: () => void): void {
  const methods = store as Record<string, (...values: unknown[]) => unknown>;
  const method = methods[name] as (...values: unknown[]) => unknown;
  methods[name] = (...values) => {
    count();
    return method.apply(store, values);
  };
}
