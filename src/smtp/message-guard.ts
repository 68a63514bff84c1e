import type { Readable } from 'node:stream';
import { CrlfChecker, LineEndError, type LineEndFault } from '../message/line-ends.ts';
import { SmtpReply } from './session.ts';

/** Neither mail nor commands may contain a NUL (RFC 5321 section 4.5.2): some programs read nothing after it. */
export function holdsNul(octets: Uint8Array): boolean {
  return octets.includes(0);
}

/**
 * Passes a message's octets, and fails with the right reply beyond the size limit, at the first NUL, and at the first
 * line end that `fault` reports. Independently of `fault`, no bare CR or LF gets through: what one server takes for the
 * end of a message another takes for content, so a second message could be smuggled in between. If the reader stops
 * early, the stream is left as it is.
 */
export async function* guarded(
  stream: Readable,
  maxBytes: number,
  fault: () => LineEndFault | undefined,
): AsyncGenerator<Buffer> {
  const checker = new CrlfChecker(maxBytes);
  const assertSound = () => {
    const kind = fault();
    if (kind) throw replyOf(kind, maxBytes);
  };
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      assertSound();
      checker.push(chunk);
      if (holdsNul(chunk)) throw new SmtpReply(554, '5.6.0', nulText);
      yield chunk;
    }
    assertSound();
    checker.end();
  } catch (error) {
    throw error instanceof LineEndError ? replyOf(error.kind, maxBytes) : error;
  }
}

const nulText = 'Message holds a NUL octet, which no mail may hold (RFC 5321 section 4.5.2)';

function replyOf(kind: LineEndFault, maxBytes: number): SmtpReply {
  if (kind === 'too-large') {
    return new SmtpReply(552, '5.3.4', `Message is larger than the ${maxBytes} octets accepted here`);
  }
  const what = kind === 'bare-lf' ? 'LF without CR' : 'CR without LF';
  return new SmtpReply(554, '5.6.11', `Message holds a ${what}; end every line with CRLF (RFC 5321 section 2.3.8)`);
}
