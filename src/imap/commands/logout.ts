import { command, noArguments } from '../command.ts';

/** RFC 9051 section 6.1.3. */
export const logout = command(noArguments, async (context) => {
  context.out.untagged('BYE The server is signing off.');
  return { text: 'LOGOUT completed.', last: true, after: async () => context.end() };
});
