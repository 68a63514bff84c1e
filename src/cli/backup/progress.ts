import { octets } from '../queue/text.ts';
import type { CliIo } from '../terminal/io.ts';
import { Progress } from '../terminal/progress.ts';

/** Shows the progress of a copy. */
export class CopyProgress {
  readonly #progress: Progress;
  readonly #what: string;
  #bytes = 0;

  /** @param what is being done */
  constructor(io: Pick<CliIo, 'stderr' | 'env'>, what: string) {
    this.#progress = new Progress(io, what);
    this.#what = what;
  }

  /** @param total 0 if unknown */
  add(bytes: number, total: number): void {
    this.#bytes += bytes;
    const done = total > 0 ? `${octets(this.#bytes)} of ${octets(total)}` : octets(this.#bytes);
    this.#progress.say(`${this.#what}: ${done}`);
  }

  /** Removes the line. */
  end(): void {
    this.#progress.end();
  }
}
