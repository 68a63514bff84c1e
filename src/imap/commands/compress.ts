import { command } from '../command.ts';
import { ImapReply } from '../reply.ts';

/** RFC 4978. */
export const compress = command(
  (scanner) => {
    scanner.space();
    return scanner.atom().toUpperCase();
  },
  async (context, mechanism) => {
    if (mechanism !== 'DEFLATE') throw new ImapReply('BAD', 'Only DEFLATE is known.');
    if (context.compressed) {
      throw new ImapReply('NO', 'DEFLATE is active already.', { code: 'COMPRESSIONACTIVE' });
    }
    return { text: 'DEFLATE active.', after: () => context.compress() };
  },
);
