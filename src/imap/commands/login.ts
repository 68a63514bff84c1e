import { decodeName, decodePassword } from '../../sasl/octets.ts';
import type { SaslCredentials } from '../../sasl/server-exchange.ts';
import { command, type ImapCompletion, type ImapContext } from '../command.ts';
import { ImapReply, ImapSyntaxError } from '../reply.ts';
import type { Scanner } from '../wire/scanner.ts';

/** RFC 9051 section 6.2.3. */
export const login = command(parseLogin, async (context, { username, password }) => {
  if (!context.session.mechanisms(context.secure).some((name) => name === 'LOGIN' || name === 'PLAIN')) {
    throw passwordsRefused(context);
  }
  return authenticated(context, { mechanism: 'LOGIN', username, password }, 'LOGIN');
});

function parseLogin(scanner: Scanner): { username: string; password: string } {
  try {
    scanner.space();
    const username = scanner.astringOctets();
    scanner.space();
    const password = scanner.astringOctets();
    scanner.end();
    return { username: decodeName(username), password: decodePassword(password) };
  } catch (error) {
    // Typed by hand, or sent by a program that does not quote: `LOGIN user@contoso.com\shared password`.
    if (error instanceof ImapSyntaxError && !scanner.atEnd()) throw new ImapSyntaxError(howToQuote);
    throw error;
  }
}

const howToQuote =
  'Put username and password in double quotes where they hold a blank, a backslash or another special character, and ' +
  'write a backslash before each backslash and double quote in them: LOGIN "user@example.com\\\\shared" "password".';

/** Explains why passwords are not accepted on this connection now. */
export function passwordsRefused(context: ImapContext): ImapReply {
  if (context.secure) return new ImapReply('NO', 'Passwords are not accepted here.', { code: 'CANNOT' });
  const advice = context.canStartTls ? 'Use STARTTLS first.' : 'Use a port with TLS.';
  return new ImapReply('NO', `Passwords are accepted only over TLS. ${advice}`, { code: 'PRIVACYREQUIRED' });
}

/** Lets the session decide, and enters the state it returns. */
export async function authenticated(
  context: ImapContext,
  credentials: SaslCredentials,
  name: 'LOGIN' | 'AUTHENTICATE',
): Promise<ImapCompletion> {
  const outcome = await context.session.authenticate(credentials, name, context.presence);
  const text = `${name} completed.`;
  if (outcome.kind === 'store') {
    context.loggedIn(outcome);
    return { text, ...(outcome.tellsCapabilities && { code: `CAPABILITY ${context.capabilities()}` }) };
  }
  const { capabilities } = outcome;
  return {
    text,
    ...(capabilities !== undefined && { code: `CAPABILITY ${capabilities}` }),
    after: () => context.handOver(outcome),
  };
}
