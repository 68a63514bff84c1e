import type { MessageContent, OctetRange, OpenFolder } from '../../mailbox/mail-store.ts';
import { ParsedMessage } from './parsed-message.ts';

/** A message's content, read and taken apart once at most for one command. */
export class FetchedMessage {
  readonly #folder: OpenFolder;
  readonly #uid: number;
  #octets: Promise<Buffer> | undefined;
  #parsed: ParsedMessage | undefined;

  constructor(folder: OpenFolder, uid: number) {
    this.#folder = folder;
    this.#uid = uid;
  }

  /** Whether {@link octets} holds the message in memory already. */
  get loaded(): boolean {
    return this.#octets !== undefined;
  }

  /** The message as a stream, not held in memory. */
  async stream(range?: OctetRange): Promise<MessageContent> {
    return this.#folder.content(this.#uid, range);
  }

  octets(): Promise<Buffer> {
    this.#octets ??= this.#read();
    return this.#octets;
  }

  async parsed(): Promise<ParsedMessage> {
    this.#parsed ??= new ParsedMessage(await this.octets());
    return this.#parsed;
  }

  async #read(): Promise<Buffer> {
    const { stream } = await this.#folder.content(this.#uid);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }
}
