import { command, noArguments } from '../command.ts';

/** RFC 9051 section 6.1.1. */
export const capability = command(noArguments, async (context) => {
  context.out.untagged(`CAPABILITY ${context.capabilities()}`);
  return { text: 'CAPABILITY completed.' };
});
