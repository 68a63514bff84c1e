import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { isGone, isStaleLink } from '../errors.ts';
import type { FolderProgress, IndexedFolder } from '../index/folder-table.ts';
import type { MessageFacts, PropertyFacts } from '../index/message-table.ts';
import { messageFacts, propertyFacts } from '../remote/facts.ts';
import type { RequestOptions } from '../remote/requests.ts';
import type { GraphMessage, GraphPage } from '../remote/resources.ts';
import type { AskedAt, FolderEdit } from './edit.ts';
import type { OwnChanges } from './own-changes.ts';
import type { FolderParts, SessionWatcher } from './parts.ts';

/** What a round works on; SyncedFolder implements it. */
export interface RoundedFolder {
  readonly key: number;
  readonly parts: FolderParts;
  readonly facts: IndexedFolder;
  readonly ownChanges: OwnChanges;
  uidOf(id: string): number | undefined;
  catchUp(): Promise<void>;
  edit(work: (edit: FolderEdit) => void, author?: SessionWatcher, progress?: () => FolderProgress): Promise<void>;
}

/** Options of a round. */
export interface RoundOptions extends Pick<RequestOptions, 'background' | 'signal'> {
  /** Called with the progress of a long one. */
  progress?(text: string): void;
}

/** Restarts of a full round if Graph keeps forgetting the place. */
const mostTries = 4;
/** Messages that get their UIDs in one transaction. */
const assignedAtOnce = 1_000;
/** The clocks of this machine and of Exchange differ by no more than this. */
const clockSkewMs = 5 * 60_000;
/** The clocks of Exchange's servers differ: changes are requested from slightly before the last one. */
const overlapMs = 5_000;

/** Compares a folder with Graph, by its changes or as a whole. */
export class FolderRounds {
  readonly #folder: RoundedFolder;

  constructor(folder: RoundedFolder) {
    this.#folder = folder;
  }

  /** Compares by changes if Graph can report them, otherwise as a whole. */
  async run(options: RoundOptions): Promise<void> {
    const { deltaLink } = this.#folder.facts;
    if (deltaLink === undefined) await this.full(options);
    else await this.#changesOrAll(deltaLink, options);
    await this.settle(options);
  }

