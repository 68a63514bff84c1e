import type { Duplex } from 'node:stream';
import { logRepeated } from '../base/repeated-lines.ts';
import { LineTooLong } from '../base/sockets/line-reader.ts';
import { writeTimeoutMs } from '../base/sockets/paced-writer.ts';
import { endsConnection, LineProtocolConnection } from '../line-protocol/connection.ts';
import type { StoreLogin } from '../line-protocol/session.ts';
import { type MailStore, MailStoreError } from '../mailbox/mail-store.ts';
import type { ImapCompletion, ImapContext } from './command.ts';
import { commandNamed } from './command-table.ts';
import { DeflatedSocket } from './compress/deflated-socket.ts';
import { EnabledExtensions, type Extension } from './enabled.ts';
import type { ImapOptions } from './options.ts';
import { ImapReply, replyFor } from './reply.ts';
import type { SelectedFolder } from './selected/selected-folder.ts';
import type { ImapState } from './session.ts';
import { BrokenCommand, CommandReader, type RawCommand, TaggedRefusal } from './wire/command-reader.ts';
import { responseText } from './wire/format.ts';
import { ImapWriter } from './wire/response-writer.ts';
import { Scanner } from './wire/scanner.ts';

/** Maximum bytes of a line that is not a command. */
const maxLineBytes = 1024;

/** Consecutive malformed commands after which the client is not considered a mail program. */
const maxBrokenCommands = 20;

/** One IMAP connection: its state, and the path from a command to its tagged reply. */
export class ImapConnection extends LineProtocolConnection<ImapOptions, ImapWriter, RawCommand> implements ImapContext {
  protected override readonly called = 'an IMAP session';
  readonly enabled = new EnabledExtensions();
  readonly #commands: CommandReader;
  #store: MailStore | undefined;
  #folder: SelectedFolder | undefined;
  #broken = 0;
  #failedLogins = 0;
  #compressed = false;
  /** A command is running. */
  #running = false;

