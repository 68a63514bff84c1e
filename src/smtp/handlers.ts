import type { Readable } from 'node:stream';
import type { SMTPServerAddress, SMTPServerOptions, SMTPServerSession } from 'smtp-server';
import type { Envelope, EnvelopeRecipient, RecipientDsn } from '../message/envelope.ts';
import { connectionOf, type SubmissionConnection } from './connection.ts';
import { guarded } from './message-guard.ts';
import { SmtpReply, type SmtpSession } from './session.ts';
import type { SmtpServerSettings } from './settings.ts';

type Callback = (error?: (Error & { responseCode?: number }) | null) => void;

/** Connects the library's callbacks to the {@link SmtpSession} of each connection. */
export function submissionHandlers(settings: SmtpServerSettings): SMTPServerOptions {
  /** Runs a verb of the session and converts its refusal to the library's form. */
  const run = <T>(
    session: SMTPServerSession,
    verb: (app: SmtpSession, connection: SubmissionConnection) => Promise<T>,
    done: (error: (Error & { responseCode?: number }) | null, result?: T) => void,
  ): void => {
    const connection = connectionOf(session);
    verb(connection.app, connection).then(
      (result) => done(null, result),
      (error: unknown) => done(replyError(refusalOf(error, connection))),
    );
  };
  const refusalOf = (error: unknown, connection: SubmissionConnection): SmtpReply => {
    if (error instanceof SmtpReply) return error;
    // A client that hung up in the middle of its message is not a defect; the reply is only logged.
    if (connection.gone) return connection.departure;
    settings.onDefect(error, connection);
    return new SmtpReply(451, '4.3.0', 'Internal error, try again later');
  };

  return {
    onConnect(session, callback: Callback) {
      const connection = connectionOf(session);
      connection.refusalOf = (error) => refusalOf(error, connection);
      try {
        connection.app = settings.openSession(connection);
        callback();
      } catch (error) {
        callback(replyError(refusalOf(error, connection)));
      }
    },
    onSecure(_socket, session, callback: Callback) {
      connectionOf(session).app.secured?.();
      callback();
    },
    onMailFrom(address, session, callback: Callback) {
      const size = address.args && typeof address.args.SIZE === 'string' ? { size: Number(address.args.SIZE) } : {};
      run(session, (app) => app.mailFrom(address.address, size), callback);
    },
    onRcptTo(address, session, callback: Callback) {
      run(session, (app) => app.rcptTo(recipientOf(address)), callback);
    },
    onData(stream, session, callback) {
      const envelope = envelopeOf(session);
      run(
        session,
        (app, connection) => {
          const content = guarded(stream, settings.maxMessageBytes, () => connection.lineEndFault);
          return receive(stream, content, (octets) => app.data(envelope, octets));
        },
        (error, text) => (error ? callback(error) : callback(null, `2.0.0 ${text ?? 'Ok'}`)),
      );
    },
    onClose(session) {
      connectionOf(session).app.closed();
    },
  };
}

/** The library's form of a refusal. */
function replyError(reply: SmtpReply): Error & { responseCode: number } {
  return Object.assign(new Error(`${reply.enhanced} ${reply.message}`), { responseCode: reply.status });
}

/**
 * Feeds a message to `accept`. The client's octets are always read to their end: the reply may only come after the
 * final dot (RFC 5321 section 4.1.1.4).
 */
async function receive<T>(
  stream: Readable,
  content: AsyncIterable<Buffer>,
  accept: (content: AsyncIterable<Buffer>) => Promise<T>,
): Promise<T> {
  // One listener has to remain as long as the stream lives: an error without one would end the process.
  stream.on('error', () => {});
  try {
    return await accept(content);
  } finally {
    stream.resume();
  }
}

function envelopeOf(session: SMTPServerSession): Envelope {
  const { mailFrom, rcptTo, bodyType, smtpUtf8, dsn } = session.envelope;
  const reversePath = mailFrom ? mailFrom.address : '';
  const recipients = rcptTo.map(recipientOf);
  const international = [reversePath, ...recipients.map((r) => r.address)].some((address) =>
    /[^\p{ASCII}]/u.test(address),
  );
  return {
    reversePath,
    recipients,
    eightBit: bodyType === '8bitmime',
    // Clients without SMTPUTF8 send such addresses as well.
    smtpUtf8: smtpUtf8 === true || international,
    ...(dsn?.ret || dsn?.envid ? { dsn: envelopeDsn(dsn) } : {}),
  };
}

function envelopeDsn(dsn: { ret: string | null; envid: string | null }): NonNullable<Envelope['dsn']> {
  return {
    ...(dsn.ret === 'FULL' || dsn.ret === 'HDRS' ? { ret: dsn.ret } : {}),
    ...(dsn.envid ? { envid: dsn.envid } : {}),
  };
}

function recipientOf(address: SMTPServerAddress): EnvelopeRecipient {
  if (!address.dsn) return { address: address.address };
  const notify = address.dsn.notify as RecipientDsn['notify'];
  const orcpt = address.dsn.orcpt;
  return {
    address: address.address,
    dsn: { ...(notify ? { notify } : {}), ...(orcpt ? { orcpt } : {}) },
  };
}
