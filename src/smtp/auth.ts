import type { SMTPServerSession } from 'smtp-server';
import { decodeBase64 } from '../sasl/octets.ts';
import { SaslSyntaxError } from '../sasl/sasl-error.ts';
import { mechanismNamed, receiveCredentials, type SaslMechanism } from '../sasl/server-exchange.ts';
import { SmtpReply, type SmtpSession } from './session.ts';

/** What AUTH has to know about its connection; part of it belongs to the library. */
export interface AuthConnection {
  readonly session: SMTPServerSession;
  readonly secure: boolean;
  readonly app: SmtpSession;
  /** Takes the client's next line instead of a command. */
  _nextHandler: ((line: Buffer, next: () => void) => void) | false;
  send(code: number, data?: string): void;
  _isSupported(command: string): boolean;
  _transmissionType(): string;
}

/**
 * Handles AUTH (RFC 4954) with the codecs of the sasl room. The library's own codecs read a password as UTF-8 and lose
 * the octets of any other, allow a login within a transaction, and ignore the authorization identity.
 * @param mechanisms those of the listener; the session decides which of them this connection may use
 * @param refusalOf the reply to an error
 */
export async function authenticateClient(
  connection: AuthConnection,
  command: Buffer,
  done: () => void,
  mechanisms: readonly string[],
  refusalOf: (error: unknown) => SmtpReply,
): Promise<void> {
  let next = done;
  const ask = (challenge: Buffer): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      connection._nextHandler = (line, proceed) => {
        next = proceed;
        const text = line.toString('latin1').trim();
        if (text === '*') return reject(new SmtpReply(501, '5.5.4', 'Authentication aborted'));
        try {
          resolve(decodeBase64(text));
        } catch (error) {
          reject(error);
        }
      };
      connection.send(334, challenge.toString('base64'));
      next();
    });
  try {
    const { mechanism, initialResponse } = requestOf(connection, command, mechanisms);
    const credentials = await receiveCredentials(mechanism, initialResponse, ask);
    await connection.app.authenticate(credentials);
    connection.session.user = credentials.username;
    connection.session.transmissionType = connection._transmissionType();
    connection.send(235, '2.7.0 Authentication successful');
  } catch (error) {
    const { status, enhanced, message } = refusalOf(syntaxRefusal(error));
    connection.send(status, `${enhanced} ${message}`);
  }
  next();
}

/** @throws SmtpReply, SaslSyntaxError */
function requestOf(connection: AuthConnection, command: Buffer, mechanisms: readonly string[]) {
  const [, name = '', initial, ...more] = command.toString('latin1').trim().split(/\s+/);
  // RFC 4954 section 4: after a successful AUTH, and within a mail transaction.
  if (connection.session.user) throw new SmtpReply(503, '5.5.1', 'Already authenticated on this connection');
  if (connection.session.envelope.mailFrom) {
    throw new SmtpReply(503, '5.5.1', 'AUTH is not permitted during a mail transaction');
  }
  const mechanism = mechanismNamed(name);
  if (mechanism === undefined || !mechanisms.includes(mechanism)) {
    throw new SmtpReply(504, '5.5.4', 'Error: Unrecognized authentication type');
  }
  assertOffered(connection, mechanism);
  if (more.length > 0) throw new SmtpReply(501, '5.5.4', 'AUTH takes a mechanism and at most one response');
  // A single equals sign is an empty response (RFC 4954 section 4), which is what it decodes to.
  return { mechanism, initialResponse: initial === undefined ? undefined : decodeBase64(initial) };
}

function assertOffered(connection: AuthConnection, mechanism: SaslMechanism): void {
  if (connection.app.offersAuth(mechanism)) return;
  if (!connection.secure && connection._isSupported('STARTTLS')) {
    throw new SmtpReply(538, '5.7.11', 'Encryption required: use STARTTLS before AUTH');
  }
  throw new SmtpReply(502, '5.7.4', 'Passwords are not accepted on this connection; it is not encrypted');
}

function syntaxRefusal(error: unknown): unknown {
  return error instanceof SaslSyntaxError ? new SmtpReply(501, '5.5.2', error.message, { cause: error }) : error;
}
