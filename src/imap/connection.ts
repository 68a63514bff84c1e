import type { Duplex } from 'node:stream';
import { maxCommandsBeforeLogin, maxLinesAtOnce } from '../base/sockets/command-bound.ts';
import { FairTurns } from '../base/sockets/fair-turns.ts';
import type { HandedOver } from '../base/sockets/handed-over.ts';
import { ConnectionEnded, LineReader, LineTooLong, ReadTimeout, TooManyLines } from '../base/sockets/line-reader.ts';
import { endGently } from '../base/sockets/linger.ts';
import { WriteTimeout, writeTimeoutMs } from '../base/sockets/paced-writer.ts';
import { bytesSent, Presence } from '../base/sockets/presence.ts';
import type { MailStore } from '../mailbox/mail-store.ts';
import { decodeBase64 } from '../sasl/octets.ts';
import type { ImapCompletion, ImapContext } from './command.ts';
import { commandNamed } from './command-table.ts';
import type { ImapOptions } from './options.ts';
import { ImapReply, replyFor } from './reply.ts';
import type { SelectedFolder } from './selected-folder.ts';
import type { ImapLogin, ImapSession, ImapState } from './session.ts';
import { BrokenCommand, CommandReader, type RawCommand, TaggedRefusal } from './wire/command-reader.ts';
import { ImapWriter } from './wire/response-writer.ts';
import { Scanner } from './wire/scanner.ts';

/** Octets of a line that is no command. */
const maxLineBytes = 1024;

/** Broken commands in a row after which the client is taken for no mail program. */
const maxBrokenCommands = 20;

/** One connection: its state, and the loop from command to reply. */
export class ImapConnection implements ImapContext {
  readonly session: ImapSession;
  readonly out: ImapWriter;
  readonly presence: Presence;
  readonly #reader: LineReader;
  readonly #options: ImapOptions;
  readonly #commands: CommandReader;
  readonly #loginDeadline: NodeJS.Timeout;
  #socket: Duplex;
  #secure: boolean;
  #loggedOut = false;
  #store: MailStore | undefined;
  #folder: SelectedFolder | undefined;
  #goOn: (() => Promise<void>) | undefined;
  #waiting = false;
  #securing = false;
  readonly #turns = new FairTurns();
  #lingering = false;
  #broken = 0;
  #failedLogins = 0;
  #commandsBeforeLogin = 0;

