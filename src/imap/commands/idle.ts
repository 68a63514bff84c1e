import { command, noArguments } from '../command.ts';
import { ImapReply } from '../reply.ts';

/** RFC 2177: news go out as they happen, until DONE. */
export const idle = command(noArguments, async (context) => {
  const folder = context.state === 'selected' ? context.folder : undefined;
  const tell = (): void => {
    folder?.tell(context.out, { expunges: true });
    context.out.flush();
  };
  context.out.continuation('IDLE accepted, awaiting DONE command.');
  tell();
  folder?.onChange(tell);
  try {
    const line = await context.nextLine();
    if (line.trim().toUpperCase() !== 'DONE') throw new ImapReply('BAD', 'IDLE ends with DONE.');
  } finally {
    folder?.onChange(undefined);
  }
  return { text: 'IDLE completed.' };
});
