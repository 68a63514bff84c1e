/**
 * Messages that we have changed. Graph may tell their former state in an answer that was under way meanwhile: what was
 * asked for before our change ended says nothing of it.
 */
export class OwnChanges {
  /** The one that ended first stands first. */
  readonly #changedAt = new Map<string, number>();
  readonly #doubtful = new Set<string>();
  #count = 0;
  /** What ended until then may have been forgotten. */
  #forgottenTo = 0;
  /** When others have written last. */
  #othersAt = 0;
  /** Messages that others have written, with when that was. */
  readonly #byOthers = new Map<string, number>();

  /** Messages that are remembered, or being changed. */
  get size(): number {
    return this.#changedAt.size;
  }

  /** To be kept until an answer is there. */
  now(): number {
    return this.#count;
  }

  /** Messages are being changed, until the returned function is called. */
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

  /** Whether a message has changed since, or is being changed; also where that is forgotten and may be so. */
  since(id: string, startedAt: number): boolean {
    return (this.#changedAt.get(id) ?? this.#forgottenTo) > startedAt;
  }

  /**
   * Another instance has written, of these messages or only how far it has come. An answer that was under way meanwhile may
   * be older than what that instance knows, whatever it is about; and what it has written may be older than a change that
   * we are making.
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

  /** Whether others have written anything since. */
  othersSince(askedAt: number): boolean {
    return this.#othersAt > askedAt;
  }

  /** What others have written since has to be read once more. */
  doubtOthersSince(startedAt: number): void {
    for (const [id, writtenAt] of this.#byOthers) if (writtenAt > startedAt) this.#doubtful.add(id);
  }

  /** Whether something has to be read once more. */
  get hasDoubts(): boolean {
    return this.#doubtful.size > 0;
  }

  /** What Graph has told of a message was passed over, though somebody else may have changed it too. */
  passedOver(id: string): void {
    this.#doubtful.add(id);
  }

  /** Messages that have to be read once more. */
  takeDoubtful(): readonly string[] {
    const ids = [...this.#doubtful];
    this.#doubtful.clear();
    return ids;
  }

  /** What was asked for before that is over. */
  forget(startedAt: number): void {
    for (const [id, changedAt] of this.#changedAt) if (changedAt <= startedAt) this.#changedAt.delete(id);
    for (const [id, writtenAt] of this.#byOthers) if (writtenAt <= startedAt) this.#byOthers.delete(id);
  }

  /** A folder that nobody opens is never compared, and so nothing of it would be forgotten. */
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
