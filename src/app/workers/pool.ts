import type { WorkerFacts } from '../../admin/facts.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log, LogOptions } from '../../base/log.ts';
import type { ServedElsewhere } from '../../listeners/listener.ts';
import type { ReadingHost, ReadListenerSettings } from '../../reading/host.ts';
import type { BridgeState } from '../bridge-state.ts';
import { KeptWorker } from './kept-worker.ts';
import type { ConnectionPlaces, ToldWorker } from './messages.ts';
import { Worker } from './worker.ts';

export interface WorkerPoolOptions {
  /** Number of processes, 2 or more. */
  readonly workers: number;
  readonly host: ReadingHost;
  readonly clock: Clock;
  readonly log: Log;
  state(): Pick<BridgeState, 'upstreams'>;
  /** Called with the octets over the connections of clients. */
  onTraffic?(protocol: 'imap' | 'pop3', received: number, sent: number): void;
}

/** Longer than a start takes. */
const startMs = 10_000;

/** A worker that does not cut its clients in time is killed. */
const overdueMs = 2_000;

/**
 * The worker processes. Distributes clients among them; clients that no worker takes are served by the main process.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #listeners: ReadListenerSettings[];
  readonly #kept: readonly KeptWorker[];
  #turn = 0;

  /** @param listeners those for reading clients; {@link serving} refers to them by index */
  private constructor(listeners: readonly ReadListenerSettings[], options: WorkerPoolOptions) {
    this.#options = options;
    this.#listeners = [...listeners];
    this.#kept = Array.from({ length: options.workers }, (_, index) => {
      const { clock, log } = options;
      return new KeptWorker({ number: index + 1, clock, log, open: (ended) => this.#open(ended) });
    });
  }

  /** Starts the workers, and waits until they are ready, or fail, or take too long. */
  static async start(listeners: readonly ReadListenerSettings[], options: WorkerPoolOptions): Promise<WorkerPool> {
    const pool = new WorkerPool(listeners, options);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, startMs);
    await Promise.race([Promise.all(pool.#kept.map(({ worker }) => worker?.ready)), late]);
    clearTimeout(timer);
    options.log.info({ workers: options.workers }, `${options.workers} workers serve IMAP and POP3 clients`);
    return pool;
  }

  /** Serves the clients of one more listener. */
  add(settings: ReadListenerSettings): ServedElsewhere {
    this.#tell({ kind: 'listener', settings });
    return this.serving(this.#listeners.push(settings) - 1);
  }

  /** Serves the clients of a listener. */
  serving(listener: number): ServedElsewhere {
    const clients = new OpenClients();
    return {
      take: (socket, remoteAddress, ended) => {
        const worker = this.#leastBusy();
        if (worker === undefined) return false;
        worker.take(listener, socket, remoteAddress, clients.add(ended));
        return true;
      },
      updateTls: (tls) => {
        const settings = this.#listeners[listener];
        if (settings) this.#listeners[listener] = { ...settings, tls };
        this.#tell({ kind: 'tls', listener, tls });
      },
      close: async (graceMs) => {
        this.#tell({ kind: 'close', listener, graceMs });
        const timer = setTimeout(() => this.#killBusy(), graceMs + overdueMs);
        await clients.gone();
        clearTimeout(timer);
      },
    };
  }

  /** Another configuration is in force. */
  useConnections(): void {
    this.#tell({ kind: 'connections', connections: this.#connections() });
  }

  facts(): Promise<readonly WorkerFacts[]> {
    return Promise.all(this.#kept.map((kept) => kept.facts()));
  }

  /** Ends all workers, and with them what they serve. */
  async close(): Promise<void> {
    await Promise.all(this.#kept.map((kept) => kept.close()));
  }

  #open(ended: (why: string, cut: number) => void): Worker {
    const { host, log, onTraffic } = this.#options;
    const connections = this.#connections();
    const logLevel = log.level as LogOptions['level'];
    return new Worker({
      start: { listeners: this.#listeners, connections, logLevel },
      host,
      log,
      ended,
      ...(onTraffic && { onTraffic }),
    });
  }

  #workers(): Worker[] {
    return this.#kept.flatMap(({ worker }) => worker ?? []);
  }

  /** Takes turns among equally busy ones: many clients only stay for a moment. */
  #leastBusy(): Worker | undefined {
    const able = this.#workers().filter(({ takesClients }) => takesClients);
    const least = Math.min(...able.map(({ clients }) => clients));
    const candidates = able.filter(({ clients }) => clients === least);
    return candidates[this.#turn++ % candidates.length];
  }

  #tell(news: ToldWorker): void {
    for (const worker of this.#workers()) worker.tell(news);
  }

  #killBusy(): void {
    for (const worker of this.#workers()) if (worker.clients > 0) worker.kill();
  }

  #connections(): ConnectionPlaces {
    const places = this.#options
      .state()
      .upstreams.values()
      .map(({ name, endpoints, ca }) => {
        const { imap, pop3 } = endpoints;
        return [name, { endpoints: { imap, pop3 }, ca }] as const;
      });
    return Object.fromEntries(places);
  }
}

/** Counts the clients of a listener. */
class OpenClients {
  readonly #none: (() => void)[] = [];
  #count = 0;

  /** @returns a function that calls `ended` and counts one less */
  add(ended: () => void): () => void {
    this.#count++;
    return () => {
      ended();
      if (--this.#count === 0) for (const resolve of this.#none.splice(0)) resolve();
    };
  }

  gone(): Promise<void> {
    return new Promise((resolve) => (this.#count === 0 ? resolve() : void this.#none.push(resolve)));
  }
}
