import { withLastChallenge } from '../../line-protocol/refusal.ts';
import { decodeBase64 } from '../../sasl/octets.ts';
import { mechanismNamed, receiveCredentials } from '../../sasl/server-exchange.ts';
import { command } from '../command.ts';
import { ImapReply } from '../reply.ts';
import type { Scanner } from '../wire/scanner.ts';
import { authenticated, passwordsRefused } from './login.ts';

/** RFC 9051 section 6.2.2, with the initial response of RFC 4959. */
export const authenticate = command(parseAuthenticate, async (context, { name, initialResponse }) => {
  const mechanism = mechanismNamed(name);
  if (mechanism === undefined || !context.session.mechanisms(context.secure).includes(mechanism)) {
    if (!context.secure && (mechanism === 'PLAIN' || mechanism === 'LOGIN')) throw passwordsRefused(context);
    throw new ImapReply('NO', 'This mechanism is not supported.', { code: 'CANNOT' });
  }
  const credentials = await receiveCredentials(mechanism, initialResponse, (challenge) => context.ask(challenge));
  return withLastChallenge(context, authenticated(context, credentials, 'AUTHENTICATE'));
});

function parseAuthenticate(scanner: Scanner): { name: string; initialResponse: Buffer | undefined } {
  scanner.space();
  const name = scanner.atom();
  if (!scanner.trySpace()) return { name, initialResponse: undefined };
  // A single equals sign is an empty response.
  const text = scanner.astring();
  return { name, initialResponse: text === '=' ? Buffer.alloc(0) : decodeBase64(text) };
}
