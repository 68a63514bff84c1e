import type { Clock } from '../base/clock.ts';
import { type RecordTable, recordKinds, type StoredRecord } from '../base/record-table.ts';
import type { QueuedMessage } from '../queue/message.ts';
import type { DuplicateDrops } from './duplicate-drops.ts';

/** The result for a message that may be a duplicate. */
export type Claim =
  /** The same message is already here, under this id. */
  | { readonly duplicateOf: string }
  /** It is the first: call `keep` when it is accepted, or `release` when it is not. */
  | { readonly duplicateOf: undefined; keep(): void; release(): void };

export interface DuplicateFilterOptions {
  readonly records: RecordTable;
  readonly clock: Clock;
  /** Other instances use the records, so they also have to see a message while it is being accepted. */
  readonly isShared: boolean;
  /** Whether an accepted message has reached nobody, and will not. */
  wasInVain(id: string): Promise<boolean>;
  /** Records each duplicate. */
  readonly drops: Pick<DuplicateDrops, 'note'>;
}

/** How long after an instance has died its claim on a message it was accepting ends. */
const claimMs = 20_000;
const renewMs = claimMs / 4;
/** Poll interval while it is unknown whether another instance accepts a message. */
const lookMs = 250;

/**
 * Remembers messages for a while, so that a repetition from an impatient client is not sent twice, even if the client
 * did not get its 250 because the bridge died. Written softly: what a loss of power undoes costs a duplicate at most.
 *
 * The record of a fingerprint is `kept ID` until its window is over, or `claimed ID` for a message that an instance is
 * accepting right now.
 */
export class DuplicateFilter {
  readonly #options: DuplicateFilterOptions;
  /** Messages being accepted here, until that is written. */
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(options: DuplicateFilterOptions) {
    this.#options = options;
  }

  /**
   * Waits while the same message is being accepted over another connection. A message that has failed since is no
   * reason to drop the next: its sender may well send it again because it has failed.
   * @param id the id of the new message
   * @param windowMs how long it counts as the same
   * @throws what the store throws
   */
  async claim(fingerprint: string, id: string, windowMs: number): Promise<Claim> {
    for (let other = this.#underWay.get(fingerprint); other; other = this.#underWay.get(fingerprint)) await other;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#underWay.set(fingerprint, promise);
    const end = () => {
      this.#underWay.delete(fingerprint);
      resolve();
    };
    try {
      const earlier = await this.#earlier(fingerprint, id, windowMs);
      if (earlier === undefined) return this.#first(fingerprint, id, windowMs, end);
      end();
      // The disk is full or the store unreachable, which is reported elsewhere. The log has it as well.
      await this.#options.drops.note(earlier).catch(() => {});
      return { duplicateOf: earlier };
    } catch (error) {
      end();
      throw error;
    }
  }

  /** The id of the message that is already here; undefined: from now on it is this one. */
  async #earlier(fingerprint: string, id: string, windowMs: number): Promise<string | undefined> {
    const { records, clock, isShared, wasInVain } = this.#options;
    for (;;) {
      const now = clock.now();
      const claim = { expiresAtMs: now + claimMs, soft: true };
      const there = isShared
        ? await records.add(recordKinds.duplicate, fingerprint, `claimed ${id}`, now, claim)
        : await records.get(recordKinds.duplicate, fingerprint, now);
      if (!there) return undefined;
      const [word, other = ''] = there.value.split(' ');
      if (word === 'kept') {
        if (isFresh(there, now, windowMs) && !(await wasInVain(other))) return other;
        if (!isShared) return undefined;
        const instead = { ...claim, ifVersion: there.version };
        if (await records.put(recordKinds.duplicate, fingerprint, `claimed ${id}`, instead)) return undefined;
      } else if (!isShared) return undefined;
      else await new Promise<void>((resolve) => clock.after(lookMs, resolve));
    }
  }

  #first(fingerprint: string, id: string, windowMs: number, end: () => void): Claim {
    const { records, clock, isShared } = this.#options;
    const expiresAtMs = clock.now() + windowMs;
    const endRenewal = isShared ? this.#renew(fingerprint, `claimed ${id}`) : () => {};
    return {
      duplicateOf: undefined,
      keep: () => {
        endRenewal();
        void records
          .put(recordKinds.duplicate, fingerprint, `kept ${id}`, { expiresAtMs, soft: true })
          // The disk is full or the store unreachable, which is reported elsewhere. The message is accepted anyway.
          .catch(() => {})
          .then(end);
      },
      release: () => {
        endRenewal();
        if (isShared) void this.#unclaim(fingerprint, `claimed ${id}`).then(end);
        else end();
      },
    };
  }

  /** @returns stops the renewal */
  #renew(fingerprint: string, claim: string): () => void {
    const { clock } = this.#options;
    let cancel = () => {};
    const again = () => {
      cancel = clock.after(renewMs, () => {
        this.#lengthen(fingerprint, claim).catch(() => {});
        again();
      });
    };
    again();
    return () => cancel();
  }

  async #lengthen(fingerprint: string, claim: string): Promise<void> {
    const { records, clock } = this.#options;
    const now = clock.now();
    const there = await records.get(recordKinds.duplicate, fingerprint, now);
    // If this instance was frozen, the claim may be another's by now.
    if (there?.value !== claim) return;
    const options = { expiresAtMs: now + claimMs, soft: true, ifVersion: there.version };
    await records.put(recordKinds.duplicate, fingerprint, claim, options);
  }

  /** If this fails, the claim expires. */
  async #unclaim(fingerprint: string, claim: string): Promise<void> {
    const { records, clock } = this.#options;
    try {
      const there = await records.get(recordKinds.duplicate, fingerprint, clock.now());
      if (there?.value === claim) await records.delete(recordKinds.duplicate, fingerprint);
    } catch {
      // The store is unreachable: the claim expires after a while.
    }
  }
}

/** A window longer than any is over: the clock was set back. */
function isFresh({ expiresAtMs = 0 }: StoredRecord, nowMs: number, windowMs: number): boolean {
  const leftMs = expiresAtMs - nowMs;
  return leftMs > 0 && leftMs <= windowMs;
}

/** Whether nobody got a message, and nobody will unless an administrator steps in. */
export function isInVain({ state, recipients }: QueuedMessage): boolean {
  const isOver = state === 'failed' || state === 'quarantined';
  return isOver && recipients.every((each) => each.state !== 'delivered');
}
