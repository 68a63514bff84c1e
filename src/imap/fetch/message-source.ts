import type { MessageContent } from '../../mailbox/mail-store.ts';
import { defaultMaxHeaderBytes, HeaderBlock } from '../../message/header/fields.ts';
import { ParsedMessage } from './parsed-message.ts';

/** As much of a message as a command has requested from the store, read and parsed at most once. */
export class FetchedMessage {
  readonly #given: Buffer | MessageContent | undefined;
  #octets: Promise<Buffer> | undefined;
  #parsed: ParsedMessage | undefined;
  #header: HeaderBlock | undefined;

  private constructor(given: Buffer | MessageContent | undefined) {
    this.#given = given;
  }

  /** For items answered from the listing. */
  static withoutContent(): FetchedMessage {
    return new FetchedMessage(undefined);
  }

  static ofHeader(header: Buffer): FetchedMessage {
    return new FetchedMessage(header);
  }

  /** Must be {@link release}d. */
  static ofContent(content: MessageContent): FetchedMessage {
    return new FetchedMessage(content);
  }

  /** The content as a stream, unless it is already in memory or its size is unknown. */
  get unread(): { readonly size: number; readonly stream: MessageContent['stream'] } | undefined {
    const given = this.#given;
    if (given === undefined || Buffer.isBuffer(given) || this.#octets !== undefined) return undefined;
    return given.size === undefined ? undefined : { size: given.size, stream: given.stream };
  }

  /** The whole message. */
  octets(): Promise<Buffer> {
    this.#octets ??= this.#read();
    return this.#octets;
  }

  async parsed(): Promise<ParsedMessage> {
    this.#parsed ??= new ParsedMessage(await this.octets());
    return this.#parsed;
  }

  async header(): Promise<HeaderBlock> {
    this.#header ??= Buffer.isBuffer(this.#given) ? parsedHeader(this.#given) : (await this.parsed()).root.header;
    return this.#header;
  }

  /** Discards content that was not read. */
  release(): void {
    if (this.#given !== undefined && !Buffer.isBuffer(this.#given)) this.#given.stream.destroy();
  }

  async #read(): Promise<Buffer> {
    if (this.#given === undefined || Buffer.isBuffer(this.#given)) throw new Error('The message was not asked for.');
    const chunks: Buffer[] = [];
    for await (const chunk of this.#given.stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }
}

function parsedHeader(octets: Buffer): HeaderBlock {
  return HeaderBlock.parse(octets, { maxHeaderBytes: Math.max(octets.length, defaultMaxHeaderBytes) });
}
