import type { Pop3Command } from '../command.ts';

/** RFC 1939 section 5. */
export const noop: Pop3Command = async () => ({ text: '' });
