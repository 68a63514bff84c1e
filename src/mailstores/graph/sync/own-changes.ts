/**
 * Messages that the bridge has changed. An answer of Graph that was under way during a change may report the former
 * state: a request made before the change ended proves nothing about the message.
 */
export class OwnChanges {
  /** In the order in which the changes ended. */
  readonly #changedAt = new Map<string, number>();
  readonly #doubtful = new Set<string>();
  #count = 0;
  /** Changes that ended up to then may have been forgotten. */
  #forgottenTo = 0;
  /** When others last wrote. */
  #othersAt = 0;
  /** Messages written by others, and when. */
  readonly #byOthers = new Map<string, number>();

  /** Number of messages remembered or being changed. */
  get size(): number {
    return this.#changedAt.size;
  }

  /** The current time of this log, to keep until an answer arrives. */
  now(): number {
    return this.#count;
  }

  /** Marks messages as being changed until the returned function is called. */
  begin(ids: readonly string[]): () => void {
    for (const id of ids) this.#changedAt.set(id, Number.POSITIVE_INFINITY);
    return () => {
      this.#count += 1;
      for (const id of ids) {
        this.#changedAt.delete(id);
        this.#changedAt.set(id, this.#count);
      }
      this.#forgetOldest();
    };
  }

  /** Tells whether a message has changed since, or is being changed; also true if that is forgotten and possible. */
  since(id: string, startedAt: number): boolean {
    return (this.#changedAt.get(id) ?? this.#forgottenTo) > startedAt;
  }

  /**
   * Another instance has written these messages, or only its progress. An answer that was under way meanwhile may be
   * older than what that instance knows, whatever it concerns; and what it has written may be older than a change in
   * progress here.
   */
  others(ids: readonly string[]): void {
    this.#count += 1;
    this.#othersAt = this.#count;
    for (const [id, changedAt] of this.#changedAt) if (changedAt === Number.POSITIVE_INFINITY) this.#doubtful.add(id);
    for (const id of ids) {
      this.#byOthers.delete(id);
      this.#byOthers.set(id, this.#count);
      if (this.#changedAt.get(id) === Number.POSITIVE_INFINITY) continue;
      this.#changedAt.delete(id);
      this.#changedAt.set(id, this.#count);
    }
    this.#forgetOldest();
  }

  /** Tells whether others have written anything since. */
  othersSince(askedAt: number): boolean {
    return this.#othersAt > askedAt;
  }

  /** Marks what others have written since as to be read again. */
  doubtOthersSince(startedAt: number): void {
    for (const [id, writtenAt] of this.#byOthers) if (writtenAt > startedAt) this.#doubtful.add(id);
  }

  /** Tells whether anything has to be read again. */
  get hasDoubts(): boolean {
    return this.#doubtful.size > 0;
  }

  /** Graph's report of a message was ignored, though others may have changed it too. */
  passedOver(id: string): void {
    this.#doubtful.add(id);
  }

  /** Takes the messages that have to be read again. */
  takeDoubtful(): readonly string[] {
    const ids = [...this.#doubtful];
    this.#doubtful.clear();
    return ids;
  }

  /** All requests made before that are over. */
  forget(startedAt: number): void {
    for (const [id, changedAt] of this.#changedAt) if (changedAt <= startedAt) this.#changedAt.delete(id);
    for (const [id, writtenAt] of this.#byOthers) if (writtenAt <= startedAt) this.#byOthers.delete(id);
  }

  /** A folder that nobody opens is never compared, so nothing of it would ever be forgotten. */
  #forgetOldest(): void {
    for (const id of this.#byOthers.keys()) {
      if (this.#byOthers.size <= mostRemembered) break;
      this.#byOthers.delete(id);
    }
    for (const [id, changedAt] of this.#changedAt) {
      if (this.#changedAt.size <= mostRemembered) return;
      if (changedAt === Number.POSITIVE_INFINITY) continue;
      this.#changedAt.delete(id);
      this.#forgottenTo = Math.max(this.#forgottenTo, changedAt);
    }
  }
}

const mostRemembered = 10_000;
