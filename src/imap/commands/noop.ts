import { command, noArguments } from '../command.ts';

/**
 * NOOP and CHECK (RFC 9051 section 6.1.2, RFC 3501 section 6.4.1): both only give pending changes a chance to be sent.
 */
export const noop = command(noArguments, async (_context, _arguments, { name }) => ({ text: `${name} completed.` }));
