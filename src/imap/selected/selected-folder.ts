import { createHash } from 'node:crypto';
import { TimeSlice } from '../../base/turns/time-slice.ts';
import type { ChangedFlags, Flag, FolderChange, MessageSummary, OpenFolder } from '../../mailbox/mail-store.ts';
import type { EnabledExtensions } from '../enabled.ts';
import type { ImapWriter } from '../wire/response-writer.ts';
import {
  firstAtLeast,
  formatSequenceSet,
  type MessageSet,
  type SequenceSet,
  selectNumbers,
  selectUpTo,
} from '../wire/sequence-set.ts';
import { ToldKeywords } from './keywords.ts';

interface Arrival {
  readonly message: MessageSummary;
  readonly recent: boolean;
}

/**
 * A folder as the client knows it: sequence numbers change only when the client is told (RFC 9051 section 7.5.1), so
 * changes by others wait here.
 */
export class SelectedFolder {
  readonly open: OpenFolder;
  /** {@link OpenFolder.highestModseq} before the messages were listed. */
  readonly modseqAtSelect: number;
  /** The UIDs that `$` stands for (RFC 5182). */
  saved: readonly number[] = [];
  readonly #enabled: EnabledExtensions;
  readonly #keywords = new ToldKeywords();
  /** Ascending. */
  #uids: number[] = [];
  /** In the same order as their UIDs: a map would take ten times the memory, and there may be very many. */
  #messages: MessageSummary[] = [];
  readonly #recent = new Set<number>();
  readonly #removed = new Set<number>();
  readonly #flagged = new Set<number>();
  /** By UID, ascending. */
  readonly #added = new Map<number, Arrival>();
  /** The first mod-sequence of which the client has not been told everything. */
  #untoldFrom = Number.POSITIVE_INFINITY;
  #gone: string | undefined;
  #onChange: (() => void) | undefined;
  #endWatch: (() => void) | undefined;

  private constructor(open: OpenFolder, enabled: EnabledExtensions) {
    this.open = open;
    this.#enabled = enabled;
    this.modseqAtSelect = open.highestModseq;
  }

  /** Lists the folder and starts to watch it. @param signal aborted when nobody waits for it any more */
  static async of(open: OpenFolder, enabled: EnabledExtensions, signal?: AbortSignal): Promise<SelectedFolder> {
    const folder = new SelectedFolder(open, enabled);
    // Watched before it is listed: a change meanwhile is in the list, in the watch, or in both.
    const meanwhile: FolderChange[] = [];
    const uidNext = open.uidNext;
    let note = (change: FolderChange): void => void meanwhile.push(change);
    folder.#endWatch = open.watch((change) => note(change));
    try {
      const { recentFrom } = open;
      const take = (message: MessageSummary): void => {
        folder.#append({ message, recent: message.uid >= recentFrom && message.uid < uidNext });
        folder.#keywords.learn(message.flags);
      };
      const listing = open.list(signal === undefined ? {} : { signal });
      // A list that is already complete does not cost a turn of the event loop per message.
      const slice = new TimeSlice(signal);
      if (Symbol.iterator in listing) {
        for (const message of listing) {
          take(message);
          if (slice.isOver) await slice.next();
        }
      } else {
        for await (const message of listing) {
          take(message);
          if (slice.isOver) await slice.next();
        }
      }
    } catch (error) {
      await folder.close();
      throw error;
    }
    note = (change) => folder.#note(change);
    for (const change of meanwhile) folder.#note(change);
    return folder;
  }

  /** Ascending by UID; the index is the sequence number minus one. */
  get uids(): readonly number[] {
    return this.#uids;
  }

  get recentCount(): number {
    return this.#recent.size;
  }

