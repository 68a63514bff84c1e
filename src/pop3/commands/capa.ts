import type { Pop3Command } from '../command.ts';

/** RFC 2449. */
export const capa: Pop3Command = async ({ session, out, state, secure }) => {
  out.line('+OK');
  for (const line of session.capabilities({ authenticated: state === 'transaction', secure })) out.line(line);
  out.line('.');
  out.flush();
  return { text: undefined };
};
