import type { CliIo } from './io.ts';
import { cutTo, widthOf } from './width.ts';

const quietMs = 1000;
const toLineStart = '\r\u001b[K';

/**
 * Reports work that takes more than a second: a line on the terminal's standard error, with the seconds, that
 * disappears again. Without a terminal it shows nothing.
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

  /** Changes the text. */
  say(text: string): void {
    this.#text = text;
    if (this.#isShown) this.#show();
  }

  /** Removes the line before another is written; it comes back. */
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
    // In the last column some terminals would continue on the next line.
    stderr.write(`${toLineStart}${cutTo(`${this.#text} … ${seconds} s`, widthOf(stderr, env) - 1)}`);
    this.#isShown = true;
  }
}

/** Does something, and reports it once it takes more than a second. */
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
