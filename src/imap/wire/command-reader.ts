import { type LineReader, LineTooLong } from '../../base/sockets/line-reader.ts';
import { ImapReply, ImapSyntaxError } from '../reply.ts';
import { type AppendRest, type MessageLiteral, StreamedLiteral } from './message-literal.ts';

/** A raw command: text with literals in place. */
export interface RawCommand {
  readonly tag: string;
  /** Upper case. */
  readonly name: string;
  /** What follows the name: text (one character per byte) and literals alternating. */
  readonly parts: readonly (string | Buffer)[];
  /** The first message of an APPEND, not yet read. */
  readonly message?: MessageLiteral;
}

/** Limits on one command. */
export interface CommandLimits {
  /** Maximum bytes of a command with all its literals, except for the message of an APPEND. */
  readonly maxCommandBytes: number;
}

/** A command that cannot be answered with its own tag, or after which the connection cannot continue. */
export class BrokenCommand extends Error {
  override readonly name = 'BrokenCommand';
  readonly tag: string;
  /** The start of the next command is unknown: the connection must end. */
  readonly fatal: boolean;

  constructor(text: string, options: { tag?: string; fatal: boolean }) {
    super(text);
    this.tag = options.tag ?? '*';
    this.fatal = options.fatal;
  }
}

/** A leading `~` marks a literal that may contain NUL (RFC 3516 section 4.1). */
const literalAtEnd = /~?\{(\d+)(\+?)\}$/;

