import { decodeName, decodePassword } from '../../sasl/octets.ts';
import type { SaslCredentials } from '../../sasl/server-exchange.ts';
import type { Pop3Command, Pop3Completion, Pop3Context } from '../command.ts';
import { Maildrop } from '../maildrop.ts';
import { Pop3Reply } from '../reply.ts';

/** USER (RFC 1939 section 7). Does not reveal whether the user exists. */
export const user: Pop3Command = async (context, argument) => {
  assertPasswordsTaken(context);
  // Only spaces and tabs: trim() would also remove the byte A0, which ends many letters in UTF-8.
  const username = decodeName(Buffer.from(argument.replace(/^[ \t]+|[ \t]+$/g, ''), 'latin1'));
  if (username === '') throw new Pop3Reply('USER needs a name.');
  context.username = username;
  return { text: '' };
};

/** PASS (RFC 1939 section 7). The password is everything after one space, including spaces. */
export const pass: Pop3Command = async (context, argument) => {
  const { username } = context;
  if (username === undefined) throw new Pop3Reply('Send USER first.');
  context.username = undefined;
  assertPasswordsTaken(context);
  const password = decodePassword(Buffer.from(argument, 'latin1'));
  return authenticated(context, { mechanism: 'LOGIN', username, password }, 'PASS');
};

/** APOP requires the plain-text password on the server, and MD5. */
export const apop: Pop3Command = async () => {
  throw new Pop3Reply('APOP is not supported. Use USER and PASS, or AUTH PLAIN.');
};

/** @throws Pop3Reply if a password would be sent in the clear, or cannot be used */
export function assertPasswordsTaken(context: Pop3Context): void {
  const { secure, canStartTls } = context;
  if (context.session.mechanisms(secure).some((name) => name === 'LOGIN' || name === 'PLAIN')) return;
  if (secure) throw new Pop3Reply('Passwords are not accepted here.', { code: 'AUTH' });
  throw new Pop3Reply(
    `Passwords are accepted only over TLS. ${canStartTls ? 'Use STLS first.' : 'Use a port with TLS.'}`,
  );
}

/** Lets the session decide, and enters the state it returns. */
export async function authenticated(
  context: Pop3Context,
  credentials: SaslCredentials,
  name: 'PASS' | 'AUTH',
): Promise<Pop3Completion> {
  const outcome = await context.session.authenticate(credentials, name, context.presence);
  const text = 'User successfully authenticated.';
  if (outcome.kind === 'hand-over') return { text, after: () => context.handOver(outcome) };
  try {
    context.loggedIn(outcome.store, await Maildrop.of(outcome.store));
  } catch (error) {
    await outcome.store.close();
    throw error;
  }
  return { text };
}