  /** The mod-sequence up to which the client knows everything (RFC 7162 section 3.1.2.1). */
  get toldModseq(): number {
    return Math.min(this.open.highestModseq, this.#untoldFrom - 1);
  }

  /** Why the folder can no longer be used; undefined while it can. */
  get gone(): string | undefined {
    return this.#gone;
  }

  get(uid: number): MessageSummary | undefined {
    const message = this.#messages[firstAtLeast(this.#uids, uid)];
    return message?.uid === uid ? message : undefined;
  }

  isRecent(uid: number): boolean {
    return this.#recent.has(uid);
  }

  /** Whether the message was removed without the client having been told. */
  isRemoved(uid: number): boolean {
    return this.#removed.has(uid);
  }

  /** The same for every message with the same content, as far as the store knows (RFC 8474 section 5.1). */
  emailId(uid: number): string {
    const known = this.open.emailId?.(uid);
    if (known !== undefined) return known;
    const { id, uidValidity } = this.open;
    return `M${createHash('sha256').update(`${id} ${uidValidity} ${uid}`).digest('hex').slice(0, 40)}`;
  }

  /** Every flag that FETCH reports for a message. */
  flagsOf(uid: number): readonly Flag[] {
    const flags = this.get(uid)?.flags ?? [];
    // IMAP4rev2 has no \Recent (RFC 9051 appendix E).
    return this.#recent.has(uid) && !this.#enabled.rev2 ? [...flags, '\\Recent'] : flags;
  }

  sequenceNumber(uid: number): number {
    return firstAtLeast(this.#uids, uid) + 1;
  }

  /** UIDs of the messages in a set, ascending. */
  resolve(set: MessageSet, byUid: boolean): number[] {
    if (set === 'saved') return this.saved.filter((uid) => this.#has(uid));
    if (byUid) return selectNumbers(set, this.#uids);
    return selectUpTo(set, this.#uids.length).map((number) => this.#uids[number - 1] as number);
  }

  /** Whether a sequence set contains numbers that no message has. */
  exceeds(set: SequenceSet): boolean {
    const last = this.#uids.length;
    return set.some(({ from, to }) => Math.max(finite(from, last), finite(to, last)) > last || last === 0);
  }

  /** Records flags set by the client's own command, which the client knows. */
  setFlags(uid: number, { flags, modseq }: ChangedFlags): void {
    const place = firstAtLeast(this.#uids, uid);
    const message = this.#messages[place];
    if (message?.uid === uid) this.#messages[place] = { ...message, flags, modseq };
  }

  /** Records messages removed by the client's own command; the next EXPUNGE responses report them. */
  markRemoved(uids: readonly number[]): void {
    for (const uid of uids) if (this.#has(uid)) this.#removed.add(uid);
  }

  /** Calls `listener` whenever there is something to send; one listener at a time. */
  onChange(listener: (() => void) | undefined): void {
    this.#onChange = listener;
  }

  /** `FLAGS (…)` with every keyword that messages carry. */
  tellFlags(out: ImapWriter): void {
    out.untagged(`FLAGS (${this.#keywords.listed()})`);
  }

  /** The flags a client can change (RFC 9051 section 7.1, PERMANENTFLAGS). */
  tellPermanentFlags(out: ImapWriter): void {
    const flags = this.open.readOnly ? '' : `${this.#keywords.listed()} \\*`;
    out.untagged(`OK [PERMANENTFLAGS (${flags})] Permanent flags`);
  }

  /** Announces new keywords before sending a message that carries them. */
  announceKeywords(flags: readonly Flag[], out: ImapWriter): void {
    if (!this.#keywords.learn(flags)) return;
    this.tellFlags(out);
    this.tellPermanentFlags(out);
  }

  /** Sends the flags of a message, with its MODSEQ if the client wants it. */
  tellMessageFlags(uid: number, out: ImapWriter, withUid: boolean): void {
    const message = this.get(uid);
    if (message === undefined) return;
    this.announceKeywords(message.flags, out);
    const uidItem = withUid ? `UID ${uid} ` : '';
    const modseq = this.#enabled.condstore ? ` MODSEQ (${message.modseq})` : '';
    out.untagged(`${this.sequenceNumber(uid)} FETCH (${uidItem}FLAGS (${this.flagsOf(uid).join(' ')})${modseq})`);
  }

  /** Sends the client all pending changes. */
  tell(out: ImapWriter, options: { readonly expunges: boolean }): void {
    if (options.expunges) this.#tellRemoved(out);
    this.tellArrivals(out);
    // With UID only if the client has asked for it: isync 1.4, while it lists, takes a FETCH with a UID for another
    // message.
    for (const uid of this.#flagged) this.tellMessageFlags(uid, out, this.#enabled.qresync);
    this.#flagged.clear();
    if (this.#removed.size === 0) this.#untoldFrom = Number.POSITIVE_INFINITY;
  }

  async close(): Promise<void> {
    this.#endWatch?.();
    this.#onChange = undefined;
    await this.open.close();
  }

  /** Tells the client of new messages. */
  tellArrivals(out: ImapWriter): void {
    if (this.#added.size === 0) return;
    const recentBefore = this.#recent.size;
    for (const arrival of this.#added.values()) this.#append(arrival);
    this.#added.clear();
    out.untagged(`${this.#uids.length} EXISTS`);
    if (this.#recent.size !== recentBefore && !this.#enabled.rev2) out.untagged(`${this.#recent.size} RECENT`);
  }

  #tellRemoved(out: ImapWriter): void {
    const gone = [...this.#removed].filter((uid) => this.#has(uid)).sort((a, b) => b - a);
    this.#removed.clear();
    if (gone.length === 0) return;
    const places = gone.map((uid) => firstAtLeast(this.#uids, uid));
    for (const uid of gone) {
      this.#flagged.delete(uid);
      this.#recent.delete(uid);
    }
    const isGone = new Set(gone);
    this.#messages = this.#messages.filter(({ uid }) => !isGone.has(uid));
    this.#uids = this.#messages.map(({ uid }) => uid);
    this.saved = this.saved.filter((uid) => !isGone.has(uid));
    if (this.#enabled.qresync) out.untagged(`VANISHED ${formatSequenceSet(gone.reverse())}`);
    else for (const place of places) out.untagged(`${place + 1} EXPUNGE`);
  }

  #append({ message, recent }: Arrival): void {
    if (recent) this.#recent.add(message.uid);
    if (this.#has(message.uid)) return;
    this.#uids.push(message.uid);
    this.#messages.push(message);
  }

  #has(uid: number): boolean {
    return this.get(uid) !== undefined;
  }

  #note(change: FolderChange): void {
    const modseq = change.kind === 'added' ? change.message.modseq : change.kind === 'gone' ? undefined : change.modseq;
    if (modseq !== undefined) this.#untoldFrom = Math.min(this.#untoldFrom, modseq);
    if (change.kind === 'added') this.#added.set(change.message.uid, change);
    if (change.kind === 'removed') this.#noteRemoved(change.uids);
    if (change.kind === 'flags') this.#noteFlags(change.uid, change);
    if (change.kind === 'gone') this.#gone = change.why;
    this.#onChange?.();
  }

  #noteFlags(uid: number, { flags, modseq }: ChangedFlags): void {
    const arrival = this.#added.get(uid);
    if (arrival !== undefined) this.#added.set(uid, { ...arrival, message: { ...arrival.message, flags, modseq } });
    if (this.#has(uid)) this.#flagged.add(uid);
    this.setFlags(uid, { flags, modseq });
  }

  #noteRemoved(uids: readonly number[]): void {
    for (const uid of uids) this.#added.delete(uid);
    this.markRemoved(uids);
  }
}

function finite(bound: number, last: number): number {
  return bound === Number.POSITIVE_INFINITY ? last : bound;
}
