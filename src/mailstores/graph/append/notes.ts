import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import type { AppendNotes } from '../index/authority.ts';

/** A message that is about to be stored. */
export interface AppendNote {
  /** What it is found by at Graph. */
  readonly marker: string;
  /** An earlier command with the same message has ended without anybody knowing whether it is stored. */
  readonly isAgain: boolean;
  /** @param isKnown what came of it; else it is looked for when the message comes once more. Never rejects */
  end(isKnown: boolean): Promise<void>;
}

/** Mail programs send a message again within minutes, or when they are started the next time. */
const keptMs = 3 * 24 * 60 * 60_000;

/**
 * Messages of which nobody knows whether they were stored: the answer was lost, or the bridge broke down. When the same
 * message comes once more for the same folder it is looked for first.
 */
export class UnsettledAppends {
  readonly #notes: AppendNotes;
  readonly #clock: Clock;
  readonly #underWay = new Set<string>();

  constructor(notes: AppendNotes, clock: Clock) {
    this.#notes = notes;
    this.#clock = clock;
  }

  /** @param what names folder and message */
  async begin(what: string): Promise<AppendNote> {
    // The same message at the same time is no second try: both are wanted.
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
    // A note that stays costs a look when the same message comes once more. What is stored is stored.
    if (isKnown) await this.#notes.remove(what).catch(() => {});
  }
}
