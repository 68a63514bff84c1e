import type { MailboxFolder } from '../../../mailboxes/mailbox-folder.ts';
import { KeptOctets } from '../../../mailboxes/stored-message.ts';
import type { Item } from '../messages/item-ids.ts';
import { changeOf, type MessageMarks } from '../messages/message-flags.ts';
import { StoredDraft } from './draft.ts';

/** Every message in this folder is a draft. */
const draftsFolder = 'Drafts';

/** What a client says of a message that is not a draft. */
export interface PostedFacts {
  readonly isRead: boolean;
  readonly receivedAt: Date;
}

/** The drafts of all mailboxes; each is in a folder, where IMAP also sees it. */
export class Drafts {
  /** By immutable id. */
  readonly #byItem = new Map<string, StoredDraft>();
  readonly #final = new Map<string, StoredDraft>();

  save(folder: MailboxFolder, draft: StoredDraft, marks: MessageMarks = {}): Item {
    const { immutableId } = draft;
    const compose = () => draft.compose();
    const message = folder.add(compose, ['\\Draft', '\\Seen'], new Date(), { immutableId });
    this.#byItem.set(immutableId, draft);
    const { properties: _, ...change } = changeOf(message, marks);
    return { folder, message: folder.update(message.uid, change) ?? message };
  }

  /** Stores a message that is no longer a draft; its attachments can still be changed. */
  saveFinal(folder: MailboxFolder, made: StoredDraft, marks: MessageMarks, about: PostedFacts): Item {
    const { immutableId } = made;
    const facts = { immutableId, isFinal: true };
    const flags = about.isRead ? ['\\Seen'] : [];
    const message = folder.add(() => made.compose(), flags, about.receivedAt, facts);
    this.#final.set(immutableId, made);
    return { folder, message: folder.update(message.uid, changeOf(message, marks)) ?? message };
  }

  /** The message's draft, or what it was posted as. */
  editable(item: Item): StoredDraft | undefined {
    return this.of(item) ?? this.#final.get(item.message.immutableId);
  }

  /** The message's draft, including one added over IMAP; undefined for a message that is not a draft. */
  of({ folder, message }: Item): StoredDraft | undefined {
    const known = this.#byItem.get(message.immutableId);
    if (known !== undefined) return known;
    const isDraft = folder.name === draftsFolder || message.flags.includes('\\Draft');
    if (message.isFinal || !isDraft) return undefined;
    const draft = StoredDraft.fromMime(message.content);
    this.#byItem.set(message.immutableId, draft);
    return draft;
  }

  /** Records that a message no longer is what it was posted as. */
  forgetPosted({ message }: Item): void {
    this.#final.delete(message.immutableId);
  }

  /** Records that a draft changed: its octets are made anew. */
  changed({ folder, message }: Item): Item {
    const draft = this.editable({ folder, message });
    if (draft === undefined) return { folder, message };
    const kept = new KeptOctets(() => draft.compose());
    return { folder, message: folder.update(message.uid, { kept }) ?? message };
  }

  /** Copies a message into a folder; the copy of a draft is a separate draft. */
  copied(item: Item, folder: MailboxFolder): Item {
    const draft = this.editable(item);
    const kept = draft === undefined ? item.message.kept : new KeptOctets(draft.compose());
    const message = folder.take({ ...item.message, content: Buffer.alloc(0), kept }, 'copy');
    return { folder, message };
  }

  /** Removes a message, draft or not, permanently. */
  remove({ folder, message }: Item): void {
    this.#byItem.delete(message.immutableId);
    this.#final.delete(message.immutableId);
    folder.remove([message.uid]);
  }
}
