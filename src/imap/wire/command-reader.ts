import { Readable } from 'node:stream';
import { type LineReader, LineTooLong } from '../../base/sockets/line-reader.ts';
import { ImapReply } from '../reply.ts';

/** A command as it came: text with the literals in their places. */
export interface RawCommand {
  readonly tag: string;
  /** Upper case. */
  readonly name: string;
  /** What stands behind the name: text (one character per octet) and literals by turns. */
  readonly parts: readonly (string | Buffer)[];
  /** The message of an APPEND, not yet read. */
  readonly message?: MessageLiteral;
}

/** The last literal of an APPEND. It is read by whoever stores it, not held in memory. */
export interface MessageLiteral {
  readonly size: number;
  /** It may hold NUL (RFC 3516 section 4.3, literal8). */
  readonly binary: boolean;
  /** The client waits until it is {@link accept}ed. */
  readonly synchronizing: boolean;
  /** Lets the client send, and gives what it sends. */
  accept(): Promise<Readable>;
}

/** What one command may weigh. */
export interface CommandLimits {
  /** Octets of a command with all its literals, but for the message of an APPEND. */
  readonly maxCommandBytes: number;
}

/** A command that cannot be answered with its own tag, or after which the connection cannot go on. */
export class BrokenCommand extends Error {
  override readonly name = 'BrokenCommand';
  readonly tag: string;
  /** The place of the next command is unknown: say goodbye. */
  readonly fatal: boolean;

  constructor(text: string, options: { tag?: string; fatal: boolean }) {
    super(text);
    this.tag = options.tag ?? '*';
    this.fatal = options.fatal;
  }
}

/** A `~` before it says that it may hold NUL (RFC 3516 section 4.1). */
const literalAtEnd = /~?\{(\d+)(\+?)\}$/;

const tagAtStart = /^[!#$&',-[\]^-z|}~]+(?=\s)/;

/** A command has a handful; of tiny ones many would fit, and weigh far more than their octets. */
const maxLiterals = 128;

const skipChunkBytes = 64 * 1024;

/** Puts commands together from lines and literals (RFC 9051 sections 2.2.1 and 4.3, RFC 7888). */
export class CommandReader {
  readonly #reader: LineReader;
  readonly #limits: CommandLimits;
  readonly #invite: () => Promise<void>;
  /** The message of an APPEND may be as long as it likes. Before login it is a literal like any other. */
  takesMessages = false;
  #open: StreamedLiteral | undefined;
  #openTag: string | undefined;
  /** What has to follow the message: `UTF8 (~{12}` is closed behind it (RFC 6855 section 4). */
  #openEnd: '' | ')' = '';

  /** @param invite sends the continuation request that lets the client send a synchronizing literal, and waits until it is taken */
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
        const binary = literal[0].startsWith('~');
        this.#open = new StreamedLiteral(this.#reader, { size, binary, synchronizing }, this.#invite);
        this.#openTag = tag;
        this.#openEnd = /\($/.test(parts.at(-1)?.toString() ?? '') ? ')' : '';
        return { tag, name, parts, message: this.#open };
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

  /** Ends an APPEND: what was not read is skipped, and so is the line behind the literal. */
  async finishMessage(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined || !(await open.skip())) return;
    const tag = this.#openTag ?? '*';
    const rest = await this.#line(this.#limits.maxCommandBytes, tag);
    if (rest.trim() !== this.#openEnd) {
      throw new BrokenCommand('Only one message can be appended at a time.', { tag, fatal: true });
    }
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

/** The message of an APPEND, taken off the wire as it is wanted. */
class StreamedLiteral implements MessageLiteral {
  readonly size: number;
  readonly binary: boolean;
  readonly #reader: LineReader;
  readonly synchronizing: boolean;
  readonly #invite: () => Promise<void>;
  #left: number;
  #accepted = false;

  constructor(
    reader: LineReader,
    { size, binary, synchronizing }: { size: number; binary: boolean; synchronizing: boolean },
    invite: () => Promise<void>,
  ) {
    this.size = size;
    this.binary = binary;
    this.#left = size;
    this.#reader = reader;
    this.synchronizing = synchronizing;
    this.#invite = invite;
  }

  async accept(): Promise<Readable> {
    this.#accepted = true;
    if (this.synchronizing) await this.#invite();
    return Readable.from(this.#content(), { objectMode: false });
  }

  /** Takes the rest off the wire. @returns false if the client was never let to send */
  async skip(): Promise<boolean> {
    if (this.synchronizing && !this.#accepted) return false;
    while (this.#left > 0) this.#left -= (await this.#reader.some(Math.min(this.#left, skipChunkBytes))).length;
    return true;
  }

  async *#content(): AsyncGenerator<Buffer> {
    while (this.#left > 0) {
      const chunk = await this.#reader.some(Math.min(this.#left, skipChunkBytes));
      this.#left -= chunk.length;
      yield chunk;
    }
  }
}

/** Whether the literal that follows is the first argument, the folder's name. */
function isFirstArgument(parts: readonly (string | Buffer)[]): boolean {
  return parts.length === 1 && parts[0]?.toString().trim() === '';
}

function refusedLiteral(tag: string, synchronizing: boolean): Error {
  const text = 'The literal is too large.';
  // A client that did not wait for the invitation is sending already, and too much to read past.
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
