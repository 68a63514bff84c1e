import type { Clock } from '../../../base/clock.ts';
import type { Log } from '../../../base/log.ts';
import type { LogTail } from '../log/log-tail.ts';

/** A change, as reported to open pages. */
export type AdminEvent =
  /** A message has arrived or changed state. Without an id: more messages than are reported one by one. */
  | { readonly kind: 'message'; readonly data: { readonly id?: string; readonly state?: string } }
  /** A hop of a check has begun or ended; or the check is done. */
  | { readonly kind: 'check'; readonly data: object }
  /** An alert has begun or ended. */
  | { readonly kind: 'alert'; readonly data: object }
  | { readonly kind: 'log'; readonly data: object }
  | { readonly kind: 'overview'; readonly data: object };

/** Where the bridge reports changes. */
export interface EventSink {
  tell(event: AdminEvent): void;
}

export interface EventHubOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly logTail: LogTail;
  overview(): Promise<object>;
}

/** At most one overview in this time. */
const overviewMs = 1_000;
/** Poll interval for what nobody reports: a sign-in, a client. */
const lookMs = 5_000;
/** Single messages reported in a second; beyond that only the fact that there are more. */
const messagesPerSecond = 100;

/** Distributes events to listeners. While there are none, nothing is produced. */
export class EventHub implements EventSink {
  readonly #options: EventHubOptions;
  readonly #listeners = new Set<(event: AdminEvent) => void>();
  #endLog: (() => void) | undefined;
  #cancelTick: (() => void) | undefined;
  #lastOverview = '';
  #isStale = true;
  #ticks = 0;
  #told = 0;

  constructor(options: EventHubOptions) {
    this.#options = options;
  }

  tell(event: AdminEvent): void {
    if (this.#listeners.size === 0) return;
    if (event.kind === 'message' && ++this.#told > messagesPerSecond) {
      this.#isStale = true;
      return;
    }
    if (event.kind !== 'log') this.#isStale = true;
    this.#spread(event);
  }

  /** @returns a function that ends it */
  listen(told: (event: AdminEvent) => void): () => void {
    this.#listeners.add(told);
    if (this.#listeners.size === 1) this.#begin();
    return () => {
      this.#listeners.delete(told);
      if (this.#listeners.size === 0) this.close();
    };
  }

  close(): void {
    this.#endLog?.();
    this.#cancelTick?.();
    this.#endLog = this.#cancelTick = undefined;
  }

  #begin(): void {
    this.#endLog = this.#options.logTail.subscribe((line) => this.tell({ kind: 'log', data: line }));
    this.#isStale = true;
    this.#lastOverview = '';
    this.#tick();
  }

  #tick(): void {
    const { clock, log } = this.#options;
    this.#cancelTick = clock.after(overviewMs, () => this.#tick());
    if (this.#told > messagesPerSecond) this.#spread({ kind: 'message', data: {} });
    this.#told = 0;
    this.#ticks += 1;
    if (!this.#isStale && (this.#ticks * overviewMs) % lookMs !== 0) return;
    this.#isStale = false;
    this.#tellOverview().catch((error: unknown) => log.debug({ error }, 'cannot build the overview for the pages'));
  }

  async #tellOverview(): Promise<void> {
    const overview = await this.#options.overview();
    const text = JSON.stringify(overview);
    if (text === this.#lastOverview) return;
    this.#lastOverview = text;
    this.#spread({ kind: 'overview', data: overview });
  }

  #spread(event: AdminEvent): void {
    for (const told of this.#listeners) told(event);
  }
}
