import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import type { MailboxIndex } from '../index/mailbox-index.ts';

/** A message that is about to be stored. */
export interface AppendNote {
  /** What it is found by at Graph. */
  readonly marker: string;
  /** An earlier command with the same message has ended without anybody knowing whether it is stored. */
  readonly isAgain: boolean;
  /** @param isKnown what came of it; else it is looked for when the message comes once more */
  end(isKnown: boolean): void;
}

/** Mail programs send a message again within minutes, or when they are started the next time. */
const keptMs = 3 * 24 * 60 * 60_000;

/**
 * Messages of which nobody knows whether they were stored: the answer was lost, or the bridge broke down. When the same
 * message comes once more for the same folder it is looked for first.
 */
export class UnsettledAppends {
  readonly #index: MailboxIndex;
  readonly #clock: Clock;
  readonly #underWay = new Set<string>();

  constructor(index: MailboxIndex, clock: Clock) {
    this.#index = index;
    this.#clock = clock;
  }

  /** @param what names folder and message */
  begin(what: string): AppendNote {
    // The same message at the same time is no second try: both are wanted.
    if (this.#underWay.has(what)) return { marker: randomUUID(), isAgain: false, end() {} };
    this.#underWay.add(what);
    const { appends } = this.#index;
    const known = appends.marker(what, this.#clock.now() - keptMs);
    const marker = known ?? randomUUID();
    if (known === undefined) appends.put(what, marker, this.#clock.now());
    return {
      ...{ marker, isAgain: known !== undefined },
      end: (isKnown) => {
        this.#underWay.delete(what);
        if (isKnown) appends.remove(what);
      },
    };
  }
}
