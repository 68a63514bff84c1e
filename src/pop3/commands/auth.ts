import { decodeBase64 } from '../../sasl/octets.ts';
import { mechanismNamed, receiveCredentials, type SaslCredentials } from '../../sasl/server-exchange.ts';
import type { Pop3Command, Pop3Completion, Pop3Context } from '../command.ts';
import { Pop3Reply } from '../reply.ts';
import { assertPasswordsTaken, authenticated } from './user.ts';

/** RFC 5034; without an argument the mechanisms are listed, as old servers did. */
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
  return withChallenge(context, credentials);
};

function listed({ session, out, secure }: Pop3Context): Pop3Completion {
  out.line('+OK');
  for (const mechanism of session.mechanisms(secure)) out.line(mechanism);
  out.line('.');
  out.flush();
  return { text: undefined };
}

/** A refused token is explained in one more challenge, which the client answers with an empty line (RFC 7628 3.2.3). */
async function withChallenge(context: Pop3Context, credentials: SaslCredentials): Promise<Pop3Completion> {
  try {
    return await authenticated(context, credentials, 'AUTH');
  } catch (error) {
    if (error instanceof Pop3Reply && error.challenge !== undefined) await acknowledged(context, error.challenge);
    throw error;
  }
}

async function acknowledged(context: Pop3Context, challenge: Buffer): Promise<void> {
  try {
    await context.ask(challenge);
  } catch (error) {
    // Cancelled or not even base64: the client has understood well enough.
    if (!(error instanceof Pop3Reply) && !(error instanceof Error && error.name === 'SaslSyntaxError')) throw error;
  }
}
