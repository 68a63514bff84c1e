import { once } from 'node:events';
import type { Duplex, Readable } from 'node:stream';
import { responseText } from './format.ts';
import { ConnectionEnded } from './octet-reader.ts';

/** Octets gathered before they go to the socket. */
const flushBytes = 16 * 1024;

/** Writes responses: many small ones in one write, large ones no faster than the client takes them. */
export class ResponseWriter {
  #stream: Duplex;
  #pending = '';

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  switchTo(stream: Duplex): void {
    this.#stream = stream;
  }

  /** Octets, one per character. Nothing is sent before {@link flush}, {@link drained} or a tagged response. */
  raw(octets: string): void {
    this.#pending += octets;
  }

  untagged(text: string): void {
    this.raw(`* ${text}\r\n`);
  }

  tagged(tag: string, status: 'OK' | 'NO' | 'BAD' | 'BYE', text: string, code?: string): void {
    this.raw(`${tag} ${status} ${code === undefined ? '' : `[${code}] `}${responseText(text)}\r\n`);
    this.flush();
  }

  /** A continuation request, sent at once. */
  continuation(text: string): void {
    this.raw(`+ ${text}\r\n`);
    this.flush();
  }

  /** Sends what is pending. @returns whether the client keeps up */
  flush(): boolean {
    const octets = this.#pending;
    this.#pending = '';
    if (octets === '' || !this.#stream.writable) return true;
    return this.#stream.write(octets, 'latin1');
  }

  /** Sends what is pending once it is worth it, and waits if the client does not keep up. */
  async drained(): Promise<void> {
    if (this.#pending.length >= flushBytes && !this.flush()) await this.#drain();
  }

  /** A literal of known size. @throws ConnectionEnded, also if the content fails: half a literal cannot be mended */
  async literal(size: number, content: Readable): Promise<void> {
    this.raw(`{${size}}\r\n`);
    this.flush();
    let left = size;
    try {
      for await (const chunk of content) {
        left -= (chunk as Buffer).length;
        if (left < 0) break;
        if (!this.#stream.write(chunk)) await this.#drain();
      }
      if (left !== 0) throw new Error('The message has not the size its store announced.');
    } catch (error) {
      this.#stream.destroy();
      throw new ConnectionEnded('A literal could not be sent to its end.', { cause: error });
    }
  }

  /** A literal held in memory. */
  async literalOctets(octets: Buffer): Promise<void> {
    this.raw(`{${octets.length}}\r\n`);
    this.flush();
    if (!this.#stream.write(octets)) await this.#drain();
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
