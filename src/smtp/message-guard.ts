import { Transform, type TransformCallback } from 'node:stream';
import { CrlfChecker, LineEndError } from '../message/line-ends.ts';
import { SmtpReply } from './session.ts';

/**
 * Passes a message through and fails with the right reply at the first bare CR or LF and beyond the size limit.
 * A bare LF is refused rather than mended: what one server takes for the end of a message another takes for content,
 * and a second message can be smuggled in between.
 */
export class MessageGuard extends Transform {
  readonly #checker: CrlfChecker;
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    super();
    this.#maxBytes = maxBytes;
    this.#checker = new CrlfChecker(maxBytes);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    this.#check(() => this.#checker.push(chunk), callback, chunk);
  }

  override _flush(callback: TransformCallback): void {
    this.#check(() => this.#checker.end(), callback);
  }

  #check(step: () => void, callback: TransformCallback, chunk?: Buffer): void {
    try {
      step();
    } catch (error) {
      callback(error instanceof LineEndError ? this.#reply(error) : (error as Error));
      return;
    }
    callback(null, chunk);
  }

  #reply(error: LineEndError): SmtpReply {
    if (error.kind === 'too-large') {
      return new SmtpReply(552, '5.3.4', `Message is larger than the ${this.#maxBytes} octets accepted here`);
    }
    const what = error.kind === 'bare-lf' ? 'LF without CR' : 'CR without LF';
    return new SmtpReply(554, '5.6.11', `Message holds a ${what}; end every line with CRLF (RFC 5321 section 2.3.8)`);
  }
}
