import { SmtpUpstreamError } from './smtp-error.ts';

/** The places of one mailbox. */
interface Places {
  taken: number;
  readonly waiting: (() => void)[];
}

/**
 * How many connections of each mailbox may be in use at the same time, over all pools that share these places:
 * Microsoft counts them for the mailbox, whoever opens them.
 */
export class SmtpPlaces {
  readonly #perMailbox: number;
  readonly #mailboxes = new Map<string, Places>();

  /** @param perMailbox 1 or more; Exchange Online allows 3 (Microsoft: "Exchange Online limits") */
  constructor(perMailbox: number) {
    this.#perMailbox = perMailbox;
  }

  /**
   * Takes a place, waiting while there is none.
   * @returns gives it back
   * @throws SmtpUpstreamError when `signal` ends the wait
   */
  async take(mailbox: string, signal: AbortSignal): Promise<() => void> {
    const key = mailbox.toLowerCase();
    const places = this.#mailboxes.get(key) ?? { taken: 0, waiting: [] };
    this.#mailboxes.set(key, places);
    if (places.taken < this.#perMailbox) places.taken += 1;
    else await waitForTurn(places, signal);
    return () => this.#giveBack(key, places);
  }

  /** A place is handed on without being given up, so that nobody slips in between. */
  #giveBack(key: string, places: Places): void {
    const next = places.waiting.shift();
    if (next !== undefined) {
      next();
      return;
    }
    places.taken -= 1;
    if (places.taken === 0) this.#mailboxes.delete(key);
  }
}

function waitForTurn({ waiting }: Places, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onTurn = () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
    const onAbort = () => {
      waiting.splice(waiting.indexOf(onTurn), 1);
      reject(givenUp());
    };
    if (signal.aborted) return reject(givenUp());
    signal.addEventListener('abort', onAbort, { once: true });
    waiting.push(onTurn);
  });
}

/** The caller's signal came before there was a connection. */
export function givenUp(): SmtpUpstreamError {
  return new SmtpUpstreamError('The attempt was given up while waiting for a connection.', {
    stage: 'connect',
    aborted: true,
  });
}
