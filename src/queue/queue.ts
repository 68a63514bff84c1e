import type { NewMessage, QueuedMessage } from './message.ts';
import { Scheduler, type SchedulerOptions } from './scheduler.ts';
import type { Spool } from './store.ts';

/** Accepted mail that is not yet delivered, and what delivers it. */
export class Queue {
  readonly #options: SchedulerOptions;
  readonly #scheduler: Scheduler;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#scheduler = new Scheduler(options);
  }

  /** Resumes what an earlier run left. */
  start(): void {
    this.#scheduler.start();
  }

  /** Begins to take in a message; its delivery begins as soon as the commit is durable. */
  spool(): Spool {
    const spool = this.#options.store.spool();
    return {
      id: spool.id,
      get size() {
        return spool.size;
      },
      write: (chunk) => spool.write(chunk),
      open: () => spool.open(),
      discard: () => spool.discard(),
      commit: async (message: NewMessage): Promise<QueuedMessage> => {
        const queued = await spool.commit(message);
        this.#scheduler.accepted(queued);
        return queued;
      },
    };
  }

  /** Tries again what waits: settings have changed. Never rejects. */
  async retryNow(): Promise<void> {
    await this.#scheduler.retryNow();
  }

  /** Waits up to `graceMs` for attempts under way, then breaks them off; the rest stays for the next run. */
  async stop(graceMs: number): Promise<void> {
    await this.#scheduler.stop(graceMs);
    await this.#options.store.close();
  }
}
