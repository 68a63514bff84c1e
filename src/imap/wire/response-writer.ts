import type { Duplex, Readable } from 'node:stream';
import { PacedWriter } from '../../base/sockets/paced-writer.ts';
import { responseText } from './format.ts';

/** Writes responses, in text of one octet per character. */
export class ImapWriter extends PacedWriter {
  constructor(stream: Duplex, timeoutMs: number) {
    super(stream, 'latin1', timeoutMs);
  }

  untagged(text: string): void {
    this.raw(`* ${text}\r\n`);
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

  /** A literal held in memory. */
  async literalOctets(octets: Buffer): Promise<void> {
    this.raw(`{${octets.length}}\r\n`);
    await this.octets(octets);
  }
}
