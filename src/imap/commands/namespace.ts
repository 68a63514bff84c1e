import { command, noArguments } from '../command.ts';
import { formatString } from '../wire/format.ts';

/** RFC 2342: one personal namespace. */
export const namespace = command(noArguments, async (context) => {
  context.out.untagged(`NAMESPACE (("" ${formatString(context.store.delimiter)})) NIL NIL`);
  return { text: 'NAMESPACE completed.' };
});
