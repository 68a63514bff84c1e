import type { Maildrops, ReadableFolder } from '../mailbox/mail-store.ts';
import { Pop3Reply } from './reply.ts';

/** A message of the maildrop, by its number in this session. */
export interface MaildropMessage {
  readonly number: number;
  readonly uid: number;
  /** Bytes, exact if the store knows the exact size. */
  readonly size: number;
  /** Unique and permanent (RFC 1939 section 7): UIDVALIDITY and UID. */
  readonly uniqueId: string;
}

/** The inbox as a POP3 session sees it: numbered once, with deletions remembered until QUIT. */
export class Maildrop {
  readonly folder: ReadableFolder;
  // Parallel lists: 50,000 messages should not cost an object each.
  readonly #uids: number[] = [];
  readonly #sizes: number[] = [];
  readonly #deleted = new Set<number>();
  #octets = 0;
  #deletedOctets = 0;

  private constructor(folder: ReadableFolder) {
    this.folder = folder;
  }

  static async of(store: Maildrops): Promise<Maildrop> {
    const maildrop = new Maildrop(await store.open('INBOX', { readOnly: false }));
    for await (const { uid, size } of maildrop.folder.list({ exactSizes: true })) {
      maildrop.#uids.push(uid);
      maildrop.#sizes.push(size);
      maildrop.#octets += size;
    }
    return maildrop;
  }

  /** Number of messages not deleted. */
  get count(): number {
    return this.#uids.length - this.#deleted.size;
  }

  /** Bytes of the messages not deleted. */
  get octets(): number {
    return this.#octets - this.#deletedOctets;
  }

  /** Number of messages to be removed. */
  get deleted(): number {
    return this.#deleted.size;
  }

  /** The messages not deleted, in order. */
  *messages(): Generator<MaildropMessage> {
    for (let number = 1; number <= this.#uids.length; number++) {
      if (!this.#deleted.has(number)) yield this.#message(number);
    }
  }

  /** @throws Pop3Reply if there is no such message or it is deleted */
  get(number: number): MaildropMessage {
    if (number < 1 || number > this.#uids.length) throw new Pop3Reply('There is no such message.');
    if (this.#deleted.has(number)) throw new Pop3Reply('The message is deleted.');
    return this.#message(number);
  }

  delete(number: number): void {
    const { size } = this.get(number);
    this.#deleted.add(number);
    this.#deletedOctets += size;
  }

  /** Undoes every deletion. */
  reset(): void {
    this.#deleted.clear();
    this.#deletedOctets = 0;
  }

  /** Removes the deleted messages. @returns how many of them remain */
  async commit(): Promise<number> {
    if (this.#deleted.size === 0) return 0;
    const uids = [...this.#deleted].sort((a, b) => a - b).map((number) => this.#uids[number - 1] as number);
    return uids.length - (await this.folder.remove(uids)).length;
  }

  #message(number: number): MaildropMessage {
    const uid = this.#uids[number - 1] as number;
    return {
      number,
      uid,
      size: this.#sizes[number - 1] as number,
      uniqueId: `${this.folder.uidValidity}.${uid}`,
    };
  }
}
