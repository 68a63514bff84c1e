import type { Clock } from '../base/clock.ts';
import { type RecordTable, recordKinds, type StoredRecord } from '../base/record-table.ts';
import type { QueuedMessage } from '../queue/message.ts';
import type { DuplicateDrops } from './duplicate-drops.ts';

/** What became of a message that may be a duplicate. */
export type Claim =
  /** The same message is here already, under this id. */
  | { readonly duplicateOf: string }
  /** It is the first: call `keep` when it is accepted, or `release` when it is not. */
  | { readonly duplicateOf: undefined; keep(): void; release(): void };

export interface DuplicateFilterOptions {
  readonly records: RecordTable;
  readonly clock: Clock;
  /** Other instances use the records: they are told of a message while it is being accepted, too. */
  readonly isShared: boolean;
  /** Whether a message that was accepted has reached nobody, and will not. */
  wasInVain(id: string): Promise<boolean>;
  /** Told of each duplicate. */
  readonly drops: Pick<DuplicateDrops, 'note'>;
}

/** A message that is being accepted is nobody's any more so long after its instance has died. */
const claimMs = 20_000;
const renewMs = claimMs / 4;
/** Until then nobody knows whether a message that another instance has is accepted. */
const lookMs = 250;

/**
 * Remembers messages for a while, so that the same one from an impatient client is not sent twice: also where the
 * client did not get its 250 because the bridge died. It is written softly: what a loss of power takes from it costs a
 * duplicate at most.
 *
 * A record says of a fingerprint `kept ID`, until its window is over; or `claimed ID` of a message that an instance is
 * accepting right now.
 */
export class DuplicateFilter {
  readonly #options: DuplicateFilterOptions;
  /** What is being accepted here, until that is written. */
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(options: DuplicateFilterOptions) {
    this.#options = options;
  }

  /**
   * Waits while the same message is being accepted over another connection. One that has failed since is no reason to
   * drop the next: its sender may well send it again because it has failed.
   * @param id what the message will be called
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
      // The disk is full or away, and others say so. The log has it as well.
      await this.#options.drops.note(earlier).catch(() => {});
      return { duplicateOf: earlier };
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Which message is here already; undefined: from now on it is this one. */
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
          // The disk is full or away, and others say so. The message is accepted all the same.
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

  /** @returns what ends it */
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
    // Of an instance that was frozen, the claim may be another's by now.
    if (there?.value !== claim) return;
    const options = { expiresAtMs: now + claimMs, soft: true, ifVersion: there.version };
    await records.put(recordKinds.duplicate, fingerprint, claim, options);
  }

  /** Otherwise the claim ends with its time. */
  async #unclaim(fingerprint: string, claim: string): Promise<void> {
    const { records, clock } = this.#options;
    try {
      const there = await records.get(recordKinds.duplicate, fingerprint, clock.now());
      if (there?.value === claim) await records.delete(recordKinds.duplicate, fingerprint);
    } catch {
      // The store is away: it is over after a while.
    }
  }
}

/** A window that would last longer than windows do is over: the clock has been set back. */
function isFresh({ expiresAtMs = 0 }: StoredRecord, nowMs: number, windowMs: number): boolean {
  const leftMs = expiresAtMs - nowMs;
  return leftMs > 0 && leftMs <= windowMs;
}

/** Whether nobody got a message, and nobody will unless an administrator steps in. */
export function isInVain({ state, recipients }: QueuedMessage): boolean {
  const isOver = state === 'failed' || state === 'quarantined';
  return isOver && recipients.every((each) => each.state !== 'delivered');
}
