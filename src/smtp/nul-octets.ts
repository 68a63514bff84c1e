import { SmtpReply } from './session.ts';

/** No mail and no command may hold a NUL (RFC 5321 section 4.5.2), and of what follows one not every program reads on. */
export function holdsNul(octets: Uint8Array): boolean {
  return octets.includes(0);
}

/** A message's octets, which fail with the right reply at the first NUL. */
export async function* withoutNul(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of content) {
    if (holdsNul(chunk)) {
      throw new SmtpReply(554, '5.6.0', 'Message holds a NUL octet, which no mail may hold (RFC 5321 section 4.5.2)');
    }
    yield chunk;
  }
}