  constructor(socket: Duplex, options: ImapOptions) {
    const { limits } = options;
    this.#options = options;
    this.#socket = socket;
    this.#secure = options.secure;
    this.session = options.session;
    this.out = new ImapWriter(socket, writeTimeoutMs.beforeLogin);
    this.#reader = new LineReader(socket, limits.loginTimeoutMs);
    this.#reader.maxLinesAtOnce = maxLinesAtOnce(this.#maxCommandsBeforeLogin());
    this.presence = new Presence(socket, () => bytesSent(this.#socket));
    this.#reader.onEnd = () => this.presence.ended();
    this.#commands = new CommandReader(this.#reader, limits, () =>
      this.out.continuation('Ready for additional command text.'),
    );
    this.#loginDeadline = setTimeout(() => this.#goodbye('The login took too long.'), limits.loginTimeoutMs);
  }

  get state(): ImapState {
    if (this.#loggedOut) return 'logout';
    if (this.#folder !== undefined) return 'selected';
    return this.#store === undefined ? 'not-authenticated' : 'authenticated';
  }

  get secure(): boolean {
    return this.#secure;
  }

  get canStartTls(): boolean {
    return this.#options.startTls !== undefined && !this.#secure;
  }

  get store(): MailStore {
    if (this.#store === undefined) throw new Error('There is no mail store before login.');
    return this.#store;
  }

  get folder(): SelectedFolder {
    if (this.#folder === undefined) throw new Error('No folder is selected.');
    return this.#folder;
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
      this.out.untagged(`OK ${this.#options.greeting}`);
      this.out.flush();
      while (!this.#loggedOut && this.#goOn === undefined) await this.#next();
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

  capabilities(): string {
    return this.session.capabilities({ authenticated: this.#store !== undefined, secure: this.#secure }).join(' ');
  }

  async ask(challenge: Buffer): Promise<Buffer> {
    await this.out.continuation(challenge.toString('base64'));
    const line = (await this.#reader.line(this.#options.limits.maxCommandBytes)).toString('latin1').trim();
    if (line === '*') throw new ImapReply('BAD', 'The client cancelled the authentication.');
    return decodeBase64(line);
  }

  async nextLine(): Promise<string> {
    this.#waiting = true;
    const line = await this.#reader.line(maxLineBytes);
    this.#waiting = false;
    return line.toString('latin1');
  }

  loggedIn(login: ImapLogin & { kind: 'store' }): void {
    clearTimeout(this.#loginDeadline);
    this.#reader.timeoutMs = this.#options.limits.idleTimeoutMs;
    this.#reader.maxLinesAtOnce = Number.POSITIVE_INFINITY;
    this.out.timeoutMs = writeTimeoutMs.afterLogin;
    this.#commands.takesMessages = true;
    this.#store = login.store;
  }

  async select(folder: SelectedFolder | undefined): Promise<void> {
    const left = this.#folder;
    this.#folder = folder;
    await left?.close();
  }

  expectTls(): void {
    // Before the go-ahead is on its way: a fast client's handshake must not be taken for what came in clear.
    this.#reader.discard();
    this.#reader.close();
  }

  async startTls(): Promise<void> {
    const { startTls } = this.#options;
    if (startTls === undefined) throw new Error('STARTTLS is not offered.');
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
  }

  async handOver(login: ImapLogin & { kind: 'hand-over' }): Promise<void> {
    if (this.#loggedOut || this.#socket.destroyed) return login.abandon();
    clearTimeout(this.#loginDeadline);
    this.#goOn = goingOn(login, { socket: this.#socket, unread: this.#reader.detach() });
  }

  end(): void {
    this.#loggedOut = true;
  }

  async #next(): Promise<void> {
    this.#waiting = true;
    if (this.#options.signal?.aborted) return this.#goodbye(this.#whyAborted());
    try {
      await this.#turns.next();
      // A client that does not take its replies gets no further ones.
      await this.out.sent();
      const raw = await this.#commands.next();
      this.#waiting = false;
      this.#broken = 0;
      if (this.#hasAskedTooMuch()) return this.#goodbye('Too many commands before the login.');
      await this.#answer(raw);
    } catch (error) {
      this.#waiting = false;
      if (error instanceof TaggedRefusal) this.#refuse(error.tag, error.reply);
      else if (error instanceof BrokenCommand) this.#refuseBroken(error);
      else throw error;
    }
  }

  #hasAskedTooMuch(): boolean {
    return this.#store === undefined && ++this.#commandsBeforeLogin > this.#maxCommandsBeforeLogin();
  }

  #maxCommandsBeforeLogin(): number {
    return this.#options.limits.maxCommandsBeforeLogin ?? maxCommandsBeforeLogin;
  }

  async #answer(raw: RawCommand): Promise<void> {
    let completion: ImapCompletion;
    try {
      completion = await this.#run(raw);
      await this.#commands.finishMessage();
    } catch (error) {
      if (error instanceof LineTooLong) throw new BrokenCommand('The line is too long.', { tag: raw.tag, fatal: true });
      if (isEnd(error)) throw error;
      await this.#commands.finishMessage();
      return this.#refuse(raw.tag, this.#replyTo(raw, error));
    }
    this.#folder?.tell(this.out, { expunges: completion.holdExpunges !== true });
    this.out.tagged(raw.tag, 'OK', completion.text, completion.code);
    await completion.after?.();
  }

  async #run(raw: RawCommand): Promise<ImapCompletion> {
    const scanner = new Scanner(raw.parts);
    const byUid = raw.name === 'UID';
    if (byUid) scanner.space();
    const name = byUid ? scanner.word() : raw.name;
    const entry = commandNamed(name);
    if (entry === undefined || (byUid && entry.uid !== true)) throw new ImapReply('BAD', 'Command Error. 12');
    const run = entry.command(scanner, { raw, name, byUid });
    if (!entry.states.includes(this.state)) throw new ImapReply('BAD', 'Command received in Invalid state.');
    return run(this);
  }

  #replyTo(raw: RawCommand, error: unknown): ImapReply {
    const reply = replyFor(error);
    if (reply === undefined) {
      this.#options.log.error({ error, command: raw.name }, 'Unexpected error in an IMAP command');
      return new ImapReply('NO', 'Internal error.', { code: 'SERVERBUG' });
    }
    if (reply.status === 'NO' && (raw.name === 'LOGIN' || raw.name === 'AUTHENTICATE')) this.#failedLogins++;
    return reply;
  }

  #refuse(tag: string, reply: ImapReply): void {
    this.out.tagged(tag, reply.status, reply.message, reply.code);
    if (reply.bye) this.#goodbye('The connection ends here.');
    else if (this.#failedLogins >= this.#options.limits.maxFailedLogins) this.#goodbye('Too many refused logins.');
  }

  #refuseBroken(error: BrokenCommand): void {
    this.out.tagged(error.tag, 'BAD', error.message);
    this.#broken++;
    if (error.fatal) this.#goodbye('Unrecoverable error, closing connection.');
    else if (this.#broken >= maxBrokenCommands) this.#goodbye('Too many invalid commands.');
  }

  /** Tells why and ends the connection; also while a command waits for the client. */
  #goodbye(why: string): void {
    // A handshake has a deadline of its own, and nothing may be said in between.
    if (this.#goOn !== undefined || this.#loggedOut || this.#securing) return;
    this.#loggedOut = true;
    this.out.untagged(`BYE ${why}`);
    this.out.flush();
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
      this.#options.log.error({ error }, 'Unexpected error in an IMAP session');
      this.#socket.destroy();
    }
  }

  async #release(): Promise<void> {
    await this.select(undefined);
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
    error instanceof LineTooLong ||
    error instanceof BrokenCommand
  );
}

/** Knows nothing of the engine: nothing of that is kept for as long as the connection lasts. */
function goingOn(login: ImapLogin & { kind: 'hand-over' }, connection: HandedOver): () => Promise<void> {
  return () => login.take(connection);
}

/** Errors of the socket end the reading, which is where they are noticed. */
function ignore(): void {}
