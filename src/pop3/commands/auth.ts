import { withLastChallenge } from '../../line-protocol/refusal.ts';
import { decodeBase64 } from '../../sasl/octets.ts';
import { mechanismNamed, receiveCredentials } from '../../sasl/server-exchange.ts';
import type { Pop3Command, Pop3Completion, Pop3Context } from '../command.ts';
import { Pop3Reply } from '../reply.ts';
import { assertPasswordsTaken, authenticated } from './user.ts';

/** RFC 5034; without an argument, the mechanisms are listed, as old servers did. */
export const auth: Pop3Command = async (context, argument) => {
  const [name = '', initial, ...more] = argument.trim().split(/ +/);
  if (name === '') return listed(context);
  if (more.length > 0) throw new Pop3Reply('AUTH takes a mechanism and at most one response.');
  const mechanism = mechanismNamed(name);
  if (mechanism === 'PLAIN' || mechanism === 'LOGIN') assertPasswordsTaken(context);
  if (mechanism === undefined || !context.session.mechanisms(context.secure).includes(mechanism)) {
    throw new Pop3Reply('This mechanism is not supported.');
  }
  if (initial !== undefined && !context.session.takesInitialResponse(mechanism)) {
    throw new Pop3Reply('Protocol error. 18');
  }
  // A single equals sign is an empty response.
  const response = initial === undefined ? undefined : initial === '=' ? Buffer.alloc(0) : decodeBase64(initial);
  const credentials = await receiveCredentials(mechanism, response, (challenge) => context.ask(challenge));
  return withLastChallenge(context, authenticated(context, credentials, 'AUTH'));
};

function listed({ session, out, secure }: Pop3Context): Pop3Completion {
  out.line('+OK');
  for (const mechanism of session.mechanisms(secure)) out.line(mechanism);
  out.line('.');
  out.flush();
  return { text: undefined };
}
