import { command, noArguments } from '../command.ts';
import { deletedAmong } from './expunge.ts';

/** CLOSE (RFC 9051 section 6.4.1): removes messages marked as deleted, without reporting each. */
export const close = command(noArguments, async (context) => {
  const { folder } = context;
  if (!folder.open.readOnly) await folder.open.remove(deletedAmong(folder, folder.uids));
  await context.select(undefined);
  return { text: 'CLOSE completed.' };
});

/** UNSELECT (RFC 9051 section 6.4.2): removes nothing. */
export const unselect = command(noArguments, async (context) => {
  await context.select(undefined);
  return { text: 'UNSELECT completed.' };
});
