import type { Duplex } from 'node:stream';
import { maxCommandsBeforeLogin, maxLinesAtOnce } from '../base/sockets/command-bound.ts';
import { FairTurns } from '../base/sockets/fair-turns.ts';
import { ConnectionEnded, LineReader, LineTooLong, ReadTimeout, TooManyLines } from '../base/sockets/line-reader.ts';
import { endGently } from '../base/sockets/linger.ts';
import { type PacedWriter, WriteTimeout, writeTimeoutMs } from '../base/sockets/paced-writer.ts';
import { bytesSent, Presence } from '../base/sockets/presence.ts';
import { decodeBase64 } from '../sasl/octets.ts';
import type { LineProtocolContext } from './context.ts';
import type { LineProtocolOptions } from './options.ts';
import type { HandedOver, HandOver } from './session.ts';

/**
 * One IMAP or POP3 connection: the loop from command to reply, TLS, the limits on a client that has not logged in, and
 * every way the connection can end. Replies and command syntax are left to the protocol's own class.
 */
export abstract class LineProtocolConnection<Options extends LineProtocolOptions, Writer extends PacedWriter, Command>
  implements LineProtocolContext
{
  readonly session: Options['session'];
  readonly out: Writer;
  readonly presence: Presence;
  protected readonly options: Options;
  protected readonly reader: LineReader;
  readonly #loginDeadline: NodeJS.Timeout;
  readonly #turns = new FairTurns();
  #socket: Duplex;
  #secure: boolean;
  #commandsLeft: number;
  #waiting = false;
  #securing = false;
  #ended = false;
  #lingering = false;
  #goOn: (() => Promise<void>) | undefined;

  constructor(socket: Duplex, options: Options, out: Writer) {
    const { limits } = options;
    this.options = options;
    this.#socket = socket;
    this.#secure = options.secure;
    this.session = options.session;
    this.out = out;
    this.#commandsLeft = limits.maxCommandsBeforeLogin ?? maxCommandsBeforeLogin;
    this.reader = new LineReader(socket, limits.loginTimeoutMs);
    this.reader.maxLinesAtOnce = maxLinesAtOnce(this.#commandsLeft);
    this.presence = new Presence(socket, () => bytesSent(this.#socket));
    this.reader.onEnd = () => this.presence.ended();
    this.#loginDeadline = setTimeout(() => this.goodbye('The login took too long.'), limits.loginTimeoutMs);
  }

  /** The connection's name in the log: `an IMAP session`. */
  protected abstract readonly called: string;
  protected abstract greet(): void;
  /** Writes why the connection ends. */
  protected abstract tellWhy(why: string): void;
  /** Reads the next command; undefined if the input was not a command and has been refused. */
  protected abstract receive(): Promise<Command | undefined>;
  /** Runs a command and replies. Throws only errors that end the connection. */
  protected abstract answer(command: Command): Promise<void>;
  /** Closes what the login opened. */
  protected abstract release(): Promise<void>;
  abstract ask(challenge: Buffer): Promise<Buffer>;

  get secure(): boolean {
    return this.#secure;
  }

  get canStartTls(): boolean {
    return this.options.startTls !== undefined && !this.#secure;
  }

  protected get ended(): boolean {
    return this.#ended;
  }

  /** Serves the connection until either side ends it. Never rejects. */
  serve(): Promise<void> {
    // Nothing of the engine stays in memory while another owner continues.
    return this.#serveEngine().then((goOn) => goOn?.());
  }

  expectTls(): void {
    // Done before the go-ahead is sent: a fast client's handshake must not be mistaken for plain-text data.
    this.reader.discard();
    this.reader.close();
  }

  async startTls(): Promise<void> {
    const { startTls } = this.options;
    if (startTls === undefined) throw new Error('TLS is not offered.');
    // Pending output would end up in the middle of the handshake.
    await this.out.sent();
    this.#securing = true;
    this.#socket = await startTls(this.#socket).catch((cause: unknown) => {
      throw new ConnectionEnded('The TLS handshake failed.', { cause });
    });
    this.#securing = false;
    this.#socket.on('error', ignore);
    this.reader.switchTo(this.#socket);
    this.out.switchTo(this.#socket);
    this.#secure = true;
  }

  async handOver(login: HandOver): Promise<void> {
    if (this.#ended || this.#socket.destroyed) return login.abandon();
    this.#goOn = goingOn(login, { socket: this.#socket, unread: this.reader.detach() });
  }

  end(): void {
    this.#ended = true;
  }

  /** Lifts the limits on a client that has not logged in. */
  protected loginDone(): void {
    clearTimeout(this.#loginDeadline);
    this.#commandsLeft = Number.POSITIVE_INFINITY;
    this.reader.timeoutMs = this.options.limits.idleTimeoutMs;
    this.reader.maxLinesAtOnce = Number.POSITIVE_INFINITY;
    this.out.timeoutMs = writeTimeoutMs.afterLogin;
  }

  /** Continues with a stream that carries the rest of the connection in another encoding. */
  protected async goOnIn(wrap: (socket: Duplex, unread: Buffer) => Duplex): Promise<void> {
    await this.out.sent();
    this.#socket = wrap(this.#socket, this.reader.detach());
    this.#socket.on('error', ignore);
    this.reader.switchTo(this.#socket);
    this.out.switchTo(this.#socket);
  }

  /** The client's next line, as text with one character per byte; a shutdown does not wait for it. */
  protected async nextLineOf(maxBytes: number): Promise<string> {
    this.#waiting = true;
    const line = await this.reader.line(maxBytes);
    this.#waiting = false;
    return line.toString('latin1');
  }

  /** Sends a SASL challenge. @returns the response; undefined if the client cancels with `*` */
  protected async responseTo(challenge: Buffer, maxBytes: number): Promise<Buffer | undefined> {
    this.out.raw(`+ ${challenge.toString('base64')}\r\n`);
    await this.out.sent();
    const line = (await this.reader.line(maxBytes)).toString('latin1').trim();
    return line === '*' ? undefined : decodeBase64(line);
  }

  /** Tells the client why and ends the connection, even while a command waits for the client. */
  protected goodbye(why: string): void {
    // A handshake has its own deadline, and nothing may be sent during it.
    if (this.#goOn !== undefined || this.#ended || this.#securing) return;
    this.tellWhy(why);
    this.hangUp();
  }

  /** Ends the connection after what has been written. */
  protected hangUp(): void {
    this.#ended = true;
    this.#linger();
  }

  /** Runs the engine's part. @returns the rest, if another owner continues with the connection */
  async #serveEngine(): Promise<(() => Promise<void>) | undefined> {
    const { signal, log } = this.options;
    const shutDown = (): void => {
      if (this.#waiting) this.goodbye(this.#whyAborted());
    };
    signal?.addEventListener('abort', shutDown);
    this.#socket.on('error', ignore);
    try {
      this.greet();
      while (!this.#ended && this.#goOn === undefined) await this.#next();
    } catch (error) {
      this.#endedBy(error);
    } finally {
      signal?.removeEventListener('abort', shutDown);
      clearTimeout(this.#loginDeadline);
      await this.release().catch((error: unknown) => log.error({ error }, 'Cannot close the mail store'));
      this.presence.dispose();
      if (this.#goOn === undefined) this.#linger();
      this.session.closed();
    }
    return this.#goOn;
  }

  async #next(): Promise<void> {
    if (this.options.signal?.aborted) return this.goodbye(this.#whyAborted());
    this.#waiting = true;
    await this.#turns.next();
    // A client that does not read its replies gets no more.
    await this.out.sent();
    const command = await this.receive();
    this.#waiting = false;
    if (command === undefined) return;
    if (--this.#commandsLeft < 0) return this.goodbye('Too many commands before the login.');
    await this.answer(command);
  }

  #whyAborted(): string {
    const reason: unknown = this.options.signal?.reason;
    return typeof reason === 'string' ? reason : 'The server is shutting down.';
  }

  #endedBy(error: unknown): void {
    if (error instanceof ReadTimeout) this.goodbye('Idle timeout.');
    else if (error instanceof LineTooLong) this.goodbye('The line is too long.');
    else if (error instanceof TooManyLines) this.goodbye('Too many commands before the login.');
    else if (error instanceof WriteTimeout) {
      this.options.log.warn('client does not read its replies: connection closed');
      this.#socket.destroy();
    } else if (!(error instanceof ConnectionEnded)) {
      this.options.log.error({ error }, `Unexpected error in ${this.called}`);
      this.#socket.destroy();
    }
  }

  #linger(): void {
    const socket = this.#socket;
    if (socket.destroyed || this.#lingering) return;
    this.#lingering = true;
    this.reader.close();
    endGently(socket);
  }
}

const endings = [ConnectionEnded, ReadTimeout, WriteTimeout, TooManyLines, LineTooLong] as const;

/** Tells whether an error gets no reply because it ends the connection. */
export function endsConnection(error: unknown): boolean {
  return endings.some((ending) => error instanceof ending);
}

/** A separate function, so that the closure does not keep the engine in memory for the life of the connection. */
function goingOn(login: HandOver, connection: HandedOver): () => Promise<void> {
  return () => login.take(connection);
}

/** Socket errors end the reading, where they are noticed. */
function ignore(): void {}