  constructor(socket: Duplex, options: ImapOptions) {
    super(socket, options, new ImapWriter(socket, writeTimeoutMs.beforeLogin));
    this.#commands = new CommandReader(this.reader, options.limits, () =>
      this.out.continuation('Ready for additional command text.'),
    );
  }

  get state(): ImapState {
    if (this.ended) return 'logout';
    if (this.#folder !== undefined) return 'selected';
    return this.#store === undefined ? 'not-authenticated' : 'authenticated';
  }

  get store(): MailStore {
    if (this.#store === undefined) throw new Error('There is no mail store before login.');
    return this.#store;
  }

  get folder(): SelectedFolder {
    if (this.#folder === undefined) throw new Error('No folder is selected.');
    return this.#folder;
  }

  capabilities(): string {
    return this.#told().join(' ');
  }

  announces(capability: string): boolean {
    return this.#told().includes(capability);
  }

  enable(extensions: readonly Extension[]): void {
    const knewModseq = this.enabled.condstore;
    for (const extension of extensions) this.enabled.add(extension);
    this.out.utf8 = this.enabled.utf8;
    if (knewModseq || !this.enabled.condstore || this.#folder === undefined) return;
    this.out.untagged(`OK [HIGHESTMODSEQ ${this.#folder.toldModseq}] Mod-sequences are reported from now on.`);
  }

  get compressed(): boolean {
    return this.#compressed;
  }

  async compress(): Promise<void> {
    await this.goOnIn((socket, unread) => new DeflatedSocket(socket, unread));
    this.#compressed = true;
  }

  bye(why: string): void {
    this.goodbye(why);
  }

  override async ask(challenge: Buffer): Promise<Buffer> {
    const response = await this.responseTo(challenge, this.options.limits.maxCommandBytes);
    if (response === undefined) throw new ImapReply('BAD', 'The client cancelled the authentication.');
    return response;
  }

  nextLine(): Promise<string> {
    return this.nextLineOf(maxLineBytes);
  }

  loggedIn(login: StoreLogin<MailStore>): void {
    this.loginDone();
    this.#commands.takesMessages = true;
    this.#store = login.store;
    login.store.onNotice?.((text) => {
      if (this.#running && !this.ended) this.out.notice(text);
    });
  }

  async select(folder: SelectedFolder | undefined): Promise<void> {
    const left = this.#folder;
    this.#folder = folder;
    this.#watchForEnd();
    await left?.close();
  }

  protected override greet(): void {
    this.out.untagged(`OK ${this.options.greeting}`);
    this.out.flush();
  }

  protected override tellWhy(why: string): void {
    this.out.untagged(`BYE ${responseText(why)}`);
    this.out.flush();
  }

  protected override async receive(): Promise<RawCommand | undefined> {
    try {
      const raw = await this.#commands.next();
      this.#broken = 0;
      return raw;
    } catch (error) {
      this.#refuseBroken(error);
      return undefined;
    }
  }

  protected override async answer(raw: RawCommand): Promise<void> {
    this.#running = true;
    try {
      await this.#carryOut(raw);
    } catch (error) {
      this.#refuseBroken(error);
    } finally {
      this.#running = false;
      this.#watchForEnd();
    }
  }

  protected override async release(): Promise<void> {
    await this.select(undefined);
    await this.#store?.close();
  }

  async #carryOut(raw: RawCommand): Promise<void> {
    let completion: ImapCompletion;
    try {
      completion = await this.#run(raw);
      await this.#commands.finishMessage();
    } catch (error) {
      if (error instanceof LineTooLong) throw new BrokenCommand('The line is too long.', { tag: raw.tag, fatal: true });
      if (endsConnection(error) || error instanceof BrokenCommand) throw error;
      if (!(error instanceof ImapReply && error.bye)) await this.#commands.finishMessage();
      return this.#refuse(raw.tag, this.#replyTo(raw, error));
    }
    // Nothing is sent after a BYE.
    if (!completion.last) this.#folder?.tell(this.out, { expunges: completion.holdExpunges !== true });
    const { code } = completion;
    this.out.tagged(
      raw.tag,
      completion.refused ? 'NO' : 'OK',
      completion.text,
      typeof code === 'function' ? code() : code,
    );
    await completion.after?.();
  }

  #told(): readonly string[] {
    const told = this.session.capabilities({ authenticated: this.#store !== undefined, secure: this.secure });
    return this.compressed ? told.filter((name) => name !== 'COMPRESS=DEFLATE') : told;
  }

  /**
   * Between commands, a client learns at once that its folder is gone; during a command, IDLE or the end of the command
   * reports it.
   */
  #watchForEnd(): void {
    const folder = this.#folder;
    if (folder === undefined || this.#running || this.ended) return;
    const look = (): void => {
      if (folder.gone !== undefined && !this.#running) this.goodbye(folder.gone);
    };
    folder.onChange(look);
    look();
  }

  async #run(raw: RawCommand): Promise<ImapCompletion> {
    const scanner = new Scanner(raw.parts, {
      ...(this.#store !== undefined && { delimiter: this.#store.delimiter }),
      utf8: this.enabled.utf8,
    });
    const byUid = raw.name === 'UID';
    if (byUid) scanner.space();
    const name = byUid ? scanner.word() : raw.name;
    const entry = commandNamed(name);
    if (entry === undefined || (byUid && entry.uid !== true)) throw new ImapReply('BAD', 'Command Error. 12');
    const run = entry.command(scanner, { raw, name, byUid });
    if (!entry.states.includes(this.state)) throw new ImapReply('BAD', 'Command received in Invalid state.');
    if (entry.states.length === 1 || name === 'NOOP') await this.#catchUp();
    return run(this);
  }

  /**
   * A client that looks into a folder sees what it contained when selected, even if SELECT has not reported all of it
   * yet.
   */
  async #catchUp(): Promise<void> {
    const upToDate = this.#folder?.open.upToDate;
    if (upToDate === undefined) return;
    await upToDate;
    // Sequence numbers the client has used stay the same. Flags are sent after the response it asked for: curl and
    // simple scripts take the first FETCH response for the answer.
    this.#folder?.tellArrivals(this.out);
  }

  #replyTo(raw: RawCommand, error: unknown): ImapReply {
    const reply = replyFor(error);
    if (reply === undefined) {
      this.options.log.error({ error, command: raw.name }, 'Unexpected error in an IMAP command');
      return new ImapReply('NO', 'Internal error.', { code: 'SERVERBUG' });
    }
    this.#logStoreFailure(raw.name, error);
    if (reply.status === 'NO' && (raw.name === 'LOGIN' || raw.name === 'AUTHENTICATE')) this.#failedLogins++;
    return reply;
  }

  /** Logs failures behind the mail store, not mistakes of the client. A client can cause them at will. */
  #logStoreFailure(command: string, error: unknown): void {
    if (!(error instanceof MailStoreError) || error.cause === undefined) return;
    const facts = { error: error.cause, command };
    logRepeated(this.options.log, 'warn', `imap store ${error.message}`, facts, `mailbox error: ${error.message}`);
  }

  #refuse(tag: string, reply: ImapReply): void {
    this.out.tagged(tag, reply.status, reply.message, reply.code);
    if (reply.bye) this.goodbye('The connection ends here.');
    else if (this.#failedLogins >= this.options.limits.maxFailedLogins) this.goodbye('Too many refused logins.');
  }

  /** Refuses input that never became a command, or broke off in the middle of one. @throws any other error */
  #refuseBroken(error: unknown): void {
    if (error instanceof TaggedRefusal) {
      this.#refuse(error.tag, error.reply);
      return;
    }
    if (!(error instanceof BrokenCommand)) throw error;
    this.out.tagged(error.tag, 'BAD', error.message);
    this.#broken++;
    if (error.fatal) this.goodbye('Unrecoverable error, closing connection.');
    else if (this.#broken >= maxBrokenCommands) this.goodbye('Too many invalid commands.');
  }
}