  async #changesOrAll(deltaLink: string, options: RoundOptions): Promise<void> {
    try {
      await this.#changes(deltaLink, options);
    } catch (error) {
      if (!isStaleLink(error)) throw error;
      await this.full(options);
    }
  }

  /**
   * Compares the whole folder, unless another instance has done so meanwhile. An interrupted round continues where it
   * stopped, or starts over if Graph has forgotten the place.
   */
  async full(options: RoundOptions): Promise<void> {
    const { deltaLink: before } = this.#folder.facts;
    const waiting = () => options.progress?.('another instance of the bridge lists the messages');
    const patience = { signal: options.signal, waiting };
    await this.#folder.parts.index.authority.listing(this.#folder.key, patience, async (waited) => {
      if (waited) await this.#folder.catchUp();
      const { deltaLink } = this.#folder.facts;
      if (deltaLink !== undefined && deltaLink !== before) await this.#changes(deltaLink, options);
      else await this.#wholes(options);
    });
  }

  async #wholes(options: RoundOptions): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#whole(options);
      } catch (error) {
        if (!isStaleLink(error)) throw error;
        this.#folder.parts.index.folders.update(this.#folder.key, { roundLink: undefined });
        if (tries === mostTries) throw error;
      }
    }
  }

  async #whole(options: RoundOptions): Promise<void> {
    const folder = this.#folder;
    const { clock } = folder.parts;
    const startedAt = folder.ownChanges.now();
    const startedMs = clock.now();
    const { round, roundLink } = this.#begun();
    const properties = this.#allProperties(round, startedAt, options);
    // The first failure is reported; the other must not become an unhandled rejection.
    properties.catch(() => {});
    const deltaLink = await this.#allMessages(roundLink, round, startedAt, options);
    await properties;
    await this.#assignUids();
    // A change between the list of properties and that of messages is not reported again later.
    const sinceMs = Math.max(0, startedMs - clockSkewMs);
    const lateAt = { startedAt, pageAt: folder.ownChanges.now() };
    const late = await this.#propertiesSince(sinceMs, options);
    await this.#mergeProperties(late.found, lateAt);
    const goneAt = { startedAt, pageAt: folder.ownChanges.now() };
    const removed = await this.#reallyGone(await this.#unseen(round), options);
    await this.#inParts(removed.gone, (edit, some) => edit.removeAsTold(some, goneAt));
    for (const id of removed.there) folder.ownChanges.passedOver(id);
    const propertiesAtMs = Math.max(sinceMs, late.lastMs - overlapMs);
    await this.#endWhole({ deltaLink, propertiesAtMs, reconciledAtMs: clock.now() }, startedAt, options);
    folder.ownChanges.forget(startedAt);
  }

  /**
   * From now on, changes are requested from where the listing began. What others have written meanwhile may be older,
   * so it is read again first.
   */
  async #endWhole(progress: FolderProgress, startedAt: number, options: RoundOptions): Promise<void> {
    const { ownChanges } = this.#folder;
    let since = startedAt;
    for (let tries = 1; ; tries++) {
      const before = ownChanges.now();
      ownChanges.doubtOthersSince(since);
      if (since !== startedAt || ownChanges.othersSince(since)) await this.settle(options);
      since = before;
      let isEnded = false;
      await this.#folder.edit(
        () => {},
        undefined,
        () => {
          isEnded = !ownChanges.othersSince(before) || tries === mostTries;
          return isEnded ? { ...progress, roundLink: undefined } : {};
        },
      );
      if (isEnded) return ownChanges.doubtOthersSince(before);
    }
  }

  #begun(): { round: number; roundLink: string } {
    const { facts, key, parts } = this.#folder;
    if (facts.roundLink !== undefined) return { round: facts.round, roundLink: facts.roundLink };
    const begun = { round: facts.round + 1, roundLink: parts.mail.firstChanges(facts.id) };
    parts.index.folders.update(key, begun);
    return begun;
  }

  /** @returns the delta link */
  async #allMessages(from: string, round: number, startedAt: number, options: RoundOptions): Promise<string> {
    const { facts, parts } = this.#folder;
    let read = 0;
    const { ownChanges } = this.#folder;
    let pageAt = ownChanges.now();
    for (let coming = parts.mail.changes(from, options); ; ) {
      const page = await coming;
      const asked = { startedAt, pageAt };
      // The next page is requested while this one is recorded.
      pageAt = ownChanges.now();
      if (page.nextLink !== undefined) coming = unheard(parts.mail.changes(page.nextLink, options));
      await this.#takeIn(page.value, round, asked, page.nextLink);
      read += page.value.length;
      if (page.deltaLink !== undefined) return page.deltaLink;
      if (page.nextLink === undefined) throw new Error('Graph gives neither a next page nor a delta link');
      options.progress?.(`${read} of ${Math.max(read, facts.total)} messages listed`);
    }
  }

  async #takeIn(
    page: readonly GraphMessage[],
    round: number,
    asked: AskedAt,
    roundLink: string | undefined,
  ): Promise<void> {
    const folder = this.#folder;
    const { index } = folder.parts;
    const described = page
      .filter((message) => message['@removed'] === undefined)
      .flatMap((each) => messageFacts(each) ?? []);
    const isKnown = ({ id }: MessageFacts) => index.messages.get(folder.key, id) !== undefined;
    const hasKnown = described.some(isKnown);
    if (hasKnown) await folder.edit((edit) => edit.merge(described.filter(isKnown), new Map(), asked));
    // Messages without a UID belong to this instance only.
    index.db.transaction(() => {
      for (const facts of described) {
        const isOurs =
          folder.ownChanges.since(facts.id, asked.startedAt) || folder.ownChanges.othersSince(asked.pageAt);
        // A message that the bridge has removed since must not come back as new.
        if ((hasKnown && isKnown(facts)) || !isOurs) index.messages.stage(folder.key, facts, round);
        else folder.ownChanges.passedOver(facts.id);
      }
      if (roundLink !== undefined) index.folders.update(folder.key, { roundLink });
    });
  }

  async #allProperties(round: number, startedAt: number, options: RoundOptions): Promise<void> {
    const folder = this.#folder;
    const { index, mail } = folder.parts;
    const { id } = folder.facts;
    let pageAt = folder.ownChanges.now();
    for (
      let coming: Promise<GraphPage<GraphMessage>> | undefined = mail.properties(id, { sinceMs: 0 }, options);
      coming;
    ) {
      const page: GraphPage<GraphMessage> = await coming;
      const { nextLink } = page;
      const asked = { startedAt, pageAt };
      pageAt = folder.ownChanges.now();
      coming = nextLink === undefined ? undefined : unheard(mail.properties(id, { link: nextLink }, options));
      const told = page.value.flatMap((message) => propertyFacts(message) ?? []);
      const isKnown = ({ id }: PropertyFacts) => index.messages.get(folder.key, id) !== undefined;
      const known = new Set(told.filter(isKnown));
      if (known.size > 0) await folder.edit((edit) => this.#mergeSome(edit, known, asked));
      index.db.transaction(() => {
        for (const facts of told) {
          if (known.has(facts)) continue;
          // Another instance may have written meanwhile.
          if (known.size > 0 && isKnown(facts)) folder.ownChanges.passedOver(facts.id);
          else index.messages.stageProperties(folder.key, facts, round);
        }
      });
    }
  }

  #mergeSome(edit: FolderEdit, told: Iterable<PropertyFacts>, asked: AskedAt): void {
    const { index } = this.#folder.parts;
    for (const facts of told) {
      const known = index.messages.get(this.#folder.key, facts.id);
      if (known !== undefined) edit.mergeProperties(known, facts, asked);
    }
  }

  /** In order of arrival, a thousand at a time, yielding to other work in between. */
  async #assignUids(): Promise<void> {
    const { parts, key } = this.#folder;
    const { messages } = parts.index;
    messages.dropUndescribed(key);
    for (;;) {
      const staged = messages.staged(key, assignedAtOnce);
      if (staged.length === 0) return;
      await this.#folder.edit((edit) => edit.assign(staged));
      await yieldToOthers();
    }
  }

  /** IDs of messages that a full round has not seen. */
  async #unseen(round: number): Promise<readonly string[]> {
    const { parts, key } = this.#folder;
    const ids: string[] = [];
    for (let after = 0; ; ) {
      const some = parts.index.messages.unseen(key, round, after, assignedAtOnce);
      for (const { id } of some) ids.push(id);
      if (some.length < assignedAtOnce) return ids;
      after = some.at(-1)?.uid ?? after;
      await yieldToOthers();
    }
  }

  async #changes(deltaLink: string, options: RoundOptions): Promise<void> {
    const folder = this.#folder;
    const { mail } = folder.parts;
    const startedAt = folder.ownChanges.now();
    const asked = { startedAt, pageAt: startedAt };
    const messages = new Map<string, MessageFacts>();
    const removed = new Set<string>();
    let changedAtMs = 0;
    let link: string | undefined = deltaLink;
    let next = deltaLink;
    while (link !== undefined) {
      const page = await mail.changes(link, options);
      for (const message of page.value) {
        const facts = messageFacts(message);
        if (facts === undefined) continue;
        // The last report counts.
        messages.delete(facts.id);
        removed.delete(facts.id);
        if (message['@removed'] !== undefined) removed.add(facts.id);
        else messages.set(facts.id, facts);
        changedAtMs = Math.max(changedAtMs, Date.parse(message.lastModifiedDateTime ?? '') || 0);
      }
      next = page.deltaLink ?? next;
      link = page.nextLink;
    }
    const properties = await this.#changedProperties(messages, options);
    const { gone, there } = await this.#reallyGone([...removed], options);
    const inOrder = [...messages.values()].sort((a, b) => a.receivedMs - b.receivedMs);
    await this.#inParts(inOrder, (edit, some) => edit.merge(some, properties, asked));
    await this.#mergeProperties(properties, asked);
    await this.#inParts(gone, (edit, some) => edit.removeAsTold(some, asked));
    for (const id of there) folder.ownChanges.passedOver(id);
    const progress = {
      deltaLink: next,
      ...(changedAtMs > 0 && { propertiesAtMs: Math.max(0, changedAtMs - overlapMs) }),
    };
    // Written only now: what was interrupted before is reported again, which changes nothing. If others have written
    // meanwhile, everything is reported again, because what they have written may be older.
    await folder.edit(
      () => {},
      undefined,
      () => (folder.ownChanges.othersSince(startedAt) ? {} : progress),
    );
    folder.ownChanges.forget(startedAt);
  }

  /** Yields to other work in between: a program may have changed all messages of a folder at once. */
  async #inParts<Item>(items: readonly Item[], work: (edit: FolderEdit, some: readonly Item[]) => void) {
    for (let start = 0; start < items.length; start += assignedAtOnce) {
      const some = items.slice(start, start + assignedAtOnce);
      await this.#folder.edit((edit) => work(edit, some));
      if (start + assignedAtOnce < items.length) await yieldToOthers();
    }
  }

  /** Reads again what is in doubt. Anything that cannot be read stays in doubt. */
  async settle(options: RoundOptions): Promise<void> {
    const { ownChanges } = this.#folder;
    // If others write all the time, the rest is left for next time.
    for (let tries = 1; tries <= mostTries && ownChanges.hasDoubts; tries++) {
      const doubtful = ownChanges.takeDoubtful();
      try {
        await this.#describeAgain(doubtful, options);
      } catch (error) {
        for (const id of doubtful) ownChanges.passedOver(id);
        throw error;
      }
    }
  }

  /** Delta does not report extended properties; one list of everything changed does. */
  async #changedProperties(messages: ReadonlyMap<string, MessageFacts>, options: RoundOptions) {
    if (messages.size === 0) return new Map<string, PropertyFacts>();
    const { mail } = this.#folder.parts;
    const { found } = await this.#propertiesSince(this.#folder.facts.propertiesAtMs, options);
    for (const messageId of messages.keys()) {
      if (found.has(messageId) || this.#folder.uidOf(messageId) !== undefined) continue;
      const message = await mail.message(messageId, options).catch(goneIsNothing);
      const facts = message && propertyFacts(message);
      if (facts !== undefined) found.set(facts.id, facts);
    }
    return found;
  }

  /** Merges extended properties of known messages. */
  async #mergeProperties(told: ReadonlyMap<string, PropertyFacts>, asked: AskedAt): Promise<void> {
    await this.#inParts([...told.values()], (edit, some) => this.#mergeSome(edit, some, asked));
  }

  /** @returns the properties, and the time of the last change by Exchange's clock, milliseconds since 1970 */
  async #propertiesSince(sinceMs: number, options: RoundOptions) {
    const found = new Map<string, PropertyFacts>();
    let lastMs = 0;
    const { mail } = this.#folder.parts;
    const { id } = this.#folder.facts;
    let from: { sinceMs: number } | { link: string } | undefined = { sinceMs };
    while (from !== undefined) {
      const page: { value: readonly GraphMessage[]; nextLink: string | undefined } = await mail.properties(
        id,
        from,
        options,
      );
      for (const message of page.value) {
        const facts = propertyFacts(message);
        if (facts !== undefined) found.set(facts.id, facts);
        lastMs = Math.max(lastMs, Date.parse(message.lastModifiedDateTime ?? '') || 0);
      }
      from = page.nextLink === undefined ? undefined : { link: page.nextLink };
    }
    return { found, lastMs };
  }

  /** A message that left the folder and came back is reported only as removed, so each is looked up first. */
  async #reallyGone(ids: readonly string[], options: RoundOptions) {
    const folder = this.#folder;
    const known = ids.filter((id) => folder.uidOf(id) !== undefined);
    if (known.length === 0) return { gone: [], there: [] };
    const parents = await folder.parts.mail.parents(known, options);
    const here = folder.facts.id;
    return {
      gone: known.filter((id) => parents.get(id) !== here),
      there: known.filter((id) => parents.get(id) === here),
    };
  }

  /** Reads again messages that came back, or that were changed by the bridge and perhaps by others. */
  async #describeAgain(ids: readonly string[], options: RoundOptions): Promise<void> {
    const folder = this.#folder;
    if (ids.length === 0) return;
    const startedAt = folder.ownChanges.now();
    const asked = { startedAt, pageAt: startedAt };
    const here = folder.facts.id;
    const messages = await folder.parts.mail.messages(ids, options);
    const found = messages.filter(({ parentFolderId }) => parentFolderId === here);
    const properties = found.flatMap((message) => propertyFacts(message) ?? []);
    const told = new Map(properties.map((facts) => [facts.id, facts]));
    const facts = found.flatMap((message) => messageFacts(message) ?? []);
    const there = new Set(facts.map(({ id }) => id));
    const gone = ids.filter((id) => !there.has(id));
    await folder.edit((edit) => {
      edit.merge(facts, told, asked);
      edit.removeAsTold(gone, asked);
    });
  }
}

/** Marks a promise as handled: its failure, which may come early, is reported by the code that awaits it. */
function unheard<Result>(coming: Promise<Result>): Promise<Result> {
  coming.catch(() => {});
  return coming;
}

function goneIsNothing(error: unknown): undefined {
  if (isGone(error)) return undefined;
  throw error;
}
