import type { MailboxDirectory } from '../../../mailboxes/mailbox-directory.ts';
import type { Item } from '../item-ids.ts';
import { StoredDraft } from './draft.ts';

const folder = 'Drafts';

/** The drafts of all mailboxes; each stands in its mailbox's Drafts, where IMAP sees it too. */
export class Drafts {
  readonly #directory: MailboxDirectory;
  readonly #byPlace = new Map<string, StoredDraft>();

  constructor(directory: MailboxDirectory) {
    this.#directory = directory;
  }

  save(mailbox: string, draft: StoredDraft): Item {
    const { immutableId } = draft;
    const options = { flags: ['\\Draft', '\\Seen'], immutableId };
    const message = this.#directory.deliver(mailbox, folder, () => draft.compose(), options);
    this.#byPlace.set(placeOf(mailbox, message.uid), draft);
    return { folder, message };
  }

  /** The draft that a message is, one that came by IMAP included; undefined for a message that is none. */
  of(mailbox: string, { folder: where, message }: Item): StoredDraft | undefined {
    if (where !== folder) return undefined;
    const place = placeOf(mailbox, message.uid);
    const known = this.#byPlace.get(place);
    if (known !== undefined) return known;
    const draft = StoredDraft.fromMime(message.content);
    this.#byPlace.set(place, draft);
    return draft;
  }

  remove(mailbox: string, { message }: Item): void {
    this.#byPlace.delete(placeOf(mailbox, message.uid));
    this.#directory.remove(mailbox, folder, message.uid);
  }
}

function placeOf(mailbox: string, uid: number): string {
  return `${mailbox.toLowerCase()} ${uid}`;
}
