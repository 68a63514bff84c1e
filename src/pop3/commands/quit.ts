import type { Pop3Command } from '../command.ts';
import { Pop3Reply } from '../reply.ts';

/** RFC 1939 sections 4 and 6: in the transaction state, the moment at which deletions happen. */
export const quit: Pop3Command = async (context) => {
  const after = async (): Promise<void> => context.end();
  const left = context.state === 'transaction' ? await context.maildrop.commit() : 0;
  if (left > 0) throw new Pop3Reply('Some deleted messages were not removed.', { code: 'SYS/TEMP', bye: true });
  return { text: 'The server is signing off.', after };
};
