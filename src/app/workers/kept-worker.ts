import type { WorkerFacts } from '../../admin/facts.ts';
import type { Clock } from '../../base/clock.ts';
import { BridgeError, errorText } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Worker } from './worker.ts';

export interface KeptWorkerOptions {
  /** The first is 1. */
  readonly number: number;
  /** Starts a process. */
  open(ended: (why: string, cut: number) => void): Worker;
  readonly clock: Clock;
  readonly log: Log;
}

/** Wait before an ended worker is started again; doubles each time. */
const firstWaitMs = 250;
const longestWaitMs = 60_000;

/** A worker that ran this long resets the wait. */
const provenMs = 60_000;

/** Keeps one worker running: if it ends, it is started again after a wait. */
export class KeptWorker {
  readonly #options: KeptWorkerOptions;
  #worker: Worker | undefined;
  #starts = 0;
  #startedAtMs = 0;
  #waitMs = firstWaitMs;
  #cancel = (): void => {};
  #isClosed = false;

  constructor(options: KeptWorkerOptions) {
    this.#options = options;
    this.#start();
  }

  /** Undefined while it waits to be started again. */
  get worker(): Worker | undefined {
    return this.#worker;
  }

  async facts(): Promise<WorkerFacts> {
    const worker = this.#worker;
    return {
      worker: this.#options.number,
      clients: worker?.clients ?? 0,
      starts: this.#starts,
      usage: worker?.takesClients ? await worker.usage().catch(() => undefined) : undefined,
    };
  }

  /** Ends the worker, and with it what it serves. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#worker?.close();
  }

  #start(): void {
    const { clock, open } = this.#options;
    this.#starts++;
    this.#startedAtMs = clock.now();
    try {
      this.#worker = open((why, cut) => this.#ended(why, cut));
    } catch (error) {
      this.#ended(errorText(error), 0);
    }
  }

  #ended(why: string, cut: number): void {
    this.#worker = undefined;
    if (this.#isClosed) return;
    const { clock, log, number } = this.#options;
    if (clock.now() - this.#startedAtMs >= provenMs) this.#waitMs = firstWaitMs;
    const waitMs = this.#waitMs;
    this.#waitMs = Math.min(longestWaitMs, waitMs * 2);
    const text = `Worker ${number} ended unexpectedly (${why}) and closed ${cut} client connections.`;
    const error = new BridgeError('worker-ended', text, { details: { worker: number, cut } });
    log.error({ error }, `${text} It restarts in ${waitMs} ms.`);
    this.#cancel = clock.after(waitMs, () => this.#start());
  }
}
