import type { Duplex } from 'node:stream';
import { maxCommandsBeforeLogin, maxLinesAtOnce } from '../base/sockets/command-bound.ts';
import { FairTurns } from '../base/sockets/fair-turns.ts';
import type { HandedOver } from '../base/sockets/handed-over.ts';
import { ConnectionEnded, LineReader, LineTooLong, ReadTimeout, TooManyLines } from '../base/sockets/line-reader.ts';
import { endGently } from '../base/sockets/linger.ts';
import { WriteTimeout, writeTimeoutMs } from '../base/sockets/paced-writer.ts';
import { bytesSent, Presence } from '../base/sockets/presence.ts';
import { type Maildrops, MailStoreError } from '../mailbox/mail-store.ts';
import { decodeBase64 } from '../sasl/octets.ts';
import type { Pop3Completion, Pop3Context } from './command.ts';
import { commandNamed } from './command-table.ts';
import type { Maildrop } from './maildrop.ts';
import type { Pop3Options } from './options.ts';
import { Pop3Reply, replyFor } from './reply.ts';
import type { Pop3Login, Pop3Session, Pop3State } from './session.ts';
import { Pop3Writer } from './wire/response-writer.ts';

/** Unknown commands after which the client is taken for no mail program. */
const maxUnknownCommands = 20;

/** One connection: its state, and the loop from command to reply. */
export class Pop3Connection implements Pop3Context {
  readonly session: Pop3Session;
  readonly out: Pop3Writer;
  readonly presence: Presence;
  username: string | undefined;
  readonly #options: Pop3Options;
  readonly #reader: LineReader;
  readonly #loginDeadline: NodeJS.Timeout;
  #socket: Duplex;
  #secure: boolean;
  #ended = false;
  #goOn: (() => Promise<void>) | undefined;
  #lingering = false;
  #waiting = false;
  #securing = false;
  readonly #turns = new FairTurns();
  #store: Maildrops | undefined;
  #maildrop: Maildrop | undefined;
  #unknown = 0;
  #failedLogins = 0;
  #commandsBeforeLogin = 0;

