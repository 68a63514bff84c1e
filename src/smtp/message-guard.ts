import type { Readable } from 'node:stream';
import { CrlfChecker, LineEndError } from '../message/line-ends.ts';
import { SmtpReply } from './session.ts';

/**
 * A message's octets, which fail with the right reply at the first bare CR or LF and beyond the size limit.
 * A bare LF is refused rather than mended: what one server takes for the end of a message another takes for content,
 * and a second message can be smuggled in between. The stream is left as it is when the reader stops early.
 */
export async function* guarded(stream: Readable, maxBytes: number): AsyncGenerator<Buffer> {
  const checker = new CrlfChecker(maxBytes);
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      checker.push(chunk);
      yield chunk;
    }
    checker.end();
  } catch (error) {
    throw error instanceof LineEndError ? replyOf(error, maxBytes) : error;
  }
}

function replyOf(error: LineEndError, maxBytes: number): SmtpReply {
  if (error.kind === 'too-large') {
    return new SmtpReply(552, '5.3.4', `Message is larger than the ${maxBytes} octets accepted here`);
  }
  const what = error.kind === 'bare-lf' ? 'LF without CR' : 'CR without LF';
  return new SmtpReply(554, '5.6.11', `Message holds a ${what}; end every line with CRLF (RFC 5321 section 2.3.8)`);
}
