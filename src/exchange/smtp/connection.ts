import SMTPConnection, { type SMTPConnectionOptions } from 'nodemailer/lib/smtp-connection';
import { type DataStream, withPlainPieces } from './data.ts';

/** The internal methods of nodemailer's connection. */
interface Workings {
  _sendCommand(this: SMTPConnection, command: string, loggedAs?: string): void;
  _createSendStream(this: SMTPConnection, done: (error: unknown, reply: string) => void): DataStream;
}

const workings = SMTPConnection.prototype as unknown as Workings;

/**
 * nodemailer's SMTP connection, with parameters on MAIL FROM and on each RCPT TO. nodemailer itself sends SMTPUTF8 only
 * for addresses (headers need it too, RFC 6531 section 3.4), and the same NOTIFY and ORCPT for all recipients.
 */
export class ParameterConnection extends SMTPConnection {
  #mailParameters = '';
  #rcptParameters: ReadonlyMap<string, string> = new Map();

  constructor(options: SMTPConnectionOptions) {
    super(options);
  }

  /** Sets what the next transaction appends: `mail` to MAIL FROM, `rcpt` by address to RCPT TO. */
  setParameters(mail: string, rcpt: ReadonlyMap<string, string>): void {
    this.#mailParameters = mail;
    this.#rcptParameters = rcpt;
  }

  _sendCommand(command: string, loggedAs?: string): void {
    workings._sendCommand.call(this, this.#withParameters(command), loggedAs);
  }

  _createSendStream(done: (error: unknown, reply: string) => void): DataStream {
    return withPlainPieces(workings._createSendStream.call(this, done));
  }

  #withParameters(command: string): string {
    if (command.startsWith('MAIL FROM:<')) return joined(command, this.#mailParameters);
    const recipient = /^RCPT TO:<(.*)>$/s.exec(command)?.[1];
    return recipient === undefined ? command : joined(command, this.#rcptParameters.get(recipient) ?? '');
  }
}

function joined(command: string, parameters: string): string {
  return parameters === '' ? command : `${command} ${parameters}`;
}
