import type { Pop3Command, Pop3Context } from '../command.ts';
import { Pop3Reply } from '../reply.ts';

/** RFC 1939 sections 4 and 6: in the transaction state, this is when deletions happen. */
export const quit: Pop3Command = async (context) => {
  if (context.state === 'transaction') await removeDeleted(context);
  return { text: 'The server is signing off.', after: async () => context.end() };
};

/** If messages could not be removed, the client is told; the connection ends anyway. */
async function removeDeleted({ maildrop }: Pop3Context): Promise<void> {
  const total = maildrop.deleted;
  const left = await maildrop.commit().catch((cause: unknown) => {
    throw new Pop3Reply('The deleted messages could not all be removed.', { code: 'SYS/TEMP', bye: true, cause });
  });
  if (left === 0) return;
  throw new Pop3Reply(`${left} of ${total} deleted messages could not be removed.`, { code: 'SYS/TEMP', bye: true });
}
