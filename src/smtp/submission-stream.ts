import type { SMTPServerDataStream } from 'smtp-server';
import { SMTPStream } from 'smtp-server/lib/smtp-stream.js';
import { hasMoreLinesThan } from '../base/sockets/command-bound.ts';
import type { LineEndFault } from '../message/line-ends.ts';
import { DataDecoder, type EndOfData, type WrongEnd } from './data-decoder.ts';

/** How long a client may wait after a wrong end before it gets the reply. */
const wrongEndWaitMs = 5000;
/**
 * For an end that lacks an octet, which TCP may be retransmitting: its fifth attempt comes half a minute after the
 * first.
 */
const incompleteEndWaitMs = 35_000;

export interface SubmissionStreamOptions {
  /** Called at each DATA. */
  endOfData(): EndOfData;
  /** The client has sent a wrong end of its message, and waits. */
  onWrongEnd(end: WrongEnd): void;
  /** Called at each chunk of commands: lines that may arrive together. */
  maxLinesAtOnce(): number;
  /** More lines arrived; none of them is taken. */
  onTooManyLines(): void;
  /** Default: five seconds. */
  readonly wrongEndWaitMs?: number | undefined;
}

/** The library's parser of what a client sends, with its own decoding of DATA; see {@link DataDecoder}. */
export class SubmissionStream extends SMTPStream {
  readonly #options: SubmissionStreamOptions;
  #decoder = new DataDecoder();
  #waiting: NodeJS.Timeout | undefined;

  constructor(options: SubmissionStreamOptions) {
    super();
    this.#options = options;
  }

  /** The first line end of the message that was not CRLF. */
  get lineEndFault(): LineEndFault | undefined {
    return this.#decoder.fault;
  }

  /** The wrong end at the end of the message so far. */
  get wrongEnd(): WrongEnd | undefined {
    return this._dataMode ? this.#decoder.wrongEnd : undefined;
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, next: (error?: Error | null) => void): void {
    const tooMany = !this._dataMode && !this.isClosed && hasMoreLinesThan(this.#options.maxLinesAtOnce(), chunk);
    if (tooMany) {
      this.#options.onTooManyLines();
      next();
    } else super._write(chunk, encoding, next);
  }

  override startDataMode(maxBytes?: number | string | null): SMTPServerDataStream {
    this.#decoder = new DataDecoder(this.#options.endOfData());
    return super.startDataMode(maxBytes);
  }

  override _feedDataStream(chunk: Buffer, done: (error?: Error | null) => void): void {
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    const { content, endsAt } = this.#decoder.push(chunk);
    if (endsAt !== undefined) {
      this._endDataMode(content, chunk.subarray(endsAt), done);
      return;
    }
    const stream = this._dataStream;
    const resume = () => {
      // A stream that the application destroys never drains; it only closes.
      stream?.off('drain', resume).off('close', resume);
      this.#watchForWrongEnd();
      done();
    };
    if (content.length === 0 || !stream?.writable || stream.write(content)) resume();
    else stream.on('drain', resume).on('close', resume);
  }

  #watchForWrongEnd(): void {
    const { wrongEnd } = this.#decoder;
    if (!wrongEnd) return;
    const waitMs = wrongEnd.incomplete ? incompleteEndWaitMs : (this.#options.wrongEndWaitMs ?? wrongEndWaitMs);
    const tell = () => {
      if (!this.isClosed && this.#waiting === timer) this.#options.onWrongEnd(wrongEnd);
    };
    // Whatever arrived while this process was busy is read first.
    const timer = setTimeout(() => setImmediate(tell), waitMs);
    timer.unref();
    this.#waiting = timer;
  }
}