const tagAtStart = /^[!#$&',-[\]^-z|}~]+(?=\s)/;

/** Commands have a handful; many tiny ones would fit the size limit and take far more memory than their bytes. */
const maxLiterals = 128;

/** Limits on reading past a refused APPEND: messages, and their bytes. */
const maxSkipped = { messages: 1_000, octets: 512 * 1024 * 1024 };

/** A message of an APPEND being read. */
interface OpenMessage {
  readonly tag: string;
  readonly literal: StreamedLiteral;
  /** What must follow it: the parenthesis of `UTF8 (~{12}` closes after it (RFC 6855 section 4). */
  readonly end: '' | ')';
}

/** Assembles commands from lines and literals (RFC 9051 sections 2.2.1 and 4.3, RFC 7888). */
export class CommandReader {
  readonly #reader: LineReader;
  readonly #limits: CommandLimits;
  readonly #invite: () => Promise<void>;
  /** The message of an APPEND may have any length. Before login, it is a literal like any other. */
  takesMessages = false;
  #open: OpenMessage | undefined;

  /** @param invite sends the continuation request for a synchronizing literal, and waits until it has been sent */
  constructor(reader: LineReader, limits: CommandLimits, invite: () => Promise<void>) {
    this.#reader = reader;
    this.#limits = limits;
    this.#invite = invite;
  }

  /** @throws BrokenCommand, ImapReply, ReadTimeout, ConnectionEnded */
  async next(): Promise<RawCommand> {
    let left = this.#limits.maxCommandBytes;
    let line = await this.#line(left, undefined);
    left -= line.length;
    const start = /^([!#$&',-[\]^-z|}~]+) +([A-Za-z]+)/.exec(line);
    const tag = start?.[1];
    const name = start?.[2]?.toUpperCase();
    if (start === null || tag === undefined || name === undefined) throw await this.#nonsense(line);
    const parts: (string | Buffer)[] = [];
    let text = line.slice(start[0].length);
    for (;;) {
      const literal = literalAtEnd.exec(text);
      parts.push(literal === null ? text : text.slice(0, literal.index));
      if (literal === null) return { tag, name, parts };
      const size = Number(literal[1]);
      const synchronizing = literal[2] === '';
      if (this.takesMessages && name === 'APPEND' && !isFirstArgument(parts) && Number.isSafeInteger(size)) {
        return { tag, name, parts, message: this.#message(tag, parts.at(-1)?.toString() ?? '', literal) };
      }
      if (size > left || parts.length > 2 * maxLiterals) throw refusedLiteral(tag, synchronizing);
      if (synchronizing) await this.#invite();
      parts.push(await this.#reader.octets(size));
      left -= size;
      line = await this.#line(left, tag);
      left -= line.length;
      text = line;
    }
  }

  /** Ends an APPEND: skips what was not read, and the messages after it. */
  async finishMessage(): Promise<void> {
    let octets = 0;
    for (let messages = 0; this.#open !== undefined; messages++) {
      const { tag, literal } = this.#open;
      octets += literal.synchronizing ? 0 : literal.size;
      if (messages > 0 && (messages > maxSkipped.messages || octets > maxSkipped.octets)) {
        throw new BrokenCommand('The rest of the command is too large.', { tag, fatal: true });
      }
      if (await literal.skip()) await this.#behind(this.#open).catch(syntaxIsNothing);
      else this.#open = undefined;
    }
  }

  /** The message announced by `text`. It is read next. */
  #message(tag: string, text: string, [literal, digits, plus]: readonly string[]): MessageLiteral {
    const facts = { size: Number(digits), binary: literal?.startsWith('~') === true, synchronizing: plus === '' };
    const streamed = new StreamedLiteral(this.#reader, facts, this.#invite);
    const open: OpenMessage = { tag, literal: streamed, end: /\($/.test(text) ? ')' : '' };
    this.#open = open;
    return { ...facts, accept: () => streamed.accept(), next: () => this.#behind(open) };
  }

  /** Continues reading after a message. */
  async #behind({ tag, end }: OpenMessage): Promise<AppendRest | undefined> {
    this.#open = undefined;
    const line = await this.#line(this.#limits.maxCommandBytes, tag);
    const literal = literalAtEnd.exec(line);
    const text = literal === null ? line : line.slice(0, literal.index);
    // The start of the next command is known only if the message is read or skipped, whatever is wrong with it.
    const message = literal === null ? undefined : this.#message(tag, text, literal);
    if (!text.startsWith(end)) throw new ImapSyntaxError('")" is missing after the message.');
    const rest = text.slice(end.length);
    return message === undefined && rest.trim() === '' ? undefined : { text: rest, message };
  }

  async #line(maxBytes: number, tag: string | undefined): Promise<string> {
    try {
      return (await this.#reader.line(maxBytes)).toString('latin1');
    } catch (error) {
      if (!(error instanceof LineTooLong)) throw error;
      const own = tag ?? tagAtStart.exec(error.start.toString('latin1'))?.[0];
      throw new BrokenCommand('The command line is too long.', { ...(own !== undefined && { tag: own }), fatal: true });
    }
  }

  async #nonsense(line: string): Promise<BrokenCommand> {
    const literal = literalAtEnd.exec(line);
    if (literal?.[2] === '+') return new BrokenCommand('A literal outside a command.', { fatal: true });
    const tag = /^[!#$&',-[\]^-z|}~]+(?=\s*$)/.exec(line)?.[0];
    return new BrokenCommand('Command Error. 10', { ...(tag !== undefined && { tag }), fatal: false });
  }
}

function syntaxIsNothing(error: unknown): undefined {
  if (error instanceof ImapSyntaxError) return undefined;
  throw error;
}

/** Tells whether the literal that follows is the first argument, the folder name. */
function isFirstArgument(parts: readonly (string | Buffer)[]): boolean {
  return parts.length === 1 && parts[0]?.toString().trim() === '';
}

function refusedLiteral(tag: string, synchronizing: boolean): Error {
  const text = 'The literal is too large.';
  // A client that did not wait for the continuation is already sending, and it is too much to read past.
  if (!synchronizing) return new BrokenCommand(text, { tag, fatal: true });
  return new TaggedRefusal(tag, new ImapReply('BAD', text, { code: 'TOOBIG' }));
}

/** A refusal before the command was complete. */
export class TaggedRefusal extends Error {
  override readonly name = 'TaggedRefusal';
  readonly tag: string;
  readonly reply: ImapReply;

  constructor(tag: string, reply: ImapReply) {
    super(reply.message);
    this.tag = tag;
    this.reply = reply;
  }
}
