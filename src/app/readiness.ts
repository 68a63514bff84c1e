import type { NotReadyReason } from '../admin/facts.ts';
import { BridgeError } from '../base/errors.ts';
import type { QueueStore } from '../queue/store.ts';

/** If there is no room for a message of this size, clients are better served elsewhere. */
const usualMessageBytes = 100 * 1024;

/** Whether this bridge should get clients, as a load balancer asks at `/readyz`. */
export class Readiness {
  readonly #store: Pick<QueueStore, 'assertRoom'>;
  #isDraining = false;

  constructor(store: Pick<QueueStore, 'assertRoom'>) {
    this.#store = store;
  }

  /** From now on no new clients should come. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Reasons against it; empty if there are none. Never rejects. */
  async notReady(): Promise<readonly NotReadyReason[]> {
    const queue = await this.#queueTrouble();
    return [
      ...(this.#isDraining ? [{ code: 'draining', text: 'The bridge is about to stop.' }] : []),
      ...(queue ? [queue] : []),
    ];
  }

  async #queueTrouble(): Promise<NotReadyReason | undefined> {
    try {
      // Asks the store directly: the queue would log a line whenever the answer changes.
      await this.#store.assertRoom(usualMessageBytes);
      return undefined;
    } catch (error) {
      if (error instanceof BridgeError) return { code: error.code, text: error.message };
      return { code: 'queue-unreachable', text: 'The queue cannot be reached.' };
    }
  }
}
