import type { FolderChange } from '../../../mailbox/mail-store.ts';
import { isDraft } from '../flags.ts';
import type { FolderProgress, IndexedFolder } from '../index/folder-table.ts';
import type { MailboxIndex } from '../index/mailbox-index.ts';
import { type IndexedMessage, isPropertyFlag, type MessageFacts, type PropertyFacts } from '../index/message-table.ts';
import { type FolderMemory, summaryOf } from './memory.ts';
import type { OwnChanges } from './own-changes.ts';

/** The folder that an edit changes. */
export interface EditedFolder {
  readonly index: MailboxIndex;
  readonly facts: IndexedFolder;
  /** Whether a session has the folder open, or may have by the time the edit takes effect. */
  readonly isOpen: boolean;
  readonly ownChanges: OwnChanges;
}

/** When Graph was asked, by {@link OwnChanges.now}. */
export interface AskedAt {
  /** Before the whole series of requests. */
  readonly startedAt: number;
  /** Before this request. */
  readonly pageAt: number;
}

/**
 * Removals remembered per folder. A client that was away for longer is told of every number it knows that no longer
 * exists (RFC 7162 section 3.2.5.1).
 */
const mostRemovals = 10_000;

/**
 * Changes of a folder's index, made within one transaction; each has its own modification sequence. Memory is changed,
 * and others are told, once the changes are committed.
 */
export class FolderEdit {
  readonly changes: FolderChange[] = [];
  readonly #remembered: ((memory: FolderMemory) => void)[] = [];
  readonly #folder: EditedFolder;
  readonly #key: number;
  #modseq: number;
  #uidNext: number;
  #removalsFrom: number;

  constructor(folder: EditedFolder) {
    this.#folder = folder;
    this.#key = folder.facts.key;
    this.#modseq = folder.facts.modseq;
    this.#uidNext = folder.facts.uidNext;
    this.#removalsFrom = folder.facts.removalsFrom;
  }

