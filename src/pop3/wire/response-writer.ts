import type { Duplex, Readable } from 'node:stream';
import { PacedWriter } from '../../base/sockets/paced-writer.ts';
import { safeLine } from '../../base/visible.ts';
import { dotStuffed } from './dot-stuffing.ts';

/** Writes replies. */
export class Pop3Writer extends PacedWriter {
  constructor(stream: Duplex, timeoutMs: number) {
    super(stream, 'utf8', timeoutMs);
  }

  /** Sends a reply with everything pending, as does {@link error}; it must be sent before the next command is read. */
  ok(text: string): void {
    this.line(`+OK ${safeLine(text)}`.trimEnd());
    this.flush();
  }

  error(text: string, code?: string): void {
    this.line(`-ERR ${code === undefined ? '' : `[${code}] `}${safeLine(text)}`);
    this.flush();
  }

  /** Writes a line, not sent before {@link flush} or {@link drained}. */
  line(text: string): void {
    this.raw(`${text}\r\n`);
  }

  /**
   * Writes a message with its final dot.
   * @throws ConnectionEnded, also if the content fails, because half a message must not look complete; WriteTimeout
   */
  async message(content: Readable | AsyncIterable<Buffer>): Promise<void> {
    this.flush();
    try {
      for await (const chunk of dotStuffed(content)) await this.octets(chunk);
    } catch (error) {
      throw this.breakOff('A message could not be sent completely.', error);
    }
  }
}
