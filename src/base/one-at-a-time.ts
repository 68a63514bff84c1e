/** Runs work one at a time, in order of arrival. */
export class OneAtATime {
  #last: Promise<unknown> = Promise.resolve();

  /** @returns the result of `work` */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