  /** Repeats in memory what was done in the index. */
  remember(memory: FolderMemory): void {
    for (const change of this.#remembered) change(memory);
  }

  /** The folder's counters after the edit so far. */
  get counters(): Required<Pick<FolderProgress, 'modseq' | 'uidNext' | 'removalsFrom'>> {
    return { modseq: this.#modseq, uidNext: this.#uidNext, removalsFrom: this.#removalsFrom };
  }

  /** Adds a message. @returns its UID; for a known message, the one it already has */
  add(message: Omit<IndexedMessage, 'uid' | 'modseq'>, envelope: string): number {
    const { index, facts } = this.#folder;
    const known = index.messages.get(this.#key, message.id);
    if (known !== undefined) return known.uid;
    this.#modseq += 1;
    const added: IndexedMessage = { ...message, uid: this.#uidNext, modseq: this.#modseq };
    this.#uidNext += 1;
    index.messages.add(this.#key, added, envelope, facts.round);
    this.#put(added);
    this.changes.push({ kind: 'added', message: summaryOf(added), recent: false });
    return added.uid;
  }

  /**
   * Assigns UIDs to messages that a full round has found, except those that have one.
   * @param ids in order of arrival
   */
  assign(ids: readonly string[]): void {
    const { index, isOpen } = this.#folder;
    const modseq = this.#modseq + 1;
    for (const id of ids) {
      if (!index.messages.assign(this.#key, id, this.#uidNext, modseq)) continue;
      this.#modseq = modseq;
      this.#uidNext += 1;
      const added = isOpen ? index.messages.get(this.#key, id) : undefined;
      if (added === undefined) continue;
      this.#put(added);
      this.changes.push({ kind: 'added', message: summaryOf(added), recent: false });
    }
  }

  /**
   * Merges messages reported by Graph: unknown ones are new.
   * @param asked by {@link OwnChanges}: what the bridge has changed since is newer than what Graph reports
   */
  merge(messages: readonly MessageFacts[], properties: ReadonlyMap<string, PropertyFacts>, asked: AskedAt): void {
    const { messages: table } = this.#folder.index;
    const fresh: MessageFacts[] = [];
    for (const facts of messages) {
      const known = table.get(this.#key, facts.id);
      if (known === undefined) {
        // A message that the bridge has removed since must not come back as new.
        if (!this.#isPassedOver(facts.id, asked)) fresh.push(facts);
      } else this.#mergeKnown(known, facts, properties.get(facts.id), asked);
    }
    fresh.sort((a, b) => a.receivedMs - b.receivedMs || (a.id < b.id ? -1 : 1));
    for (const { id, changeKey, receivedMs, flags, envelope } of fresh) {
      const told = properties.get(id);
      const { flags: more = [], size = 0 } = told ?? {};
      this.add({ id, changeKey, receivedMs, flags: [...flags, ...more], size, isExact: false }, envelope);
      if (told !== undefined) table.setAncestry(this.#key, id, told);
    }
  }

  /** Merges extended properties of a known message. */
  mergeProperties(known: IndexedMessage, { flags, size, ...ancestry }: PropertyFacts, asked: AskedAt): void {
    const { index } = this.#folder;
    index.messages.setAncestry(this.#key, known.id, ancestry);
    if (size !== undefined && !known.isExact && size !== known.size) {
      index.messages.setSize(this.#key, known.id, size, false);
      this.#put({ ...known, size });
    }
    if (this.#isPassedOver(known.id, asked)) return;
    const told = [...known.flags.filter((flag) => !isPropertyFlag(flag)), ...flags];
    if (!sameFlags(known.flags, told))
      this.#setFlags({ ...known, size: known.isExact ? known.size : (size ?? known.size) }, told);
  }

  /** Sets the exact sizes of messages. @param sizes bytes, by Graph's ID */
  setSizes(sizes: ReadonlyMap<string, number>): void {
    const { index } = this.#folder;
    for (const [id, size] of sizes) {
      const known = index.messages.get(this.#key, id);
      if (known === undefined) continue;
      index.messages.setSize(this.#key, id, size, true);
      this.#put({ ...known, size, isExact: true });
    }
  }

  /** Sets flags that Graph has accepted from the bridge. */
  setFlags(known: IndexedMessage, flags: readonly string[], changeKey: string): number {
    return this.#setFlags({ ...known, changeKey }, flags);
  }

  /** Gives existing messages new UIDs, as if they had just arrived. @returns their old and new UIDs */
  renumber(ids: readonly string[]): { readonly from: readonly number[]; readonly to: readonly number[] } {
    const { index } = this.#folder;
    const known = ids.flatMap((id) => {
      const message = index.messages.get(this.#key, id);
      const told = message && index.messages.envelope(this.#key, id);
      return message === undefined ? [] : [{ message, ...told }];
    });
    this.remove(known.map(({ message }) => message.id));
    const to = known.map(({ message, envelope = '{}', inReplyTo, references }) => {
      const uid = this.add(message, envelope);
      index.messages.setAncestry(this.#key, message.id, { inReplyTo, references });
      return uid;
    });
    return { from: known.map(({ message }) => message.uid), to };
  }

  /** Removes messages that Graph reports as gone. */
  removeAsTold(ids: readonly string[], asked: AskedAt): void {
    this.remove(ids.filter((id) => !this.#isPassedOver(id, asked)));
  }

  /** Removes messages. @returns their UIDs, ascending */
  remove(ids: readonly string[]): readonly number[] {
    const { index } = this.#folder;
    const gone = ids.flatMap((id) => index.messages.get(this.#key, id) ?? []);
    if (gone.length === 0) return [];
    this.#modseq += 1;
    for (const message of gone) {
      index.messages.remove(this.#key, message, this.#modseq);
      this.#remembered.push((memory) => memory.drop(message));
    }
    this.#removalsFrom = index.messages.forgetRemovals(this.#key, mostRemovals) ?? this.#removalsFrom;
    const uids = gone.map(({ uid }) => uid).sort((a, b) => a - b);
    this.changes.push({ kind: 'removed', uids, modseq: this.#modseq });
    return uids;
  }

  #mergeKnown(known: IndexedMessage, facts: MessageFacts, properties: PropertyFacts | undefined, asked: AskedAt): void {
    if (this.#isPassedOver(known.id, asked)) return;
    const kept = properties?.flags ?? known.flags.filter(isPropertyFlag);
    const told = [...facts.flags.filter((flag) => !isPropertyFlag(flag)), ...kept];
    // A client may mark as a draft what Graph does not consider one.
    const flags = isDraft(known.flags) && !isDraft(told) ? [...told, '\\Draft'] : told;
    const { index } = this.#folder;
    const { changeKey } = facts;
    if (known.changeKey !== changeKey) {
      index.messages.setChangeKey(this.#key, known.id, changeKey, facts.envelope);
      this.#put({ ...known, changeKey });
    }
    if (!sameFlags(known.flags, flags)) this.#setFlags({ ...known, changeKey }, flags);
  }

  #setFlags(known: IndexedMessage, flags: readonly string[]): number {
    const { index } = this.#folder;
    this.#modseq += 1;
    const next = { ...known, flags: index.messages.flagSet(flags.join(' ')), modseq: this.#modseq };
    index.messages.update(this.#key, next);
    this.#put(next);
    this.changes.push({ kind: 'flags', uid: known.uid, flags: next.flags, modseq: next.modseq });
    return next.modseq;
  }

  /** Tells whether what Graph reports of a message may be older than what is known; the message is then read again. */
  #isPassedOver(id: string, { startedAt, pageAt }: AskedAt): boolean {
    const { ownChanges } = this.#folder;
    if (!ownChanges.since(id, startedAt) && !ownChanges.othersSince(pageAt)) return false;
    ownChanges.passedOver(id);
    return true;
  }

  #put(message: IndexedMessage): void {
    this.#remembered.push((memory) => memory.put(message));
  }
}

function sameFlags(before: readonly string[], after: readonly string[]): boolean {
  return before.length === after.length && after.every((flag) => before.includes(flag));
}
