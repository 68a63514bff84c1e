import type { Pop3Command } from '../command.ts';
import { Pop3Reply } from '../reply.ts';

/** RFC 2595 section 4. Anything the client sent before the handshake is discarded unread. */
export const stls: Pop3Command = async (context) => {
  if (context.secure) throw new Pop3Reply('TLS is active already.');
  if (!context.canStartTls) throw new Pop3Reply('TLS is not available on this port.');
  context.expectTls();
  return { text: 'Begin TLS negotiation now.', after: () => context.startTls() };
};
