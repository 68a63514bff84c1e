import type { Clock } from '../base/clock.ts';
import type { Breakers } from './breakers/breakers.ts';
import type { Destination } from './destination.ts';
import type { LeaseChanges } from './lease-changes.ts';
import type { Admission, AdmissionRefused } from './limits/direct.ts';
import type { MailWatch } from './mail-watch.ts';
import { destinationOf } from './message.ts';
import type { OpenDestinations } from './open-destinations.ts';
import type { Ownership } from './ownership/ownership.ts';
import type { DirectSubmission } from './scheduler-options.ts';

export interface DirectAdmissionOptions {
  readonly clock: Clock;
  readonly breakers: Breakers;
  readonly destinations: OpenDestinations;
  readonly leases: LeaseChanges;
  readonly mailWatch: MailWatch;
  readonly ownership: Pick<Ownership, 'acquire'>;
}

const shortestRetryMs = 1000;
/** How long opening a destination may take at least, however little patience the client has. */
const openingMs = 1000;

/** Admits deliveries outside the queue once this instance owns their destination and knows its limits. */
export class DirectAdmission {
  readonly #options: DirectAdmissionOptions;

  constructor(options: DirectAdmissionOptions) {
    this.#options = options;
  }

  /** See {@link Queue.admit}. */
  async admit(delivery: DirectSubmission, patienceMs: number): Promise<Admission | AdmissionRefused> {
    const { clock, destinations } = this.#options;
    const untilMs = clock.now() + patienceMs;
    const key = destinationOf(delivery);
    const early = this.#inTrouble(delivery, destinations.get(key));
    if (early) return early;
    const destination = await this.#acquired(key, patienceMs);
    if (!destination) return { admitted: false, retryAfterMs: shortestRetryMs };
    const leftMs = Math.max(0, untilMs - clock.now());
    return this.#inTrouble(delivery, destination) ?? (await destination.admit(delivery, leftMs));
  }

  /**
   * The refusal if nothing is attempted for now. If the trouble may only be other mailboxes', this one waits to be the
   * next probe.
   */
  #inTrouble(
    { connection, couriers }: DirectSubmission,
    destination: Destination | undefined,
  ): AdmissionRefused | undefined {
    const { breakers, clock } = this.#options;
    const gate = breakers.gate(connection);
    const opens = couriers.map((courier) => (gate.mayStart(courier) ? undefined : gate.open(courier)));
    const open = opens.every(Boolean) ? opens[0] : undefined;
    if (!open || !(open.trouble.isSure || destination?.metTrouble)) return undefined;
    const retryAfterMs = Math.max(shortestRetryMs, open.nextProbeAtMs - clock.now());
    return { admitted: false, retryAfterMs, trouble: open.trouble };
  }

  /** The destination, as soon as this instance owns it and it may begin. */
  async #acquired(key: string, patienceMs: number): Promise<Destination | undefined> {
    const { clock, destinations, leases, mailWatch, ownership } = this.#options;
    const untilMs = clock.now() + patienceMs;
    if (!mailWatch.isReachable || !(await ownership.acquire(key, patienceMs))) return undefined;
    const there = leases.leaseOf(key) && destinations.get(key);
    if (there) return there;
    return await new Promise((resolve) => {
      const cancel = clock.after(Math.max(openingMs, untilMs - clock.now()), () => resolve(undefined));
      void destinations.open(key).then((destination) => {
        cancel();
        resolve(destination);
      });
    });
  }
}
