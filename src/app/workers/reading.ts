import { availableParallelism } from 'node:os';
import type { WorkerFacts } from '../../admin/facts.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Config, ListenerConfig } from '../../config/schema.ts';
import type { ServedElsewhere } from '../../listeners/listener.ts';
import type { SharedIndexes } from '../../mailstores/graph/index/postgres/shared-indexes.ts';
import { type ReadListenerSettings, sessionOptions } from '../../reading/host.ts';
import type { ReadSessionOptions } from '../../reading/login.ts';
import { TranslatedMaildrops } from '../../reading/maildrops.ts';
import type { BridgeState } from '../bridge-state.ts';
import { sharedIndexes } from '../instances/shared-indexes.ts';
import type { ListenerTls } from '../listener-certificates.ts';
import type { Observation } from '../observing/observation.ts';
import { BridgeReadingHost } from './bridge-host.ts';
import type { WorkerPool } from './pool.ts';

export interface ReadingParts {
  readonly config: Config;
  readonly hostname: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly observation: Pick<Observation, 'traffic'>;
  state(): BridgeState;
}

const loginTimeoutMs = 3 * 60_000;
/** RFC 9051 section 5.4 and RFC 1939 section 3 require at least 30 and 10 minutes. */
const readIdleTimeoutMs = 31 * 60_000;

const mostAutoWorkers = 8;

type ReadingListener = ListenerConfig & { readonly protocol: 'imap' | 'pop3' };

/** Shared by the listeners for reading clients: the host of their sessions, and the workers, if there are any. */
export class BridgeReading {
  readonly #parts: ReadingParts;
  readonly #host: BridgeReadingHost;
  readonly #maildrops: TranslatedMaildrops;
  readonly #indexes: SharedIndexes | undefined;
  #pool: WorkerPool | undefined;

  private constructor(parts: ReadingParts) {
    this.#parts = parts;
    const { config, clock, log, state } = parts;
    const { maxConnectionsPerAccount, graphCacheMegabytes, graphPollSeconds, graphRequestsPerTenMinutes } =
      config.limits;
    this.#indexes = sharedIndexes(config);
    this.#host = new BridgeReadingHost(state, maxConnectionsPerAccount, {
      settings: {
        dataDir: config.dataDir,
        cacheBytes: graphCacheMegabytes * 1024 * 1024,
        pollMs: graphPollSeconds * 1000,
        requests: { requests: graphRequestsPerTenMinutes, windowMs: 10 * 60_000 },
        share: this.#indexes?.share,
      },
      ...{ clock, log },
    });
    this.#maildrops = new TranslatedMaildrops((mailbox, holder) => this.#host.lockMaildrop(mailbox, holder));
  }

  /** Starts the configured workers; with one, everything stays in this process. */
  static async open(parts: ReadingParts): Promise<BridgeReading> {
    const reading = new BridgeReading(parts);
    const workers = workersOf(parts.config);
    if (workers > 1) {
      const { WorkerPool } = await import('./pool.ts');
      const { clock, log, state, observation } = parts;
      const onTraffic = observation.traffic.bind(observation);
      reading.#pool = await WorkerPool.start([], { workers, host: reading.#host, clock, log, state, onTraffic });
    }
    return reading;
  }

  /** Serves the clients of a listener in workers; undefined if they are served here. */
  elsewhere(settings: ReadListenerSettings): ServedElsewhere | undefined {
    return this.#pool?.add(settings);
  }

  /** The sessions of a listener that are served here. */
  sessions(settings: ReadListenerSettings): ReadSessionOptions {
    return sessionOptions(settings, this.#host, this.#maildrops, this.#parts.log);
  }

  /** Another configuration is in force. */
  reloaded(): void {
    this.#pool?.useConnections();
  }

  /** Facts about the workers, for an administrator. */
  async workers(): Promise<readonly WorkerFacts[]> {
    return (await this.#pool?.facts()) ?? [];
  }

  async close(): Promise<void> {
    await this.#pool?.close();
    this.#host.close();
    await this.#indexes?.close();
  }

  /** The settings of a listener for reading clients. */
  settings(listener: ListenerConfig, protocol: 'imap' | 'pop3', tls: ListenerTls | undefined): ReadListenerSettings {
    const { config, hostname } = this.#parts;
    const { host, port, security, allowInsecureAuth, cramMd5 } = listener;
    const { maxConnections, maxConnectionsPerAddress } = config.limits;
    return {
      ...{ protocol, host, port, security, allowInsecureAuth, cramMd5 },
      ...(tls ? { tls } : {}),
      ...(listener.proxyProtocol && { proxyProtocol: listener.proxyProtocol }),
      name: `${hostname} mailbridge`,
      limits: { maxConnections, maxConnectionsPerAddress, loginTimeoutMs, idleTimeoutMs: readIdleTimeoutMs },
    };
  }
}

function readingListeners({ listeners }: Pick<Config, 'listeners'>): ReadingListener[] {
  return listeners.filter((listener): listener is ReadingListener => listener.protocol !== 'smtp');
}

/** Processes to serve reading clients; 1: the main process itself. */
function workersOf({ workers, listeners, accounts }: Pick<Config, 'workers' | 'listeners' | 'accounts'>): number {
  if (readingListeners({ listeners }).length === 0) return 1;
  // All sessions of a mailbox share its index.
  if (accounts.some(({ read }) => read === 'graph')) return 1;
  return workers === 'auto' ? Math.min(mostAutoWorkers, Math.max(1, availableParallelism() - 1)) : workers;
}