  constructor(socket: Duplex, options: Pop3Options) {
    const { loginTimeoutMs } = options.limits;
    this.#options = options;
    this.#socket = socket;
    this.#secure = options.secure;
    this.session = options.session;
    this.out = new Pop3Writer(socket, writeTimeoutMs.beforeLogin);
    this.#reader = new LineReader(socket, loginTimeoutMs);
    this.#reader.maxLinesAtOnce = maxLinesAtOnce(this.#maxCommandsBeforeLogin());
    this.presence = new Presence(socket, () => bytesSent(this.#socket));
    this.#reader.onEnd = () => this.presence.ended();
    this.#loginDeadline = setTimeout(() => this.#goodbye('The login took too long.'), loginTimeoutMs);
  }

  get state(): Pop3State {
    if (this.#ended) return 'ended';
    return this.#maildrop === undefined ? 'authorization' : 'transaction';
  }

  get secure(): boolean {
    return this.#secure;
  }

  get canStartTls(): boolean {
    return this.#options.startTls !== undefined && !this.#secure;
  }

  get maildrop(): Maildrop {
    if (this.#maildrop === undefined) throw new Error('There is no maildrop before login.');
    return this.#maildrop;
  }

  /** Runs to the end of the engine's part. @returns the rest, where somebody else goes on with the connection */
  async serve(): Promise<(() => Promise<void>) | undefined> {
    const { signal, log } = this.#options;
    const shutDown = (): void => {
      if (this.#waiting) this.#goodbye(this.#whyAborted());
    };
    signal?.addEventListener('abort', shutDown);
    this.#socket.on('error', ignore);
    try {
      this.out.ok(this.#options.greeting);
      while (!this.#ended && this.#goOn === undefined) await this.#next();
    } catch (error) {
      this.#endedBy(error);
    } finally {
      signal?.removeEventListener('abort', shutDown);
      clearTimeout(this.#loginDeadline);
      await this.#release().catch((error: unknown) => log.error({ error }, 'Cannot close the mail store'));
      this.presence.dispose();
      if (this.#goOn === undefined) this.#linger();
      this.session.closed();
    }
    return this.#goOn;
  }

  async ask(challenge: Buffer): Promise<Buffer> {
    this.out.line(`+ ${challenge.toString('base64')}`);
    await this.out.sent();
    const line = (await this.#reader.line(this.#options.limits.maxLineBytes)).toString('latin1').trim();
    if (line === '*') throw new Pop3Reply('The client cancelled the authentication.');
    return decodeBase64(line);
  }

  loggedIn(store: Maildrops, maildrop: Maildrop): void {
    clearTimeout(this.#loginDeadline);
    this.#reader.timeoutMs = this.#options.limits.idleTimeoutMs;
    this.#reader.maxLinesAtOnce = Number.POSITIVE_INFINITY;
    this.out.timeoutMs = writeTimeoutMs.afterLogin;
    this.#store = store;
    this.#maildrop = maildrop;
  }

  expectTls(): void {
    // Before the go-ahead is on its way: a fast client's handshake must not be taken for what came in clear.
    this.#reader.discard();
    this.#reader.close();
  }

  async startTls(): Promise<void> {
    const { startTls } = this.#options;
    if (startTls === undefined) throw new Error('STLS is not offered.');
    // What is still to be sent would get in between the handshake.
    await this.out.sent();
    this.#securing = true;
    this.#socket = await startTls(this.#socket).catch((cause: unknown) => {
      throw new ConnectionEnded('The TLS handshake failed.', { cause });
    });
    this.#securing = false;
    this.#socket.on('error', ignore);
    this.#reader.switchTo(this.#socket);
    this.out.switchTo(this.#socket);
    this.#secure = true;
    this.username = undefined;
  }

  async handOver(login: Pop3Login & { kind: 'hand-over' }): Promise<void> {
    if (this.#ended || this.#socket.destroyed) return login.abandon();
    clearTimeout(this.#loginDeadline);
    this.#goOn = goingOn(login, { socket: this.#socket, unread: this.#reader.detach() });
  }

  end(): void {
    this.#ended = true;
  }

  async #next(): Promise<void> {
    if (this.#options.signal?.aborted) return this.#goodbye(this.#whyAborted());
    this.#waiting = true;
    await this.#turns.next();
    // A client that does not take its replies gets no further ones.
    await this.out.sent();
    const line = (await this.#reader.line(this.#options.limits.maxLineBytes)).toString('latin1');
    this.#waiting = false;
    if (this.#hasAskedTooMuch()) return this.#goodbye('Too many commands before the login.');
    const space = line.indexOf(' ');
    const name = (space < 0 ? line : line.slice(0, space)).trim().toUpperCase();
    try {
      const completion = await this.#run(name, space < 0 ? '' : line.slice(space + 1));
      if (completion.text !== undefined) this.out.ok(completion.text);
      await completion.after?.();
    } catch (error) {
      if (isEnd(error)) throw error;
      this.#refuse(this.#replyTo(name, error));
    }
  }

  #hasAskedTooMuch(): boolean {
    return this.#maildrop === undefined && ++this.#commandsBeforeLogin > this.#maxCommandsBeforeLogin();
  }

  #maxCommandsBeforeLogin(): number {
    return this.#options.limits.maxCommandsBeforeLogin ?? maxCommandsBeforeLogin;
  }

  async #run(name: string, argument: string): Promise<Pop3Completion> {
    const entry = commandNamed(name);
    if (entry === undefined) {
      this.#unknown++;
      throw new Pop3Reply('Protocol error. 14', { bye: this.#unknown >= maxUnknownCommands });
    }
    if (!entry.states.includes(this.state)) throw new Pop3Reply('Command is not valid in this state.');
    return entry.command(this, argument, name);
  }

  #replyTo(name: string, error: unknown): Pop3Reply {
    const reply = replyFor(error);
    if (reply === undefined) {
      this.#options.log.error({ error, command: knownName(name) }, 'Unexpected error in a POP3 command');
      return new Pop3Reply('Internal error.', { code: 'SYS/TEMP' });
    }
    this.#logStoreFailure(name, error instanceof Pop3Reply ? error.cause : error);
    if (name === 'PASS' || name === 'AUTH') this.#failedLogins++;
    return reply;
  }

  #logStoreFailure(command: string, error: unknown): void {
    if (!(error instanceof MailStoreError)) return;
    this.#options.log.warn({ error: error.cause ?? error, command }, `mailbox error: ${error.message}`);
  }

  #refuse(reply: Pop3Reply): void {
    this.out.error(reply.message, reply.code);
    if (reply.bye || this.#failedLogins >= this.#options.limits.maxFailedLogins) {
      this.#ended = true;
      this.#linger();
    }
  }

  /** Tells why and ends the connection; also while a command waits for the client. */
  #goodbye(why: string): void {
    // A handshake has a deadline of its own, and nothing may be said in between.
    if (this.#goOn !== undefined || this.#ended || this.#securing) return;
    this.#ended = true;
    this.out.error(why, 'SYS/TEMP');
    this.#linger();
  }

  #whyAborted(): string {
    const reason: unknown = this.#options.signal?.reason;
    return typeof reason === 'string' ? reason : 'The server is shutting down.';
  }

  #endedBy(error: unknown): void {
    if (error instanceof ReadTimeout) this.#goodbye('Idle timeout.');
    else if (error instanceof LineTooLong) this.#goodbye('The line is too long.');
    else if (error instanceof TooManyLines) this.#goodbye('Too many commands before the login.');
    else if (error instanceof WriteTimeout) {
      this.#options.log.warn('client does not read its replies: connection closed');
      this.#socket.destroy();
    } else if (!(error instanceof ConnectionEnded)) {
      this.#options.log.error({ error }, 'Unexpected error in a POP3 session');
      this.#socket.destroy();
    }
  }

  async #release(): Promise<void> {
    await this.#maildrop?.folder.close();
    await this.#store?.close();
  }

  #linger(): void {
    const socket = this.#socket;
    if (socket.destroyed || this.#lingering) return;
    this.#lingering = true;
    this.#reader.close();
    endGently(socket);
  }
}

function isEnd(error: unknown): boolean {
  return (
    error instanceof ConnectionEnded ||
    error instanceof ReadTimeout ||
    error instanceof WriteTimeout ||
    error instanceof TooManyLines ||
    error instanceof LineTooLong
  );
}

/** An unknown command may be anything, a password included: it is not logged. */
function knownName(name: string): string {
  return commandNamed(name) === undefined ? 'unknown' : name;
}

/** Knows nothing of the engine: nothing of that is kept for as long as the connection lasts. */
function goingOn(login: Pop3Login & { kind: 'hand-over' }, connection: HandedOver): () => Promise<void> {
  return () => login.take(connection);
}

/** Errors of the socket end the reading, which is where they are noticed. */
function ignore(): void {}
