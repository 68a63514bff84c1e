import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import type { AppendNotes } from '../index/authority.ts';

/** A message about to be stored. */
export interface AppendNote {
  /** The marker that finds it at Graph. */
  readonly marker: string;
  /** An earlier command with the same message ended without a known outcome. */
  readonly isAgain: boolean;
  /**
   * @param isKnown true if the outcome is known; otherwise the message is looked for when it is sent again. Never
   * rejects
   */
  end(isKnown: boolean): Promise<void>;
}

/** Mail programs send a message again within minutes, or when they next start. */
const keptMs = 3 * 24 * 60 * 60_000;

/**
 * Messages whose outcome is unknown because the answer was lost or the bridge crashed. When the same message is sent
 * again for the same folder, it is looked for first.
 */
export class UnsettledAppends {
  readonly #notes: AppendNotes;
  readonly #clock: Clock;
  readonly #underWay = new Set<string>();

  constructor(notes: AppendNotes, clock: Clock) {
    this.#notes = notes;
    this.#clock = clock;
  }

  /** @param what identifies folder and message */
  async begin(what: string): Promise<AppendNote> {
    // The same message twice at the same time is not a retry: both are wanted.
    if (this.#underWay.has(what)) return { marker: randomUUID(), isAgain: false, async end() {} };
    this.#underWay.add(what);
    try {
      const known = await this.#notes.marker(what, this.#clock.now() - keptMs);
      const marker = known ?? randomUUID();
      if (known === undefined) await this.#notes.put(what, marker, this.#clock.now());
      return { marker, isAgain: known !== undefined, end: (isKnown) => this.#end(what, isKnown) };
    } catch (error) {
      this.#underWay.delete(what);
      throw error;
    }
  }

  async #end(what: string, isKnown: boolean): Promise<void> {
    this.#underWay.delete(what);
    // A note left behind only costs a lookup when the same message is sent again. The message itself is stored.
    if (isKnown) await this.#notes.remove(what).catch(() => {});
  }
}
