import { once } from 'node:events';
import type { Duplex, Readable } from 'node:stream';
import { dotStuffed } from './dot-stuffing.ts';
import { ConnectionEnded } from './line-reader.ts';

/** Octets gathered before they go to the socket. */
const flushBytes = 16 * 1024;

/** Writes replies: many small ones in one write, large ones no faster than the client takes them. */
export class ResponseWriter {
  #stream: Duplex;
  #pending = '';

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  switchTo(stream: Duplex): void {
    this.#stream = stream;
  }

  ok(text: string): void {
    this.line(`+OK ${oneLine(text)}`.trimEnd());
    this.flush();
  }

  error(text: string, code?: string): void {
    this.line(`-ERR ${code === undefined ? '' : `[${code}] `}${oneLine(text)}`);
    this.flush();
  }

  /** A line, not sent before {@link flush} or {@link drained}. */
  line(text: string): void {
    this.#pending += `${text}\r\n`;
  }

  /** Sends what is pending. @returns whether the client keeps up */
  flush(): boolean {
    const text = this.#pending;
    this.#pending = '';
    if (text === '' || !this.#stream.writable) return true;
    return this.#stream.write(text);
  }

  /** Sends what is pending once it is worth it, and waits if the client does not keep up. */
  async drained(): Promise<void> {
    if (this.#pending.length >= flushBytes && !this.flush()) await this.#drain();
  }

  /**
   * A message with its final dot.
   * @throws ConnectionEnded, also if the content fails: half a message must not look whole
   */
  async message(content: Readable | AsyncIterable<Buffer>): Promise<void> {
    this.flush();
    try {
      for await (const chunk of dotStuffed(content)) if (!this.#stream.write(chunk)) await this.#drain();
    } catch (error) {
      this.#stream.destroy();
      throw new ConnectionEnded('A message could not be sent to its end.', { cause: error });
    }
  }

  async #drain(): Promise<void> {
    if (this.#stream.destroyed) throw new ConnectionEnded('The connection has ended.');
    const abort = new AbortController();
    const closed = (): void => abort.abort();
    this.#stream.once('close', closed);
    try {
      await once(this.#stream, 'drain', { signal: abort.signal });
    } catch {
      throw new ConnectionEnded('The connection has ended.');
    } finally {
      this.#stream.off('close', closed);
    }
  }
}

function oneLine(text: string): string {
  return text.replace(/[\r\n\0]+/g, ' ').trim();
}
