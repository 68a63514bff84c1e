import { ImapSyntaxError } from '../reply.ts';
import { parseDateTime } from '../wire/format.ts';
import type { MessageLiteral } from '../wire/message-literal.ts';
import { Scanner } from '../wire/scanner.ts';

/** The arguments that precede a message of an APPEND. */
export interface MessageArguments {
  readonly flags: readonly string[];
  readonly internalDate: Date | undefined;
  /** The message is assembled from pieces (RFC 4469). */
  readonly isCatenated: boolean;
}

/** The arguments of an APPEND as they arrive: text, with messages or pieces of them in between as literals. */
export class AppendArguments {
  #scanner: Scanner;
  #literal: MessageLiteral | undefined;
  #hasEnded = false;

  /** @param literal the one that follows the text of `scanner` */
  constructor(scanner: Scanner, literal: MessageLiteral | undefined) {
    this.#scanner = scanner;
    this.#literal = literal;
  }

  /** The text that has arrived so far. */
  get scanner(): Scanner {
    return this.#scanner;
  }

  /** Whether the command has ended. */
  get hasEnded(): boolean {
    return this.#hasEnded || (this.#literal === undefined && this.#scanner.atEnd());
  }

  /** Whether a literal is next. */
  get aheadLiteral(): boolean {
    return this.#literal !== undefined && this.#scanner.atEnd();
  }

  /** Whether another message may follow: it has a literal, or is assembled from stored messages. */
  get isMore(): boolean {
    return this.#literal !== undefined || this.#scanner.holds('CATENATE');
  }

  /** The next literal. @throws ImapSyntaxError if there is none */
  literal(): MessageLiteral {
    if (this.#literal === undefined) throw new ImapSyntaxError('The message is missing; it is sent as a literal.');
    this.#scanner.end();
    return this.#literal;
  }

  /** Continues after the literal, which has been read. @throws ImapSyntaxError */
  async advance(): Promise<void> {
    const rest = await this.#literal?.next();
    this.#hasEnded = rest === undefined;
    this.#scanner = new Scanner([rest?.text ?? '']);
    this.#literal = rest?.message;
  }

  /** Reads flags and date before a message. @throws ImapSyntaxError */
  message(): MessageArguments {
    const scanner = this.#scanner;
    const flags = scanner.ahead('(') ? scanner.list(() => scanner.flag()) : [];
    scanner.trySpace();
    const dateTime = scanner.ahead('"') ? scanner.string() : undefined;
    scanner.trySpace();
    const internalDate = dateTime === undefined ? undefined : parseDateTime(dateTime);
    if (dateTime !== undefined && internalDate === undefined) throw new ImapSyntaxError('The date is malformed.');
    const isCatenated = scanner.tryWord('CATENATE');
    if (isCatenated) scanner.space();
    // RFC 6855 section 4: the parenthesis that closes after the message is read with the message.
    else if (scanner.tryWord('UTF8')) {
      scanner.space();
      scanner.expect('(');
    }
    return { flags, internalDate, isCatenated };
  }
}
