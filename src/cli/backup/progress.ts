import { octets } from '../queue/text.ts';
import type { CliIo } from '../terminal/io.ts';

const everyMs = 200;

/** How far a long command is, on one line of a terminal; elsewhere nothing. */
export class Progress {
  readonly #stderr: CliIo['stderr'];
  readonly #what: string;
  #shownAtMs = 0;
  #bytes = 0;

  /** @param what is being done */
  constructor({ stderr }: Pick<CliIo, 'stderr'>, what: string) {
    this.#stderr = stderr;
    this.#what = what;
  }

  /** @param total 0 where it is not known */
  add(bytes: number, total: number): void {
    this.#bytes += bytes;
    this.#show(total > 0 ? `${octets(this.#bytes)} of ${octets(total)}` : octets(this.#bytes));
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shownAtMs > 0) this.#stderr.write('\r\u001b[K');
    this.#shownAtMs = 0;
  }

  #show(text: string): void {
    if (!this.#stderr.isTTY || performance.now() - this.#shownAtMs < everyMs) return;
    this.#shownAtMs = performance.now();
    this.#stderr.write(`\r\u001b[K${this.#what}: ${text}`);
  }
}
