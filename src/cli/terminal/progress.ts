import type { CliIo } from './io.ts';
import { cutTo, widthOf } from './width.ts';

const quietMs = 1000;
const toLineStart = '\r\u001b[K';

/**
 * Says what takes more than a second: a line on standard error of a terminal, with the seconds, that goes away again.
 * Elsewhere it says nothing.
 */
export class Progress {
  readonly #io: Pick<CliIo, 'stderr' | 'env'>;
  readonly #startedAt = performance.now();
  #text: string;
  #timer: NodeJS.Timeout | undefined;
  #isShown = false;

  constructor(io: Pick<CliIo, 'stderr' | 'env'>, text: string) {
    this.#io = io;
    this.#text = text;
    if (io.stderr.isTTY) this.#timer = setInterval(() => this.#show(), quietMs).unref();
  }

  /** Says something else from now on. */
  say(text: string): void {
    this.#text = text;
    if (this.#isShown) this.#show();
  }

  /** Takes the line away, before another is written; it comes back. */
  clear(): void {
    if (this.#isShown) this.#io.stderr.write(toLineStart);
    this.#isShown = false;
  }

  end(): void {
    clearInterval(this.#timer);
    this.clear();
  }

  #show(): void {
    const seconds = Math.round((performance.now() - this.#startedAt) / 1000);
    const { stderr, env } = this.#io;
    // In the last column some terminals would go on to the next line.
    stderr.write(`${toLineStart}${cutTo(`${this.#text} … ${seconds} s`, widthOf(stderr, env) - 1)}`);
    this.#isShown = true;
  }
}

/** Does something, and says so once it takes more than a second. */
export async function withProgress<T>(
  io: Pick<CliIo, 'stderr' | 'env'>,
  text: string,
  work: () => Promise<T>,
): Promise<T> {
  const progress = new Progress(io, text);
  try {
    return await work();
  } finally {
    progress.end();
  }
}
