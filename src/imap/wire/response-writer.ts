import type { Duplex, Readable } from 'node:stream';
import { PacedWriter } from '../../base/sockets/paced-writer.ts';
import { formatMailbox, responseText } from './format.ts';

/** Notices kept until the end of a response; if there are more, the last ones are kept. */
const maxNotices = 10;

/** Writes responses, as text with one byte per character. */
export class ImapWriter extends PacedWriter {
  /** The client accepts folder names in UTF-8. */
  utf8 = false;
  #inResponse = false;
  #notices: string[] = [];

  constructor(stream: Duplex, timeoutMs: number) {
    super(stream, 'latin1', timeoutMs);
  }

  untagged(text: string): void {
    this.raw(`* ${text}\r\n`);
  }

  /** A folder name as this client expects it. */
  mailbox(name: string): string {
    return formatMailbox(name, this.utf8);
  }

  /**
   * Begins one response made of what {@link raw} and the literals write next; notices wait until {@link endResponse}.
   */
  beginResponse(text: string): void {
    this.#inResponse = true;
    this.raw(`* ${text}`);
  }

  endResponse(text: string): void {
    this.raw(`${text}\r\n`);
    this.#inResponse = false;
    for (const notice of this.#notices.splice(0)) this.untagged(`OK ${notice}`);
  }

  /** `* OK text`, sent at once, or once the current response is complete. */
  notice(text: string): void {
    if (this.#inResponse) {
      this.#notices = [...this.#notices.slice(-maxNotices + 1), responseText(text)];
      return;
    }
    this.untagged(`OK ${responseText(text)}`);
    this.flush();
  }

  /** Writes a tagged response and sends everything pending; it must be sent before the next command is read. */
  tagged(tag: string, status: 'OK' | 'NO' | 'BAD' | 'BYE', text: string, code?: string): void {
    this.raw(`${tag} ${status} ${code === undefined ? '' : `[${code}] `}${responseText(text)}\r\n`);
    this.flush();
  }

  /** Writes a continuation request and sends everything pending. @throws ConnectionEnded, WriteTimeout */
  async continuation(text: string): Promise<void> {
    this.raw(`+ ${text}\r\n`);
    await this.sent();
  }

  /**
   * Writes a literal of known size.
   * @throws ConnectionEnded, also if the content fails, because half a literal cannot be repaired; WriteTimeout
   */
  async literal(size: number, content: Readable): Promise<void> {
    this.raw(`{${size}}\r\n`);
    this.flush();
    let left = size;
    try {
      for await (const chunk of content) {
        left -= (chunk as Buffer).length;
        if (left < 0) break;
        await this.octets(chunk as Buffer);
      }
      if (left !== 0) throw new Error('The size of the message differs from the announced one.');
    } catch (error) {
      throw this.breakOff('A literal could not be sent completely.', error);
    }
  }

  /** Writes a literal held in memory. @param as `~` for a literal that may contain NUL (RFC 3516 section 4.2) */
  async literalOctets(octets: Buffer, as: '' | '~' = ''): Promise<void> {
    this.raw(`${as}{${octets.length}}\r\n`);
    await this.octets(octets);
  }
}
