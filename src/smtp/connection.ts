import type { SMTPServer, SMTPServerSession } from 'smtp-server';
import type { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { addressLiteral } from '../message/header/repair.ts';
import type { LineEndFault } from '../message/line-ends.ts';
import type { SaslMechanism } from '../sasl/server-exchange.ts';
import { parseAddressPath } from './address-path.ts';
import { authenticateClient } from './auth.ts';
import type { SmtpClient } from './client.ts';
import type { WrongEnd } from './data-decoder.ts';
import { GuardedConnection, type SubmissionServerEvents } from './guarded-connection.ts';
import { holdsNul } from './message-guard.ts';
import { type SmtpConnectionInfo, SmtpReply, type SmtpSession } from './session.ts';
import { SubmissionStream } from './submission-stream.ts';

const enhancedStatus = /^[245]\.\d{1,3}\.\d{1,3} /;
/** Joke and proxy commands of the library that a submission server does not need. */
const withheldCommands = new Set(['WIZ', 'SHELL', 'KILL', 'XCLIENT', 'XFORWARD']);

const connections = new WeakMap<SMTPServerSession, SubmissionConnection>();

/** The connection of a session object of the library. */
export function connectionOf(session: SMTPServerSession): SubmissionConnection {
  const connection = connections.get(session);
  if (!connection) throw new Error('a session without a connection');
  return connection;
}

const noSession = async (): Promise<never> => {
  throw new Error('a command before the session was opened');
};

/** The session before the real one is opened, and if that failed: the library answers its commands itself. */
const nobody: SmtpSession = {
  offersAuth: () => false,
  isIdentified: () => false,
  authenticate: noSession,
  completeAddress: () => undefined,
  mailFrom: noSession,
  rcptTo: noSession,
  data: noSession,
  refused() {},
  closed() {},
};

/**
 * One SMTP connection: the library's, extended to tolerate what old devices send and to tell each client what applies
 * to it.
 */
export class SubmissionConnection extends GuardedConnection implements SmtpConnectionInfo {
  /** The application's side; set before the greeting. */
  app: SmtpSession = nobody;
  /** The reply to an error; set with it. */
  refusalOf!: (error: unknown) => SmtpReply;
  /** The reply meant for a client that has left inside its message. */
  departure = new SmtpReply(451, '4.4.2', 'The connection ended inside the message');

  constructor(server: SMTPServer, client: SmtpClient) {
    super(server, client);
    connections.set(this.session, this);
  }

  protected override isIdentified(): boolean {
    return this.app.isIdentified();
  }

  get helo(): string {
    return (this.hostNameAppearsAs || '').replace(/^\[ipv6:/, '[IPv6:');
  }

  /** The line end for which the current message is refused; undefined if all are accepted. */
  get lineEndFault(): LineEndFault | undefined {
    if ((this._server as SubmissionServerEvents).lineEnds === 'lenient') return undefined;
    return this._parser instanceof SubmissionStream ? this._parser.lineEndFault : undefined;
  }

  get transmissionType(): string {
    return this._transmissionType();
  }

  /** Whether nobody is left to read a reply. */
  get gone(): boolean {
    return this._closed || this._socket.destroyed;
  }

  abort(): void {
    this._socket.destroy();
  }

  override _createParser(): SubmissionStream {
    const { lineEnds, wrongEndWaitMs } = this._server as SubmissionServerEvents;
    const parser = new SubmissionStream({
      endOfData: () => (lineEnds === 'strict' ? 'crlf' : (this.app.endOfData?.() ?? 'crlf')),
      onWrongEnd: (end) => this.#refuseWrongEnd(end),
      wrongEndWaitMs,
      maxLinesAtOnce: () => this.maxLinesAtOnce(),
      onTooManyLines: () => this.endFlood(),
    });
    parser.oncommand = (command, callback) => this._onCommand(command, callback);
    parser.on('error', (error) => this.send(421, `Error: ${error.message}`));
    return parser;
  }

  /**
   * A client that waits after a wrong end of its message would wait until the idle timeout. What it sends next, a
   * command or more of the message, could not be told apart, so the connection ends with the reply.
   */
  #refuseWrongEnd(end: WrongEnd): void {
    const reply = wrongEndReply(end);
    this.send(reply.status, `${reply.enhanced} ${reply.message}`);
    this.close();
    if (this._dataStream) this._dataStream.destroy(reply);
  }

  /** The client did not wait for a reply; the log has to say why its message was not accepted. */
  override _onClose(): void {
    const end = this._parser instanceof SubmissionStream ? this._parser.wrongEnd : undefined;
    if (end) this.departure = wrongEndReply(end);
    super._onClose();
  }

  /** A text with its own enhanced status gets no second one. */
  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    if (code >= 400 && !this._closing) this.app.refused(code, String(data ?? ''));
    if (Array.isArray(data)) data = data.flatMap((line) => (line.startsWith('AUTH ') ? this.#authLine() : line));
    super.send(code, data, typeof data === 'string' && enhancedStatus.test(data) ? false : context);
  }

  /** The line of EHLO: what this connection may use now (RFC 4954 section 3), if anything. */
  #authLine(): string[] {
    const offered = this._server.options.authMethods?.filter((name) => this.app.offersAuth(name as SaslMechanism));
    return offered?.length ? [`AUTH ${offered.join(' ')}`] : [];
  }

  override _getHandler(command: string): ReturnType<SMTPConnection['_getHandler']> {
    return withheldCommands.has(command) ? undefined : super._getHandler(command);
  }

  /** The mechanisms depend on the connection: TLS, loopback and settings decide. */
  override handler_AUTH(command: Buffer, callback: () => void): void {
    void authenticateClient(this, command, callback, this._server.options.authMethods ?? [], this.refusalOf);
  }

  override handler_EHLO(command: Buffer, callback: () => void): void {
    super.handler_EHLO(this.#withName(command), callback);
  }

  override handler_HELO(command: Buffer, callback: () => void): void {
    super.handler_HELO(this.#withName(command), callback);
  }

  /**
   * UPS devices and disk stations greet without a name, or with a name that contains spaces: the address identifies a
   * client as well.
   */
  #withName(command: Buffer): Buffer {
    const [verb, ...names] = command.toString().trim().split(/\s+/);
    return names.length === 1 ? command : Buffer.from(`${verb} ${addressLiteral(this.remoteAddress)}`);
  }

  /** The answer to an AUTH challenge is not a command; a NUL in it is not base64. */
  override _onCommand(command: Buffer, callback?: () => void): void {
    if (this._nextHandler || !this._ready || this._upgrading || !holdsNul(command)) {
      super._onCommand(command, callback);
      return;
    }
    this.send(500, '5.5.2 Command holds a NUL octet (RFC 5321 section 4.5.2)');
    setImmediate(() => this._whenWritable(callback ?? (() => {})));
  }

  override handler_VRFY(_command: Buffer, callback: () => void): void {
    this.send(252, '2.5.2 Cannot verify an address, but will try to deliver to it');
    callback();
  }

  override _parseAddressCommand(
    rawName: string,
    rawCommand: Buffer | string,
  ): ReturnType<SMTPConnection['_parseAddressCommand']> {
    const read = parseAddressPath(rawName.trim().toUpperCase(), rawCommand.toString());
    if (!read) return false;
    const bare = read.address !== '' && !read.address.includes('@');
    const address = bare ? this.app.completeAddress(read.address) : read.address;
    if (address === undefined) return false;
    const args = Object.keys(read.parameters).length > 0 ? { ...read.parameters } : false;
    return read.duplicate === undefined ? { address, args } : { address, args, duplicate: read.duplicate };
  }

  /** Ends a connection that is between transactions; one that is in the middle of a message may finish it. */
  closeIfIdle(): void {
    if (this._handlerPending || this._dataStream) return;
    this.send(421, '4.3.2 Service is shutting down');
  }
}

function wrongEndReply({ form }: WrongEnd): SmtpReply {
  const text = `Message ends with ${form} and was not accepted; only <CR><LF>.<CR><LF> ends one (RFC 5321 section 4.1.1.4)`;
  return new SmtpReply(554, '5.6.11', text);
}
