import { setTimeout as sleep } from 'node:timers/promises';
import type { SendingLimits } from '../delivery/sending-limits.ts';
import type { Faults, GraphOperation } from '../faults.ts';
import { type HttpAnswer, type IncomingHttpRequest, withFault } from '../http/http-server.ts';
import { GraphFault } from './graph-error.ts';
import type { GraphRequests } from './graph-requests.ts';
import type { GraphBehaviour } from './mail/behaviour.ts';
import { limitError } from './mail/submit-message.ts';
import type { MailboxConcurrency } from './mailbox-concurrency.ts';
import { stagedAnswer } from './staged-answer.ts';

export interface MailboxGateSettings {
  readonly concurrency: MailboxConcurrency;
  readonly limits: SendingLimits;
  readonly requests: GraphRequests;
  readonly behaviour: GraphBehaviour;
  readonly faults: Faults;
}

/** A request to a mailbox. */
export interface GatedRequest {
  readonly operation: GraphOperation;
  readonly appId: string;
  readonly mailbox: string;
  readonly http: IncomingHttpRequest;
}

/** Handles every request to a mailbox: counts it, applies the limits, the delay, and its fault. */
export class MailboxGate {
  readonly #settings: MailboxGateSettings;

  constructor(settings: MailboxGateSettings) {
    this.#settings = settings;
  }

  /** @throws GraphFault 429 beyond a limit, and what the request throws */
  pass(about: GatedRequest, perform: () => Promise<HttpAnswer>): Promise<HttpAnswer> {
    const { operation, appId, mailbox, http } = about;
    const { concurrency, limits, requests, behaviour, faults } = this.#settings;
    return requests.counted(operation, mailbox, async () => {
      const exceeded = limits.admitGraphRequest(appId, mailbox);
      if (exceeded) throw limitError(exceeded);
      return concurrency.run(appId, mailbox, async () => {
        if (behaviour.latencyMs > 0) await sleep(behaviour.latencyMs);
        const fault = faults.take('graph', mailbox, operation);
        return withFault(fault, () => this.#sized(mailbox, perform), stagedAnswer, http);
      });
    });
  }

  /** Counts a request that is too large as a violation. */
  async #sized(mailbox: string, perform: () => Promise<HttpAnswer>): Promise<HttpAnswer> {
    try {
      return await perform();
    } catch (error) {
      const tooLarge = error instanceof GraphFault && error.code === 'RequestEntityTooLarge';
      if (tooLarge) this.#settings.limits.violated('requestSize', mailbox);
      throw error;
    }
  }
}
