import { command, noArguments } from '../command.ts';
import { ImapReply } from '../reply.ts';

/** RFC 2177: changes are sent as they happen, until DONE. */
export const idle = command(noArguments, async (context) => {
  const folder = context.state === 'selected' ? context.folder : undefined;
  const failed = Promise.withResolvers<never>();
  let telling = false;
  let again = false;
  /** Changes that occur while the client has not yet received the previous ones are sent together afterwards. */
  const tell = async (): Promise<void> => {
    again = true;
    if (telling) return;
    telling = true;
    while (again) {
      again = false;
      if (folder?.gone !== undefined) return context.bye(folder.gone);
      folder?.tell(context.out, { expunges: true });
      await context.out.sent();
    }
    telling = false;
  };
  await context.out.continuation('IDLE accepted, awaiting DONE command.');
  folder?.onChange(() => void tell().catch(failed.reject));
  try {
    await tell();
    const line = await Promise.race([context.nextLine(), failed.promise]);
    if (line.trim().toUpperCase() !== 'DONE') throw new ImapReply('BAD', 'IDLE ends with DONE.');
  } finally {
    folder?.onChange(undefined);
  }
  return { text: 'IDLE completed.' };
});
