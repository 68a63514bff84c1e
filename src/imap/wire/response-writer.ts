import type { Duplex, Readable } from 'node:stream';
import { PacedWriter } from '../../base/sockets/paced-writer.ts';
import { formatMailbox, responseText } from './format.ts';

/** Notices that wait for the end of a response; of more the last are told. */
const maxNotices = 10;

/** Writes responses, in text of one octet per character. */
export class ImapWriter extends PacedWriter {
  /** The client takes folders' names in UTF-8. */
  utf8 = false;
  #inResponse = false;
  #notices: string[] = [];

  constructor(stream: Duplex, timeoutMs: number) {
    super(stream, 'latin1', timeoutMs);
  }

  untagged(text: string): void {
    this.raw(`* ${text}\r\n`);
  }

  /** A folder's name as this client reads it. */
  mailbox(name: string): string {
    return formatMailbox(name, this.utf8);
  }

  /** What {@link raw} and the literals write from here on is one response; news wait until {@link endResponse}. */
  beginResponse(text: string): void {
    this.#inResponse = true;
    this.raw(`* ${text}`);
  }

  endResponse(text: string): void {
    this.raw(`${text}\r\n`);
    this.#inResponse = false;
    for (const notice of this.#notices.splice(0)) this.untagged(`OK ${notice}`);
  }

  /** `* OK text`, sent at once, or as soon as the response under way is complete. */
  notice(text: string): void {
    if (this.#inResponse) {
      this.#notices = [...this.#notices.slice(-maxNotices + 1), responseText(text)];
      return;
    }
    this.untagged(`OK ${responseText(text)}`);
    this.flush();
  }

  /** A tagged response, sent with all that is pending; before the next command is read, it has to be taken. */
  tagged(tag: string, status: 'OK' | 'NO' | 'BAD' | 'BYE', text: string, code?: string): void {
    this.raw(`${tag} ${status} ${code === undefined ? '' : `[${code}] `}${responseText(text)}\r\n`);
    this.flush();
  }

  /** A continuation request, sent with all that is pending. @throws ConnectionEnded, WriteTimeout */
  async continuation(text: string): Promise<void> {
    this.raw(`+ ${text}\r\n`);
    await this.sent();
  }

  /**
   * A literal of known size.
   * @throws ConnectionEnded, also if the content fails: half a literal cannot be repaired; WriteTimeout
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

  /** A literal held in memory. @param as `~` for a literal that may hold NUL (RFC 3516 section 4.2) */
  async literalOctets(octets: Buffer, as: '' | '~' = ''): Promise<void> {
    this.raw(`${as}{${octets.length}}\r\n`);
    await this.octets(octets);
  }
}
