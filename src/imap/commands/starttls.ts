import { command, noArguments } from '../command.ts';
import { ImapReply } from '../reply.ts';

/** RFC 9051 section 6.2.1. Anything the client sent before the handshake is discarded unread. */
export const starttls = command(noArguments, async (context) => {
  if (context.secure) throw new ImapReply('BAD', 'TLS is active already.');
  if (!context.canStartTls) throw new ImapReply('BAD', 'TLS is not available on this port.');
  context.expectTls();
  return { text: 'Begin TLS negotiation now.', after: () => context.startTls() };
});
