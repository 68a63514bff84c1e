import type { Duplex } from 'node:stream';
import { writeTimeoutMs } from '../base/sockets/paced-writer.ts';
import { endsConnection, LineProtocolConnection } from '../line-protocol/connection.ts';
import { type Maildrops, MailStoreError } from '../mailbox/mail-store.ts';
import type { Pop3Completion, Pop3Context } from './command.ts';
import { commandNamed } from './command-table.ts';
import type { Maildrop } from './maildrop.ts';
import type { Pop3Options } from './options.ts';
import { Pop3Reply, replyFor } from './reply.ts';
import type { Pop3State } from './session.ts';
import { Pop3Writer } from './wire/response-writer.ts';

/** Unknown commands after which the client is not considered a mail program. */
const maxUnknownCommands = 20;

/** One POP3 connection: its state, and the path from a line to its reply. */
export class Pop3Connection extends LineProtocolConnection<Pop3Options, Pop3Writer, string> implements Pop3Context {
  protected override readonly called = 'a POP3 session';
  username: string | undefined;
  #store: Maildrops | undefined;
  #maildrop: Maildrop | undefined;
  #unknown = 0;
  #failedLogins = 0;

  constructor(socket: Duplex, options: Pop3Options) {
    super(socket, options, new Pop3Writer(socket, writeTimeoutMs.beforeLogin));
  }

  get state(): Pop3State {
    if (this.ended) return 'ended';
    return this.#maildrop === undefined ? 'authorization' : 'transaction';
  }

  get maildrop(): Maildrop {
    if (this.#maildrop === undefined) throw new Error('There is no maildrop before login.');
    return this.#maildrop;
  }

  override async ask(challenge: Buffer): Promise<Buffer> {
    const response = await this.responseTo(challenge, this.options.limits.maxLineBytes);
    if (response === undefined) throw new Pop3Reply('The client cancelled the authentication.');
    return response;
  }

  loggedIn(store: Maildrops, maildrop: Maildrop): void {
    this.loginDone();
    this.#store = store;
    this.#maildrop = maildrop;
  }

  override async startTls(): Promise<void> {
    await super.startTls();
    this.username = undefined;
  }

  protected override greet(): void {
    this.out.ok(this.options.greeting);
  }

  protected override tellWhy(why: string): void {
    this.out.error(why, 'SYS/TEMP');
  }

  protected override receive(): Promise<string> {
    return this.nextLineOf(this.options.limits.maxLineBytes);
  }

  protected override async answer(line: string): Promise<void> {
    const space = line.indexOf(' ');
    const name = (space < 0 ? line : line.slice(0, space)).trim().toUpperCase();
    try {
      const completion = await this.#run(name, space < 0 ? '' : line.slice(space + 1));
      if (completion.text !== undefined) this.out.ok(completion.text);
      await completion.after?.();
    } catch (error) {
      if (endsConnection(error)) throw error;
      this.#refuse(this.#replyTo(name, error));
    }
  }

  protected override async release(): Promise<void> {
    await this.#maildrop?.folder.close();
    await this.#store?.close();
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
      this.options.log.error({ error, command: knownName(name) }, 'Unexpected error in a POP3 command');
      return new Pop3Reply('Internal error.', { code: 'SYS/TEMP' });
    }
    this.#logStoreFailure(name, error instanceof Pop3Reply ? error.cause : error);
    if (name === 'PASS' || name === 'AUTH') this.#failedLogins++;
    return reply;
  }

  #logStoreFailure(command: string, error: unknown): void {
    if (!(error instanceof MailStoreError)) return;
    this.options.log.warn({ error: error.cause ?? error, command }, `mailbox error: ${error.message}`);
  }

  #refuse(reply: Pop3Reply): void {
    this.out.error(reply.message, reply.code);
    if (reply.bye || this.#failedLogins >= this.options.limits.maxFailedLogins) this.hangUp();
  }
}

/** An unknown command may be anything, even a password, so it is not logged. */
function knownName(name: string): string {
  return commandNamed(name) === undefined ? 'unknown' : name;
}
